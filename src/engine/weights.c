/* SPDX-License-Identifier: MIT */
/* Loading in three steps, so that nothing is allocated before it is known to fit: lay out every
 * matrix (headers only), assign places in few large buffers, then pack (engine/packing.c). */
#include "engine/experts.h"
#include "engine/loading.h"

#include <inttypes.h>

#define BUFFER_BYTES (UINT64_C(1) << 30) /* of one allocation, unless one matrix needs more */
#define ALIGN 4096u
#define MIB(bytes) ((double)(bytes) / (1024.0 * 1024.0))

static uint32_t members(const struct dv_weight_info *info)
{
    return info->experts ? info->experts : 1;
}

/* ---- copying the recipes ---- */

static dsvk_status copy_recipe(struct dv_loading *l, const struct dv_weight_info *from,
                               uint32_t layer)
{
    struct dv_weights *w = l->w;
    if (from->kind == DV_WEIGHT_ROPE || dv_weights_find(w, from))
        return DSVK_OK;
    l->layers[w->n_recipes]     = layer;
    struct dv_weight_info *info = &w->recipes[w->n_recipes];
    *info                       = *from;
    for (uint32_t p = 0; p < info->n_parts; p++) {
        info->parts[p].name = dv_arena_printf(&w->arena, "%s", from->parts[p].name);
        if (!info->parts[p].name)
            return dv_fail(w->dev->ctx, DSVK_NO_MEMORY, "weights: no memory for names");
    }
    info->name = info->parts[0].name;
    w->n_recipes++;
    return DSVK_OK;
}

/* Those that a node uses: fusion leaves the recipes that it replaced behind. */
static dsvk_status copy_recipes_of(struct dv_loading *l, const struct dv_graph *g)
{
    dsvk_status status;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        for (uint32_t k = 0; !g->nodes[i].dead && k < DV_MAX_WEIGHTS; k++)
            if (g->nodes[i].w[k])
                TRY(copy_recipe(l, &g->weights[g->nodes[i].w[k]], g->nodes[i].layer));
    return DSVK_OK;
}

static dsvk_status copy_recipes(struct dv_loading *l, struct dv_graph *const *graphs,
                                uint32_t n_graphs)
{
    dsvk_status              status;
    struct dv_weights       *w   = l->w;
    const struct dv_context *ctx = l->ctx;
    uint32_t                 n   = 1;
    for (uint32_t i = 0; i < n_graphs; i++)
        n += graphs[i]->n_weights;
    w->recipes = dv_zalloc_array(ctx, n, sizeof *w->recipes);
    w->places  = dv_zalloc_array(ctx, n, sizeof *w->places);
    l->layers  = dv_zalloc_array(ctx, n, sizeof *l->layers);
    if (!w->recipes || !w->places || !l->layers)
        return dv_fail(ctx, DSVK_NO_MEMORY, "weights: no memory for %u recipes", n);
    for (uint32_t i = 0; i < n_graphs; i++)
        TRY(copy_recipes_of(l, graphs[i]));
    return DSVK_OK;
}

/* ---- laying out ---- */

static bool same_layout(const struct dv_layout *a, const struct dv_layout *b)
{
    return a->format == b->format && a->block_shift == b->block_shift && a->bytes == b->bytes;
}

static dsvk_status lay_out_recipe(struct dv_loading *l, uint32_t recipe)
{
    dsvk_status                  status;
    const struct dv_weight_info *info  = &l->w->recipes[recipe];
    struct dv_load_item                 *first = &l->items[l->n_items];
    for (uint32_t e = 0; e < members(info); e++) {
        struct dv_load_item *item = &l->items[l->n_items++];
        item->recipe      = recipe;
        item->expert      = e;
        for (uint32_t p = 0; p < info->n_parts; p++)
            TRY(dv_source_part(&item->parts[p], l->ctx, l->source, info, p, e));
        item->bytes = ((uint64_t)info->cols * 4 + 255) / 256 * 256;
        if (info->kind == DV_WEIGHT_VECTOR)
            continue;
        TRY(dv_layout_of(&item->layout, l->ctx, info, item->parts));
        item->bytes = item->layout.bytes;
        /* One kernel serves all experts of a layer, so they must agree. */
        if (!same_layout(&item->layout, &first->layout))
            return dv_fail(l->ctx, DSVK_UNSUPPORTED,
                           "weights: %s: expert %u is stored in another format than expert 0",
                           info->name, e);
    }
    return DSVK_OK;
}

static dsvk_status lay_out(struct dv_loading *l)
{
    dsvk_status status;
    uint64_t    n = 0;
    for (uint32_t i = 0; i < l->w->n_recipes; i++)
        n += members(&l->w->recipes[i]);
    l->items = dv_zalloc_array(l->ctx, n, sizeof *l->items);
    if (!l->items)
        return dv_fail(l->ctx, DSVK_NO_MEMORY, "weights: no memory for %" PRIu64 " items", n);
    for (uint32_t i = 0; i < l->w->n_recipes; i++)
        TRY(lay_out_recipe(l, i));
    return DSVK_OK;
}

/* ---- places ---- */

static dsvk_status assign(struct dv_loading *l)
{
    struct dv_weights    *w    = l->w;
    const struct dv_caps *caps = &w->dev->caps;
    uint64_t              limit =
        caps->max_allocation < caps->max_buffer ? caps->max_allocation : caps->max_buffer;
    uint64_t most   = limit < BUFFER_BYTES ? limit : BUFFER_BYTES;
    w->buffer_bytes = dv_zalloc_array(l->ctx, (size_t)l->n_items + 1, sizeof *w->buffer_bytes);
    if (!w->buffer_bytes)
        return dv_fail(l->ctx, DSVK_NO_MEMORY, "weights: no memory for their places");
    for (uint32_t i = 0; i < l->n_items; i++) {
        struct dv_load_item *item    = &l->items[i];
        bool         vector  = w->recipes[item->recipe].kind == DV_WEIGHT_VECTOR;
        uint64_t     align   = vector ? 256 : ALIGN;
        uint64_t    *current = w->n_buffers ? &w->buffer_bytes[w->n_buffers - 1] : NULL;
        uint64_t     offset  = current ? (*current + align - 1) / align * align : 0;
        if (!current || offset + item->bytes > most) {
            current = &w->buffer_bytes[w->n_buffers++];
            offset  = 0;
        }
        item->buffer = w->n_buffers - 1;
        item->offset = offset;
        *current     = offset + item->bytes;
    }
    for (uint32_t b = 0; b < w->n_buffers; b++)
        w->bytes += w->buffer_bytes[b];
    return DSVK_OK;
}

static uint64_t table_bytes(const struct dv_weights *w)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; !w->experts && i < w->n_recipes; i++)
        if (w->recipes[i].experts)
            bytes += ((uint64_t)w->recipes[i].experts * 8 + 255) / 256 * 256;
    return bytes;
}

static dsvk_status allocate(struct dv_loading *l)
{
    dsvk_status        status;
    struct dv_weights *w      = l->w;
    struct dv_device  *dev    = w->dev;
    uint64_t           tables = table_bytes(w), limit = dev->bytes_limit;
    if (limit && w->bytes + tables + dev->bytes_used > limit)
        return dv_fail(l->ctx, DSVK_NO_VRAM,
                       "weights: they need %.0f MiB of device memory, %.0f MiB may be used",
                       MIB(w->bytes + tables), MIB(limit - dev->bytes_used));
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
    for (uint32_t i = 0; i < l->n_items; i += members(&w->recipes[l->items[i].recipe])) {
        const struct dv_load_item           *item    = &l->items[i];
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
    *out                 = NULL;
    if (!w)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "weights: no memory for their table");
    w->dev = dev;
    dv_arena_init(&w->arena, dev->ctx);
    struct dv_loading l = { .w = w, .ctx = dev->ctx, .stream = stream, .source = source };
    TRY_OR(fail, copy_recipes(&l, graphs, n_graphs));
    TRY_OR(fail, lay_out(&l));
    TRY_OR(fail, dv_experts_take(&w->experts, &l));
    TRY_OR(fail, assign(&l));
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
    dv_free(ctx, weights->buffer_bytes);
    dv_free(ctx, weights->recipes);
    dv_free(ctx, weights->places);
    dv_arena_done(&weights->arena);
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

const struct dv_weight_place *dv_weights_find(const struct dv_weights     *weights,
                                              const struct dv_weight_info *info)
{
    for (uint32_t i = 0; i < weights->n_recipes; i++)
        if (dv_weight_same(&weights->recipes[i], info))
            return &weights->places[i];
    return NULL;
}
