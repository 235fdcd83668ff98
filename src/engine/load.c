/* SPDX-License-Identifier: MIT */
/* Loading in three steps, so that nothing is allocated before it is known to fit: lay out every
 * matrix (headers only), assign places in few large buffers (both weights/placement.c), then pack
 * (weights/packer.c). */
#include "engine/load.h"

#include "base/text.h"
#include "experts/experts.h"
#include "planner/tiers.h"
#include "weights/loading.h"

#include <inttypes.h>

static dsvk_status allocate(struct dv_loading *l)
{
    dsvk_status        status;
    struct dv_weights *w      = l->w;
    struct dv_device  *dev    = w->dev;
    uint64_t           tables = dv_places_table_bytes(w), limit = dev->bytes_limit;
    char               need[DV_SIZE_BYTES], may[DV_SIZE_BYTES];
    if (limit && w->bytes + tables + dev->bytes_used > limit) {
        dv_text_size_pair(need, w->bytes + tables, may, limit - dev->bytes_used);
        return dv_fail(l->ctx, DSVK_NO_VRAM,
                       "weights: it needs %s of device memory, %s may be used", need, may);
    }
    w->buffers = dv_zalloc_array(l->ctx, w->n_buffers, sizeof *w->buffers);
    if (!w->buffers)
        return dv_fail(l->ctx, DSVK_NO_MEMORY, "weights: no memory for their buffers");
    for (uint32_t b = 0; b < w->n_buffers; b++)
        TRY(dv_buffer_new(&w->buffers[b], dev, w->buffer_bytes[b], DV_MEMORY_RAW, "weights"));
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
    dsvk_status        status;
    struct dv_weights *w  = l->w;
    uint64_t           at = 0;
    for (uint32_t i = 0; i < l->n_items; i += dv_members(&w->recipes[l->items[i].recipe])) {
        const struct dv_load_item   *item    = &l->items[i];
        const struct dv_weight_info *info    = &w->recipes[item->recipe];
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
                            struct dv_stream *stream, const struct dv_weight_source *source,
                            struct dv_graph *const *graphs, uint32_t n_graphs,
                            const dsvk_progress *progress)
{
    dsvk_status        status;
    struct dv_weights *w = dv_zalloc(dev->ctx, sizeof *w);
    bool               room;
    *out = NULL;
    if (!w)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "weights: no memory for their table");
    w->dev = dev;
    dv_arena_init(&w->arena, dev->ctx);
    struct dv_loading l = { .w      = w,
                            .ctx    = dev->ctx,
                            .stream = stream,
                            .source = source,
                            .caps   = &dev->caps,
                            .limit  = dev->bytes_limit ? dev->bytes_limit : UINT64_MAX,
                            .used   = dev->bytes_used };
    TRY_OR(fail, dv_places_lay_out(&l, graphs, n_graphs));
    TRY_OR(fail, dv_places_assign(&l));
    TRY_OR(fail, dv_experts_take(&w->experts, &room, &l));
    TRY_OR(fail, allocate(&l));
    TRY_OR(fail, publish(&l));
    TRY_OR(fail, dv_loading_pack(&l, progress));
    if (w->experts)
        TRY_OR(fail, dv_experts_fill(w->experts, w, progress));
    *out = w;
    w    = NULL;
fail:
    dv_free(dev->ctx, l.items);
    dv_free(dev->ctx, l.layers);
    dv_weights_free(w);
    return status;
}

void dv_weights_free(struct dv_weights *weights)
{
    if (!weights)
        return;
    const struct dv_context *ctx = weights->dev->ctx;
    dv_experts_free(weights->experts);
    for (uint32_t b = 0; weights->buffers && b < weights->n_buffers; b++)
        dv_buffer_free(weights->buffers[b]);
    dv_buffer_free(weights->tables);
    dv_free(ctx, weights->buffers);
    dv_places_done(weights, ctx);
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
