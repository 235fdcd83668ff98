/* SPDX-License-Identifier: MIT */
/* dsvk_model_plan(): the planner's sums copied into the public struct. It allocates nothing on a
 * device and works without one. */
#include "api/handles.h"
#include "planner/tiers.h"
#include "planner/ledger.h"

static dsvk_status check_params(const dsvk_model *model, const dsvk_device *device,
                                const dsvk_plan_params *params)
{
    const struct dv_context *ctx = &model->ctx;
    if (!device && params->memory_limit == 0)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "plan: neither a device nor how much memory it has");
    if (params->context > model->config.max_context)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT,
                       "plan: a context of %u tokens, but the model's limit is %u", params->context,
                       model->config.max_context);
    if ((unsigned)params->cache >= DV_N_CACHE_CHOICES || (unsigned)params->math > DSVK_MATH_F16)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "plan: no such cache format or math");
    if ((unsigned)params->weights >= DV_N_WEIGHT_CHOICES)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "plan: no such format of weights");
    if (params->chunk > 4096)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "plan: chunks of %u tokens, at most 4096",
                       params->chunk);
    return DSVK_OK;
}

static void add_heaps(dsvk_plan *plan, const struct dv_caps *caps)
{
    plan->has_device = true;
    plan->has_budget = caps->memory_budget;
    for (uint32_t i = 0; i < caps->n_heaps && i < DSVK_MAX_HEAPS; i++) {
        const struct dv_heap *heap   = &caps->heaps[i];
        plan->heaps[plan->n_heaps++] = (dsvk_heap){ .size         = heap->size,
                                                    .free         = heap->free,
                                                    .device_local = heap->local,
                                                    .host_visible = heap->visible,
                                                    .holds_device = i == caps->device_heap,
                                                    .holds_host   = i == caps->host_heap };
    }
}

dsvk_status dsvk_model_plan(dsvk_plan *plan, const dsvk_model *model, const dsvk_device *device,
                            const dsvk_plan_params *params)
{
    dsvk_status status;
    *plan = (dsvk_plan){ 0 };
    TRY(check_params(model, device, params));
    if (device)
        dv_device_read_budget(device->dev, true);
    const struct dv_caps   *caps   = device ? &device->dev->caps : &dv_ledger_usual_card;
    struct dv_weight_source source = dv_source_of(model);
    source.formats                 = params->weights;
    struct dv_ledger_params ledger = {
        .source = &source,
        .size   = { .ctx      = &model->ctx,
                    .config   = &model->config,
                    .caps     = caps,
                    .math_f16 = dv_wants_f16(params->math, caps),
                    .no_fuse  = params->no_fuse,
                    .context  = params->context,
                    .chunk    = params->chunk,
                    .cache    = dv_cache_format_of(params->cache) },
        .limit  = params->memory_limit,
    };
    if (device) {
        ledger.used  = device->dev->bytes_used;
        ledger.limit = params->memory_limit ? params->memory_limit : device->dev->bytes_limit;
    }
    uint64_t left = ledger.limit > ledger.used ? ledger.limit - ledger.used : 0;
    ledger.host   = params->host_memory ? params->host_memory : dv_expert_host_bytes(caps, left);
    if (ledger.size.context > 0 && ledger.size.chunk > ledger.size.context)
        ledger.size.chunk = ledger.size.context;
    TRY(dv_ledger_make(plan, &ledger));
    if (device)
        add_heaps(plan, caps);
    return DSVK_OK;
}

bool dsvk_model_plan_layer(dsvk_plan_layer *placed, const dsvk_model *model, const dsvk_plan *plan,
                           uint32_t layer)
{
    const struct dv_config *c      = &model->config;
    uint32_t                before = 0, n = plan->layers - plan->dense_layers;
    *placed = (dsvk_plan_layer){ 0 };
    if (layer >= c->layers)
        return false;
    placed->moe = dv_config_is_moe(c, layer);
    if (!placed->moe)
        return true;
    for (uint32_t l = 0; l < layer; l++)
        before += dv_config_is_moe(c, l);
    struct dv_expert_share first =
        dv_experts_share(plan->experts_device, plan->experts_host, before, n);
    struct dv_expert_share end =
        dv_experts_share(plan->experts_device, plan->experts_host, before + 1, n);
    placed->experts_device = (uint32_t)(end.device - first.device);
    placed->experts_host   = (uint32_t)(end.host - first.host);
    placed->experts_disk   = c->experts - placed->experts_device - placed->experts_host;
    return true;
}
