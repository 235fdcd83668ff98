/* SPDX-License-Identifier: MIT */
/* Where weights will lie: from the recipes of graphs and the headers of their source to places in
 * a few large buffers. Needs no device and touches no weight, so that what is planned and what is
 * loaded are the same code. */
#include "weights/placement.h"

#include <inttypes.h>

/* ---- copying the recipes ---- */

static bool is_known(const struct dv_placement *pl, const struct dv_weight_info *info)
{
    for (uint32_t i = 0; i < pl->n_recipes; i++)
        if (dv_weight_same(&pl->recipes[i], info))
            return true;
    return false;
}

static dsvk_status copy_recipe(struct dv_placement *pl, const struct dv_weight_info *from,
                               uint32_t layer)
{
    if (from->kind == DV_WEIGHT_ROPE || is_known(pl, from))
        return DSVK_OK;
    pl->layers[pl->n_recipes]   = layer;
    struct dv_weight_info *info = &pl->recipes[pl->n_recipes];
    *info                       = *from;
    for (uint32_t p = 0; p < info->n_parts; p++) {
        info->parts[p].name = dv_arena_printf(&pl->arena, "%s", from->parts[p].name);
        if (!info->parts[p].name)
            return dv_fail(pl->ctx, DSVK_NO_MEMORY, "weights: no memory for names");
    }
    info->name = info->parts[0].name;
    pl->n_recipes++;
    return DSVK_OK;
}

/* Those that a node uses: fusion leaves the recipes that it replaced behind. */
static dsvk_status copy_recipes_of(struct dv_placement *pl, const struct dv_graph *g)
{
    dsvk_status status;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        for (uint32_t k = 0; !g->nodes[i].dead && k < dv_n_weights(g->nodes[i].op); k++)
            if (g->nodes[i].w.at[k])
                TRY(copy_recipe(pl, &g->weights[g->nodes[i].w.at[k]], g->nodes[i].layer));
    return DSVK_OK;
}

static dsvk_status copy_recipes(struct dv_placement *pl, struct dv_graph *const *graphs,
                                uint32_t n_graphs)
{
    dsvk_status              status;
    const struct dv_context *ctx = pl->ctx;
    uint32_t                 n   = 1;
    for (uint32_t i = 0; i < n_graphs; i++)
        n += graphs[i]->n_weights;
    pl->recipes = dv_zalloc_array(ctx, n, sizeof *pl->recipes);
    pl->layers  = dv_zalloc_array(ctx, n, sizeof *pl->layers);
    if (!pl->recipes || !pl->layers)
        return dv_fail(ctx, DSVK_NO_MEMORY, "weights: no memory for %u recipes", n);
    for (uint32_t i = 0; i < n_graphs; i++)
        TRY(copy_recipes_of(pl, graphs[i]));
    return DSVK_OK;
}

/* ---- laying out ---- */

static bool same_layout(const struct dv_layout *a, const struct dv_layout *b)
{
    return a->format == b->format && a->block_shift == b->block_shift && a->bytes == b->bytes;
}

static dsvk_status lay_out_recipe(struct dv_placement *pl, uint32_t recipe)
{
    dsvk_status                  status;
    const struct dv_weight_info *info  = &pl->recipes[recipe];
    struct dv_load_item         *first = &pl->items[pl->n_items];
    for (uint32_t e = 0; e < dv_members(info); e++) {
        struct dv_load_item *item = &pl->items[pl->n_items++];
        item->recipe              = recipe;
        item->expert              = e;
        for (uint32_t p = 0; p < info->n_parts; p++)
            TRY(dv_source_part(&item->parts[p], pl->ctx, &pl->source, info, p, e));
        item->bytes = ((uint64_t)info->cols * 4 + 255) / 256 * 256;
        if (info->kind == DV_WEIGHT_VECTOR)
            continue;
        TRY(dv_layout_of(&item->layout, pl->ctx, info, item->parts));
        item->bytes = item->layout.bytes;
        /* One kernel serves all experts of a layer, so they must agree. */
        if (!same_layout(&item->layout, &first->layout))
            return dv_fail(pl->ctx, DSVK_UNSUPPORTED,
                           "weights: %s: expert %u is stored in another format than expert 0",
                           info->name, e);
    }
    return DSVK_OK;
}

dsvk_status dv_placement_lay_out(struct dv_placement *pl, struct dv_graph *const *graphs,
                                 uint32_t n_graphs)
{
    dsvk_status status;
    uint64_t    n = 0;
    TRY(copy_recipes(pl, graphs, n_graphs));
    for (uint32_t i = 0; i < pl->n_recipes; i++)
        n += dv_members(&pl->recipes[i]);
    pl->items = dv_zalloc_array(pl->ctx, n, sizeof *pl->items);
    if (!pl->items)
        return dv_fail(pl->ctx, DSVK_NO_MEMORY, "weights: no memory for %" PRIu64 " items", n);
    for (uint32_t i = 0; i < pl->n_recipes; i++)
        TRY(lay_out_recipe(pl, i));
    return DSVK_OK;
}

/* ---- places ---- */

dsvk_status dv_placement_assign(struct dv_placement *pl)
{
    uint64_t most = dv_caps_buffer_bytes(pl->caps);
    dv_free(pl->ctx, pl->buffer_bytes);
    pl->n_buffers    = 0;
    pl->bytes        = 0;
    pl->buffer_bytes = dv_zalloc_array(pl->ctx, (size_t)pl->n_items + 1, sizeof *pl->buffer_bytes);
    if (!pl->buffer_bytes)
        return dv_fail(pl->ctx, DSVK_NO_MEMORY, "weights: no memory for their places");
    for (uint32_t i = 0; i < pl->n_items; i++) {
        struct dv_load_item *item    = &pl->items[i];
        bool                 vector  = pl->recipes[item->recipe].kind == DV_WEIGHT_VECTOR;
        uint64_t             align   = vector ? 256 : DV_PLACE_ALIGN;
        uint64_t            *current = pl->n_buffers ? &pl->buffer_bytes[pl->n_buffers - 1] : NULL;
        uint64_t             offset  = current ? (*current + align - 1) / align * align : 0;
        if (!current || offset + item->bytes > most) {
            current = &pl->buffer_bytes[pl->n_buffers++];
            offset  = 0;
        }
        item->buffer = pl->n_buffers - 1;
        item->offset = offset;
        *current     = offset + item->bytes;
    }
    for (uint32_t b = 0; b < pl->n_buffers; b++)
        pl->bytes += pl->buffer_bytes[b];
    return DSVK_OK;
}

uint64_t dv_placement_table_bytes(const struct dv_placement *pl)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < pl->n_items; i += dv_members(&pl->recipes[pl->items[i].recipe])) {
        uint32_t experts = pl->recipes[pl->items[i].recipe].experts;
        bytes += ((uint64_t)experts * 8 + 255) / 256 * 256;
    }
    return bytes;
}

/* ---- making ---- */

void dv_placement_init(struct dv_placement *pl, const struct dv_context *ctx,
                       const struct dv_caps *caps, const struct dv_weight_source *source)
{
    *pl = (struct dv_placement){ .ctx = ctx, .caps = caps, .source = *source };
    dv_arena_init(&pl->arena, ctx);
}

void dv_placement_forget_items(struct dv_placement *pl)
{
    dv_free(pl->ctx, pl->items);
    dv_free(pl->ctx, pl->layers);
    pl->items   = NULL;
    pl->layers  = NULL;
    pl->n_items = 0;
}

void dv_placement_done(struct dv_placement *pl)
{
    dv_placement_forget_items(pl);
    dv_free(pl->ctx, pl->buffer_bytes);
    dv_free(pl->ctx, pl->recipes);
    dv_arena_done(&pl->arena);
}
