/* SPDX-License-Identifier: MIT */
/* Where weights will lie: from the recipes of graphs and the headers of their source to places in
 * few large buffers. Needs no device and touches no weight, so that what is planned and what is
 * loaded are the same code. */
#include "weights/loading.h"

#include <inttypes.h>

/* ---- copying the recipes ---- */

const struct dv_weight_place *dv_weights_find(const struct dv_weights     *weights,
                                              const struct dv_weight_info *info)
{
    for (uint32_t i = 0; i < weights->n_recipes; i++)
        if (dv_weight_same(&weights->recipes[i], info))
            return &weights->places[i];
    return NULL;
}

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
            return dv_fail(l->ctx, DSVK_NO_MEMORY, "weights: no memory for names");
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
        for (uint32_t k = 0; !g->nodes[i].dead && k < dv_n_weights(g->nodes[i].op); k++)
            if (g->nodes[i].w.at[k])
                TRY(copy_recipe(l, &g->weights[g->nodes[i].w.at[k]], g->nodes[i].layer));
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
    struct dv_load_item         *first = &l->items[l->n_items];
    for (uint32_t e = 0; e < dv_members(info); e++) {
        struct dv_load_item *item = &l->items[l->n_items++];
        item->recipe              = recipe;
        item->expert              = e;
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

dsvk_status dv_places_lay_out(struct dv_loading *l, struct dv_graph *const *graphs,
                              uint32_t n_graphs)
{
    dsvk_status status;
    uint64_t    n = 0;
    TRY(copy_recipes(l, graphs, n_graphs));
    for (uint32_t i = 0; i < l->w->n_recipes; i++)
        n += dv_members(&l->w->recipes[i]);
    l->items = dv_zalloc_array(l->ctx, n, sizeof *l->items);
    if (!l->items)
        return dv_fail(l->ctx, DSVK_NO_MEMORY, "weights: no memory for %" PRIu64 " items", n);
    for (uint32_t i = 0; i < l->w->n_recipes; i++)
        TRY(lay_out_recipe(l, i));
    return DSVK_OK;
}

/* ---- places ---- */

dsvk_status dv_places_assign(struct dv_loading *l)
{
    struct dv_weights *w    = l->w;
    uint64_t           most = dv_caps_buffer_bytes(l->caps);
    dv_free(l->ctx, w->buffer_bytes);
    w->n_buffers    = 0;
    w->bytes        = 0;
    w->buffer_bytes = dv_zalloc_array(l->ctx, (size_t)l->n_items + 1, sizeof *w->buffer_bytes);
    if (!w->buffer_bytes)
        return dv_fail(l->ctx, DSVK_NO_MEMORY, "weights: no memory for their places");
    for (uint32_t i = 0; i < l->n_items; i++) {
        struct dv_load_item *item    = &l->items[i];
        bool                 vector  = w->recipes[item->recipe].kind == DV_WEIGHT_VECTOR;
        uint64_t             align   = vector ? 256 : DV_PLACE_ALIGN;
        uint64_t            *current = w->n_buffers ? &w->buffer_bytes[w->n_buffers - 1] : NULL;
        uint64_t             offset  = current ? (*current + align - 1) / align * align : 0;
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

uint64_t dv_places_table_bytes(const struct dv_weights *w)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; !w->experts && i < w->n_recipes; i++)
        if (w->recipes[i].experts)
            bytes += ((uint64_t)w->recipes[i].experts * 8 + 255) / 256 * 256;
    return bytes;
}

void dv_places_done(struct dv_weights *w, const struct dv_context *ctx)
{
    dv_free(ctx, w->buffer_bytes);
    dv_free(ctx, w->recipes);
    dv_free(ctx, w->places);
    dv_arena_done(&w->arena);
}
