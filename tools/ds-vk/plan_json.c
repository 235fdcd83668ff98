/* SPDX-License-Identifier: MIT */
/* `ds-vk plan --json`: the view of a plan as one JSON document. Sizes are bytes and never
 * rounded. */
#include "json.h"
#include "plan.h"

static json_t *lines_of(const struct plan_line *lines, size_t n)
{
    json_t *object = json_object();
    for (size_t i = 0; i < n; i++)
        json_object_set_new(object, lines[i].key, json_count(lines[i].bytes));
    return object;
}

static json_t *heaps_of(const dsvk_plan *plan)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < plan->n_heaps; i++) {
        const dsvk_heap *heap = &plan->heaps[i];
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:b, s:b, s:b, s:b}", "size", json_count(heap->size),
                            "free", json_count(heap->free), "device_local", heap->device_local,
                            "host_visible", heap->host_visible, "holds_device", heap->holds_device,
                            "holds_host", heap->holds_host));
    }
    return list;
}

static json_t *device_of(const struct plan_view *view)
{
    const dsvk_plan *plan = view->plan;
    json_t          *name =
        plan->has_device ? json_text(dsvk_device_describe(view->cli->device)->name) : json_null();
    return json_pack("{s:o, s:b, s:b, s:o, s:o}", "name", name, "unified_memory", view->unified,
                     "memory_budget", plan->has_budget, "buffer_limit",
                     json_count(plan->buffer_limit), "heaps", heaps_of(plan));
}

static json_t *memory_of(const struct plan_view *view)
{
    const dsvk_plan *plan = view->plan;
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "lines", lines_of(view->device, view->n_device),
        "bytes", json_count(plan->device_bytes), "before", json_count(plan->device_before), "limit",
        json_count(plan->device_limit), "margin", json_count(view->margin), "shortfall",
        json_count(view->shortfall), "least", json_count(plan->least_bytes));
}

static json_t *experts_of(const dsvk_plan *plan)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:o}", "count", (json_int_t)plan->experts, "on_device",
                     (json_int_t)plan->experts_device, "in_host_memory",
                     (json_int_t)plan->experts_host, "on_disk", (json_int_t)plan->experts_disk,
                     "slot_bytes", json_count(plan->expert_bytes));
}

static json_t *placement_of(const struct plan_view *view)
{
    json_t         *list = json_array();
    dsvk_plan_layer layer;
    for (uint32_t i = 0; dsvk_model_plan_layer(&layer, view->cli->model, view->plan, i); i++)
        json_array_append_new(list,
                              json_pack("{s:I, s:b, s:I, s:I, s:I}", "layer", (json_int_t)i, "moe",
                                        layer.moe, "on_device", (json_int_t)layer.experts_device,
                                        "in_host_memory", (json_int_t)layer.experts_host, "on_disk",
                                        (json_int_t)layer.experts_disk));
    return list;
}

static json_t *token_of(const struct plan_view *view)
{
    json_t *object =
        json_pack("{s:o, s:o, s:o, s:o}", "weight_bytes", json_count(view->plan->token_weights),
                  "cache_bytes", json_count(view->plan->token_cache), "expert_host_bytes",
                  json_count(view->token_host), "expert_disk_bytes", json_count(view->token_disk));
    if (view->brought > 0)
        json_object_set_new(object, "tokens_per_second_with_experts", json_real(view->brought));
    if (view->bound > 0) {
        json_object_set_new(object, "most_tokens_per_second", json_real(view->bound));
        json_object_set_new(object, "most_tokens_per_second_full", json_real(view->bound_full));
    }
    return object;
}

static json_t *session_of(const struct plan_view *view)
{
    const dsvk_plan *plan = view->plan;
    return json_pack("{s:I, s:I, s:s, s:s, s:I, s:I}", "context", (json_int_t)plan->context,
                     "chunk", (json_int_t)plan->chunk, "cache", view->cache, "math",
                     plan->math_f16 ? "f16" : "f32", "largest_context",
                     (json_int_t)plan->largest_context, "largest_context_chunk",
                     (json_int_t)plan->largest_chunk);
}

int plan_json(const struct plan_view *view)
{
    const dsvk_plan       *plan = view->plan;
    const dsvk_model_info *info = dsvk_model_describe(view->cli->model);
    json_t                *document;

    document        = json_pack("{s:b, s:o, s:o, s:I, s:I}", "fits", plan->fits, "architecture",
                                json_text(info->architecture), "number_formats",
                                json_text(info->number_formats), "layers", (json_int_t)plan->layers,
                                "dense_layers", (json_int_t)plan->dense_layers);
    json_t *session = session_of(view);
    json_object_update(document, session);
    json_decref(session);
    json_object_set_new(document, "device", device_of(view));
    json_object_set_new(document, "device_memory", memory_of(view));
    json_object_set_new(document, "host_memory",
                        json_pack("{s:o}", "lines", lines_of(view->host, view->n_host)));
    json_object_set_new(document, "experts", experts_of(plan));
    json_object_set_new(document, "placement", placement_of(view));
    json_object_set_new(document, "token", token_of(view));
    return json_print(view->cli, document);
}
