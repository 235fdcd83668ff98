/* SPDX-License-Identifier: MIT */
/* The experts of a model taken out of the list of all that is loaded: which there are, layer by
 * layer, and how large a slot for one must be. */
#include "experts/experts.h"

#define ALIGN 4096u

uint64_t dv_expert_bytes(const struct dv_load_item *item)
{
    return (item->bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static struct dv_expert_layer *layer_of(struct dv_experts *x, uint32_t layer)
{
    uint32_t i = 0;
    while (i < x->n_layers && x->layers[i].layer != layer)
        i++;
    x->n_layers += i == x->n_layers;
    x->layers[i].layer = layer;
    return &x->layers[i];
}

/* The items of one recipe, which are neighbours. */
static dsvk_status add_recipe(struct dv_experts *x, const struct dv_placement *pl,
                              struct dv_load_item *items)
{
    uint32_t                     recipe = items[0].recipe;
    const struct dv_weight_info *info   = &pl->recipes[recipe];
    struct dv_expert_layer      *layer  = layer_of(x, pl->layers[recipe]);
    if (layer->n_parts == DV_EXPERT_PARTS || (x->n_experts && x->n_experts != info->experts))
        return dv_fail(x->ctx, DSVK_UNSUPPORTED, "experts: %s: layers differ", info->name);
    x->n_experts   = info->experts;
    uint64_t bytes = 0;
    for (uint32_t k = 0; k < layer->n_parts; k++)
        bytes += dv_expert_bytes(&layer->parts[k].items[0]);
    layer->parts[layer->n_parts].recipe = recipe;
    layer->parts[layer->n_parts].info   = info;
    layer->parts[layer->n_parts].items  = items;
    layer->parts[layer->n_parts].offset = bytes;
    layer->n_parts++;
    bytes += dv_expert_bytes(&items[0]);
    x->slot_bytes = bytes > x->slot_bytes ? bytes : x->slot_bytes;
    return DSVK_OK;
}

/* Moves the experts' items to a list of their own. */
static dsvk_status split(struct dv_experts *x, struct dv_placement *pl, uint32_t n)
{
    dsvk_status status;
    uint32_t    kept = 0, moved = 0;
    x->items  = dv_zalloc_array(x->ctx, n, sizeof *x->items);
    x->layers = dv_zalloc_array(x->ctx, pl->n_recipes, sizeof *x->layers);
    if (!x->items || !x->layers)
        return dv_fail(x->ctx, DSVK_NO_MEMORY, "experts: no memory for a list of %u", n);
    for (uint32_t i = 0; i < pl->n_items; i++)
        if (pl->recipes[pl->items[i].recipe].experts)
            x->items[moved++] = pl->items[i];
        else
            pl->items[kept++] = pl->items[i];
    pl->n_items = kept;
    for (uint32_t i = 0; i < moved; i += pl->recipes[x->items[i].recipe].experts)
        TRY(add_recipe(x, pl, &x->items[i]));
    return DSVK_OK;
}

/* Items of experts. */
static uint32_t count(const struct dv_placement *pl)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < pl->n_items; i++)
        n += pl->recipes[pl->items[i].recipe].experts > 0;
    return n;
}

dsvk_status dv_experts_split(struct dv_experts **out, struct dv_placement *pl)
{
    dsvk_status        status;
    struct dv_experts *x = dv_zalloc(pl->ctx, sizeof *x);
    *out                 = NULL;
    if (!x)
        return dv_fail(pl->ctx, DSVK_NO_MEMORY, "experts: no memory for their tiers");
    *x = (struct dv_experts){ .ctx           = pl->ctx,
                              .top_k         = pl->source.config->top_k,
                              .residency.ctx = pl->ctx,
                              .store         = { .ctx = pl->ctx, .source = pl->source } };
    TRY_OR(fail, split(x, pl, count(pl)));
    TRY_OR(fail, dv_placement_assign(pl));
    *out = x;
    return DSVK_OK;
fail:
    dv_experts_free(x);
    return status;
}

void dv_experts_free(struct dv_experts *x)
{
    if (!x)
        return;
    dv_experts_free_memory(x);
    dv_buffer_free(x->tables);
    dv_expert_store_done(&x->store);
    dv_residency_done(&x->residency);
    dv_free(x->ctx, x->layers);
    dv_free(x->ctx, x->items);
    dv_free(x->ctx, x);
}
