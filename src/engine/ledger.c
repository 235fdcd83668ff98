/* SPDX-License-Identifier: MIT */
#include "engine/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "engine/loading.h"
#include "engine/recipes.h"
#include "engine/traffic.h"

const struct dv_caps dv_ledger_usual_card = {
    .name                  = "a card of the usual kind",
    .usable                = true,
    .subgroup              = 32,
    .subgroup_min          = 32,
    .subgroup_max          = 32,
    .subgroup_size_control = true,
    .subgroup_arithmetic   = true,
    .max_workgroup         = 1024,
    .max_shared_bytes      = 32768,
    .max_groups            = { 65535, 65535, 65535 },
    .max_push_bytes        = 128,
    .max_allocation        = UINT64_C(1) << 32,
    .max_buffer            = UINT64_C(1) << 32,
    .int64                 = true,
    .float16               = true,
    .int16                 = true,
    .cooperative_matrix    = true,
    .coop                  = { [DV_COOP_F16] = { 16, 16, 16 } },
};

/* ---- weights ---- */

static bool contains(const struct dv_weight_info *info, const char *part)
{
    return strstr(info->parts[0].name, part) != NULL;
}

static uint64_t *line_of(dsvk_plan_bytes *bytes, const struct dv_weight_info *info)
{
    if (info->kind == DV_WEIGHT_VECTOR || contains(info, "mlp.gate."))
        return &bytes->norms_routers;
    if (info->experts)
        return &bytes->routed_experts;
    if (contains(info, "shared_experts"))
        return &bytes->shared_experts;
    if (contains(info, "self_attn"))
        return &bytes->attention;
    return contains(info, "mlp.") ? &bytes->dense_ffn : &bytes->embedding_head;
}

/* Bytes of one expert of each layer: all matrices of it. */
static dsvk_status add_experts(dsvk_plan *plan, const struct dv_loading *l)
{
    uint32_t  layers = plan->layers;
    uint64_t *bytes  = dv_zalloc_array(l->ctx, (size_t)layers + 1, sizeof *bytes);
    if (!bytes)
        return dv_fail(l->ctx, DSVK_NO_MEMORY, "plan: no memory for %u layers", layers);
    for (uint32_t i = 0; i < l->n_items; i++) {
        const struct dv_weight_info *info = &l->w->recipes[l->items[i].recipe];
        const char                  *name = strstr(info->parts[0].name, "layers.");
        unsigned long layer = name ? strtoul(name + sizeof "layers." - 1, NULL, 10) : layers;
        if (info->experts && l->items[i].expert == 0 && layer < layers)
            bytes[layer] +=
                (l->items[i].bytes + DV_PLACE_ALIGN - 1) / DV_PLACE_ALIGN * DV_PLACE_ALIGN;
    }
    for (uint32_t i = 0; i < layers; i++)
        if (bytes[i] > plan->expert_bytes)
            plan->expert_bytes = bytes[i];
    dv_free(l->ctx, bytes);
    return DSVK_OK;
}

static dsvk_status add_weights(dsvk_plan *plan, struct dv_loading *l,
                               const struct dv_session_size *size)
{
    dsvk_status      status;
    struct dv_graph *graphs[2] = { NULL, NULL };
    uint32_t         n;
    status = dv_recipe_graphs(graphs, &n, l->ctx, size->config, size->math_f16, size->no_fuse);
    if (status == DSVK_OK)
        status = dv_places_lay_out(l, graphs, n);
    dv_graph_free(graphs[0]);
    dv_graph_free(graphs[1]);
    if (status == DSVK_OK)
        status = dv_places_assign(l, size->caps);
    if (status != DSVK_OK)
        return status;
    plan->device.alignment = l->w->bytes;
    for (uint32_t i = 0; i < l->n_items; i++) {
        *line_of(&plan->device, &l->w->recipes[l->items[i].recipe]) += l->items[i].bytes;
        plan->device.alignment -= l->items[i].bytes;
    }
    for (uint32_t b = 0; b < l->w->n_buffers; b++)
        if (l->w->buffer_bytes[b] > plan->largest_buffer)
            plan->largest_buffer = l->w->buffer_bytes[b];
    plan->device.expert_tables = dv_places_table_bytes(l->w);
    plan->device_bytes         = l->w->bytes + plan->device.expert_tables;
    plan->host_staging         = size->caps->device_mapped ? 0 : dv_loading_staging(l);
    return add_experts(plan, l);
}

/* ---- the session ---- */

static dsvk_status add_session(dsvk_plan *plan, struct dv_session_size *size, uint64_t left)
{
    dsvk_status             status;
    struct dv_session_bytes bytes;
    TRY(dv_size_choose(size, left));
    TRY(dv_size_bytes(&bytes, size));
    plan->context             = size->context;
    plan->chunk               = size->chunk;
    plan->device.latent_cache = bytes.cache;
    plan->device.activations  = bytes.arena;
    plan->device.rope_table   = bytes.rope;
    plan->device.arguments    = bytes.arguments;
    plan->host_session        = dv_size_host(&bytes);
    if (bytes.arena > plan->largest_buffer)
        plan->largest_buffer = bytes.arena;
    plan->device_bytes += dv_size_device(&bytes);
    return DSVK_OK;
}

/* `asked` is as the caller has it, with zeros. */
static dsvk_status add_bounds(dsvk_plan *plan, const struct dv_session_size *asked, uint64_t before,
                              uint64_t left)
{
    dsvk_status             status;
    struct dv_session_bytes bytes;
    struct dv_session_size  least = *asked, largest = *asked;
    dv_size_least(&least);
    TRY(dv_size_bytes(&bytes, &least));
    plan->least_bytes = before + dv_size_device(&bytes);
    if (largest.chunk == 0)
        largest.chunk = plan->chunk < DV_USUAL_CHUNK ? plan->chunk : DV_USUAL_CHUNK;
    plan->largest_chunk = largest.chunk;
    return dv_size_largest(&plan->largest_context, &largest, left);
}

/* ---- what a token reads ---- */

static dsvk_status add_token(dsvk_plan *plan, const struct dv_weight_source *source,
                             const struct dv_session_size *size)
{
    dsvk_status             status;
    struct dv_traffic       traffic;
    const struct dv_config *c = size->config;
    TRY(dv_traffic_of(&traffic, size->ctx, source, 1, 1, size->no_fuse));
    plan->token_weights = traffic.touched;
    plan->token_cache   = (uint64_t)dv_cache_record_bytes(size->cache, c->kv_lora, c->rope) *
                        c->layers * plan->context;
    return DSVK_OK;
}

static void count_experts(dsvk_plan *plan, const struct dv_config *config, uint64_t limit)
{
    uint64_t routed = plan->device.routed_experts, rest = plan->device_before + plan->device_bytes;
    for (uint32_t l = 0; l < config->layers; l++)
        if (dv_config_is_moe(config, l))
            plan->experts += config->experts;
        else
            plan->dense_layers++;
    plan->experts_fit = plan->fits ? plan->experts : 0;
    rest -= routed;
    if (!plan->fits && plan->expert_bytes && limit > rest) {
        uint64_t n        = (limit - rest) / plan->expert_bytes;
        plan->experts_fit = n < plan->experts ? (uint32_t)n : plan->experts;
    }
}

dsvk_status dv_ledger_make(dsvk_plan *plan, const struct dv_ledger_params *params)
{
    dsvk_status            status;
    struct dv_session_size size  = params->size;
    struct dv_weights      w     = { 0 };
    struct dv_loading      l     = { .w = &w, .ctx = size.ctx, .source = params->source };
    uint64_t               limit = params->limit ? params->limit : UINT64_MAX;
    dv_arena_init(&w.arena, size.ctx);
    *plan = (dsvk_plan){ .math_f16      = size.math_f16,
                         .layers        = size.config->layers,
                         .device_before = params->used,
                         .device_limit  = params->limit,
                         .buffer_limit  = dv_places_buffer_limit(size.caps) };
    TRY_OR(fail, add_weights(plan, &l, &size));
    uint64_t before = params->used + plan->device_bytes;
    uint64_t left   = limit == UINT64_MAX ? UINT64_MAX : limit > before ? limit - before : 0;
    TRY_OR(fail, add_session(plan, &size, left));
    plan->fits = plan->device_bytes + params->used <= limit;
    TRY_OR(fail, add_bounds(plan, &params->size, before, left));
    count_experts(plan, size.config, limit);
    status = add_token(plan, params->source, &size);
fail:
    dv_free(size.ctx, l.items);
    dv_places_done(&w, size.ctx);
    return status;
}
