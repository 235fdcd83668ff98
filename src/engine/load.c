/* SPDX-License-Identifier: MIT */
/* Loading in three steps, so that nothing is allocated before it is known to fit: lay out every
 * matrix (headers only), assign places in a few large buffers (both weights/placement.c), then pack
 * (weights/packer.c). */
#include "engine/load.h"

#include "base/text.h"
#include "experts/experts.h"
#include "planner/tiers.h"
#include "weights/loading.h"

#include <inttypes.h>

static dsvk_status fail_small(const struct dv_context *ctx, uint64_t least, uint64_t left)
{
    char need[DV_SIZE_BYTES], may[DV_SIZE_BYTES];
    dv_text_size_pair(need, least, may, left);
    return dv_fail(ctx, DSVK_NO_VRAM, "weights: it needs %s of device memory, %s may be used", need,
                   may);
}

/* Headers cannot tell what a scale is. */
static dsvk_status check_scales(const struct dv_placement *pl)
{
    dsvk_status status;
    for (uint32_t i = 0; pl->source.checkpoint && i < pl->n_items; i++) {
        const struct dv_load_item   *item = &pl->items[i];
        const struct dv_weight_info *info = &pl->recipes[item->recipe];
        for (uint32_t p = 0; info->kind != DV_WEIGHT_VECTOR && p < info->n_parts; p++) {
            char name[256];
            dv_weight_tensor_name(name, info->parts[p].name, item->expert);
            TRY(dv_source_check_scales(pl->ctx, &pl->source, name, info->parts[p].rows,
                                       info->tensor_cols));
        }
    }
    return DSVK_OK;
}

/* Where everything will lie, experts that come and go apart. */
static dsvk_status place(struct dv_weights *w, const struct dv_load_params *params)
{
    dsvk_status             status;
    struct dv_taken         taken;
    struct dv_expert_budget budget;
    TRY(dv_placement_lay_out(&w->placement, params->graphs, params->n_graphs));
    if (params->check_scales)
        TRY(check_scales(&w->placement));
    TRY(dv_placement_assign(&w->placement));
    if (!params->budget)
        return DSVK_OK;
    budget       = *params->budget;
    budget.limit = w->dev->bytes_limit ? w->dev->bytes_limit : UINT64_MAX;
    budget.used  = w->dev->bytes_used;
    TRY(dv_experts_take(&taken, &w->placement, &budget));
    w->experts = taken.experts;
    if (taken.room)
        return DSVK_OK;
    return fail_small(w->dev->ctx, taken.least, dv_expert_left(&budget, 0));
}

static dsvk_status allocate(struct dv_loading *l)
{
    dsvk_status                status;
    struct dv_weights         *w      = l->w;
    struct dv_device          *dev    = w->dev;
    const struct dv_placement *pl     = &w->placement;
    uint64_t                   tables = dv_placement_table_bytes(pl), limit = dev->bytes_limit;
    w->bytes = pl->bytes;
    if (limit && w->bytes + tables + dev->bytes_used > limit)
        return fail_small(l->ctx, w->bytes + tables, limit - dev->bytes_used);
    w->places  = dv_zalloc_array(l->ctx, (size_t)pl->n_recipes + 1, sizeof *w->places);
    w->buffers = dv_zalloc_array(l->ctx, pl->n_buffers, sizeof *w->buffers);
    if (!w->buffers || !w->places)
        return dv_fail(l->ctx, DSVK_NO_MEMORY, "weights: no memory for their buffers");
    for (uint32_t b = 0; b < pl->n_buffers; b++)
        TRY(dv_buffer_new(&w->buffers[b], dev, pl->buffer_bytes[b], DV_MEMORY_RAW, "weights"));
    if (tables) {
        TRY(dv_buffer_new(&w->tables, dev, tables, DV_MEMORY_DEVICE, "expert tables"));
        w->bytes += tables;
    }
    return DSVK_OK;
}

static uint64_t address_of(const struct dv_weights *w, const struct dv_load_item *item)
{
    return w->buffers[item->buffer]->address + item->offset;
}

/* Fills places and the tables of expert addresses. Items of a recipe are neighbours. */
static dsvk_status publish(struct dv_loading *l)
{
    dsvk_status                status;
    struct dv_weights         *w  = l->w;
    const struct dv_placement *pl = &w->placement;
    uint64_t                   at = 0;
    for (uint32_t i = 0; i < pl->n_items; i += dv_members(&pl->recipes[pl->items[i].recipe])) {
        const struct dv_load_item   *item    = &pl->items[i];
        const struct dv_weight_info *info    = &pl->recipes[item->recipe];
        struct dv_weight_place      *place   = &w->places[item->recipe];
        uint64_t                     address = address_of(w, item);
        if (info->experts) {
            uint64_t *table = dv_zalloc_array(l->ctx, info->experts, sizeof *table);
            if (!table)
                return dv_fail(l->ctx, DSVK_NO_MEMORY, "weights: no memory for an expert table");
            for (uint32_t e = 0; e < info->experts; e++)
                table[e] = address_of(w, item + e);
            status =
                dv_stream_upload(l->stream, w->tables, at, table, info->experts * sizeof *table);
            dv_free(l->ctx, table);
            if (status != DSVK_OK)
                return status;
            address = w->tables->address + at;
            at += ((uint64_t)info->experts * 8 + 255) / 256 * 256;
        }
        if (info->kind == DV_WEIGHT_VECTOR)
            *place = (struct dv_weight_place){ .address = address };
        else
            dv_layout_place(place, &item->layout, address);
    }
    return DSVK_OK;
}

dsvk_status dv_weights_load(struct dv_weights **out, struct dv_device *dev,
                            struct dv_stream *stream, const struct dv_load_params *params)
{
    dsvk_status        status;
    struct dv_weights *w = dv_zalloc(dev->ctx, sizeof *w);
    *out                 = NULL;
    if (!w)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "weights: no memory for their table");
    w->dev = dev;
    dv_placement_init(&w->placement, dev->ctx, &dev->caps, params->source);
    struct dv_loading l = {
        .w = w, .ctx = dev->ctx, .stream = stream, .batch_bytes = params->batch_bytes
    };
    TRY_OR(fail, place(w, params));
    TRY_OR(fail, allocate(&l));
    TRY_OR(fail, publish(&l));
    l.total = w->bytes + (w->experts ? dv_experts_fill_bytes(w->experts) : 0);
    TRY_OR(fail, dv_loading_pack(&l, params->progress));
    dv_placement_forget_items(&w->placement);
    if (w->experts)
        TRY_OR(fail, dv_experts_fill(w->experts, w, stream, params->progress));
    *out = w;
    w    = NULL;
fail:
    dv_weights_free(w);
    return status;
}

void dv_weights_free(struct dv_weights *weights)
{
    if (!weights)
        return;
    const struct dv_context *ctx = weights->dev->ctx;
    dv_experts_free(weights->experts);
    for (uint32_t b = 0; weights->buffers && b < weights->placement.n_buffers; b++)
        dv_buffer_free(weights->buffers[b]);
    dv_buffer_free(weights->tables);
    dv_free(ctx, weights->buffers);
    dv_free(ctx, weights->places);
    dv_placement_done(&weights->placement);
    dv_free(ctx, weights);
}

uint64_t dv_weights_bytes(const struct dv_weights *weights)
{
    return weights->bytes + (weights->experts ? dv_experts_device_bytes(weights->experts) : 0);
}

struct dv_experts *dv_weights_experts(const struct dv_weights *weights)
{
    return weights->experts;
}
