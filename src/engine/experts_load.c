/* SPDX-License-Identifier: MIT */
/* Making the tiers: which experts there are, what room they get, and what lies where at first. */
#include "base/text.h"
#include "engine/experts.h"

#include <inttypes.h>

#define ALIGN 4096u
#define MIB(bytes) ((double)(bytes) / (1024.0 * 1024.0))

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* ---- what there is ---- */

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
static dsvk_status add_recipe(struct dv_experts *x, const struct dv_loading *l,
                              struct dv_load_item *items)
{
    uint32_t                     recipe = items[0].recipe;
    const struct dv_weight_info *info   = &l->w->recipes[recipe];
    struct dv_expert_layer      *layer  = layer_of(x, l->layers[recipe]);
    if (layer->n_parts == DV_EXPERT_PARTS || (x->n_experts && x->n_experts != info->experts))
        return dv_fail(x->ctx, DSVK_UNSUPPORTED, "experts: %s: layers differ", info->name);
    x->n_experts   = info->experts;
    uint64_t bytes = 0;
    for (uint32_t k = 0; k < layer->n_parts; k++)
        bytes += aligned(layer->parts[k].items[0].bytes);
    layer->parts[layer->n_parts].recipe = recipe;
    layer->parts[layer->n_parts].info   = info;
    layer->parts[layer->n_parts].items  = items;
    layer->parts[layer->n_parts].offset = bytes;
    layer->n_parts++;
    bytes += aligned(items[0].bytes);
    x->slot_bytes = bytes > x->slot_bytes ? bytes : x->slot_bytes;
    return DSVK_OK;
}

/* Moves the experts' items to a list of their own. */
static dsvk_status split(struct dv_experts *x, struct dv_loading *l, uint32_t n)
{
    dsvk_status status;
    uint32_t    kept = 0, moved = 0;
    x->items  = dv_zalloc_array(x->ctx, n, sizeof *x->items);
    x->layers = dv_zalloc_array(x->ctx, l->w->n_recipes, sizeof *x->layers);
    if (!x->items || !x->layers)
        return dv_fail(x->ctx, DSVK_NO_MEMORY, "experts: no memory for a list of %u", n);
    for (uint32_t i = 0; i < l->n_items; i++)
        if (l->w->recipes[l->items[i].recipe].experts)
            x->items[moved++] = l->items[i];
        else
            l->items[kept++] = l->items[i];
    l->n_items = kept;
    for (uint32_t i = 0; i < moved; i += l->w->recipes[x->items[i].recipe].experts)
        TRY(add_recipe(x, l, &x->items[i]));
    return DSVK_OK;
}

/* ---- what room they get ---- */

/* Device bytes that slots may take, and those that are left for sessions. */
static dsvk_status slot_bytes(uint64_t *bytes, struct dv_experts *x, const struct dv_loading *l,
                              uint64_t *reserve)
{
    dsvk_status                    status;
    const struct dv_expert_budget *budget = l->source->budget;
    uint64_t room = dv_loading_left(l, l->w->bytes), least = x->top_k * x->slot_bytes;
    *bytes   = budget->device_bytes;
    *reserve = 0;
    if (budget->session)
        TRY(dv_expert_reserve(reserve, &x->context, budget->session, l->limit,
                              room > least ? room - least : 0));
    if (*bytes == 0)
        *bytes = room > *reserve ? room - *reserve : 0;
    return DSVK_OK;
}

/* Of addresses, for all layers: with the experts' slots they must fit. */
static uint64_t table_bytes(struct dv_experts *x)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < x->n_layers; i++)
        for (uint32_t k = 0; k < x->layers[i].n_parts; k++) {
            x->layers[i].parts[k].table = at;
            at += ((uint64_t)x->n_experts * 8 + 255) / 256 * 256;
        }
    return at;
}

static dsvk_status fail_small(const struct dv_experts *x, const struct dv_loading *l,
                              uint64_t reserve)
{
    char     need[DV_SIZE_BYTES], may[DV_SIZE_BYTES];
    uint64_t least = l->w->bytes + x->top_k * x->slot_bytes + reserve;
    dv_text_size_pair(need, least, may, dv_loading_left(l, 0));
    return dv_fail(x->ctx, DSVK_NO_VRAM, "weights: it needs %s of device memory, %s may be used",
                   need, may);
}

static dsvk_status size_tiers(struct dv_experts *x, const struct dv_loading *l, bool *room)
{
    dsvk_status status;
    uint64_t    all = (uint64_t)x->n_layers * x->n_experts, device, n, reserve;
    TRY(slot_bytes(&device, x, l, &reserve));
    n     = device / x->slot_bytes < all ? device / x->slot_bytes : all;
    *room = n >= x->top_k;
    if (!*room && l->planning)
        return DSVK_OK; /* no tiers: what they would need is the answer */
    if (!*room)
        return fail_small(x, l, reserve);
    TRY(dv_residency_init(&x->residency, x->ctx, x->n_layers, x->n_experts, x->top_k));
    TRY(dv_residency_add_tier(&x->residency, DV_TIER_DEVICE, (uint32_t)n));
    all -= n;
    device = l->source->budget->host_bytes;
    n      = device / x->slot_bytes < all ? device / x->slot_bytes : all;
    return dv_residency_add_tier(&x->residency, DV_TIER_HOST, (uint32_t)n);
}

static dsvk_status all_fit(bool *fit, const struct dv_loading *l, uint64_t experts)
{
    dsvk_status                    status;
    const struct dv_expert_budget *budget  = l->source->budget;
    uint64_t                       reserve = 0, room = dv_loading_left(l, 0);
    uint32_t                       context;
    *fit = experts == 0 || !budget || (budget->device_bytes && budget->device_bytes >= experts);
    if (*fit || budget->device_bytes)
        return DSVK_OK;
    if (budget->session)
        TRY(dv_expert_reserve(&reserve, &context, budget->session, l->limit, UINT64_MAX));
    *fit = l->w->bytes + dv_places_table_bytes(l->w) + reserve <= room;
    return DSVK_OK;
}

/* Items of experts. */
static uint32_t count(const struct dv_loading *l)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n_items; i++)
        n += l->w->recipes[l->items[i].recipe].experts > 0;
    return n;
}

/* With the experts' items, and the rest assigned again. *out is set unless there was no memory. */
static dsvk_status new_split(struct dv_experts **out, struct dv_loading *l, uint32_t n)
{
    dsvk_status        status;
    struct dv_experts *x = *out = dv_zalloc(l->ctx, sizeof *x);
    if (!x)
        return dv_fail(l->ctx, DSVK_NO_MEMORY, "experts: no memory for their tiers");
    *x = (struct dv_experts){ .ctx           = l->ctx,
                              .dev           = l->w->dev,
                              .stream        = l->stream,
                              .top_k         = l->source->config->top_k,
                              .residency.ctx = l->ctx,
                              .store         = { .ctx = l->ctx, .source = *l->source } };
    TRY(split(x, l, n));
    return dv_places_assign(l);
}

dsvk_status dv_experts_take(struct dv_experts **out, bool *room, struct dv_loading *l)
{
    dsvk_status status;
    uint64_t    bytes = 0;
    uint32_t    n     = count(l);
    bool        fit;
    *out  = NULL;
    *room = true;
    for (uint32_t i = 0; i < l->n_items; i++)
        if (l->w->recipes[l->items[i].recipe].experts)
            bytes += aligned(l->items[i].bytes);
    TRY(all_fit(&fit, l, bytes));
    if (fit)
        return DSVK_OK;
    status = new_split(out, l, n);
    if (status == DSVK_OK)
        status = size_tiers(*out, l, room);
    if (status != DSVK_OK) {
        dv_experts_free(*out);
        *out = NULL;
    }
    return status;
}

dsvk_status dv_experts_split(uint64_t *slot_bytes, struct dv_loading *l)
{
    struct dv_experts *x;
    dsvk_status        status = new_split(&x, l, count(l));
    *slot_bytes               = x ? x->slot_bytes : 0;
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

/* ---- filling ---- */

static void set_places(const struct dv_experts *x, struct dv_weights *w)
{
    for (uint32_t i = 0; i < x->n_layers; i++)
        for (uint32_t k = 0; k < x->layers[i].n_parts; k++)
            dv_layout_place(&w->places[x->layers[i].parts[k].recipe],
                            &x->layers[i].parts[k].items[0].layout,
                            x->tables->address + x->layers[i].parts[k].table);
}

struct filling {
    struct dv_experts    *x;
    const dsvk_progress  *progress;
    uint64_t              done, total; /* bytes */
    struct dv_expert_read reads[DV_EXPERT_READS];
    uint32_t              slots[DV_EXPERT_READS], n;
    enum dv_tier          tiers[DV_EXPERT_READS];
    uint32_t              next[DV_N_TIERS]; /* slot */
};

static dsvk_status flush(struct filling *f)
{
    dsvk_status        status;
    struct dv_experts *x = f->x;
    TRY(dv_expert_store_read(&x->store, f->reads, f->n));
    for (uint32_t i = 0; i < f->n; i++) {
        uint32_t expert =
            (uint32_t)(f->reads[i].layer - x->layers) * x->n_experts + f->reads[i].expert;
        if (f->tiers[i] == DV_TIER_DEVICE && !x->mapped)
            TRY(dv_experts_upload(x, f->slots[i], f->reads[i].to));
        dv_residency_place(&x->residency, f->tiers[i], f->slots[i], expert);
        if (f->tiers[i] == DV_TIER_DEVICE)
            dv_experts_publish(x, expert);
        f->done += x->slot_bytes;
    }
    f->n = 0;
    if (f->progress && f->progress->report &&
        !f->progress->report(f->progress->user, f->done, f->total))
        return dv_fail(x->ctx, DSVK_CANCELLED, "loading was cancelled");
    return DSVK_OK;
}

static dsvk_status fill_one(struct filling *f, enum dv_tier tier, uint32_t layer, uint32_t expert)
{
    struct dv_experts     *x    = f->x;
    uint32_t               slot = f->next[tier]++, i = f->n++;
    struct dv_expert_read *read = &f->reads[i];
    f->slots[i]                 = slot;
    f->tiers[i]                 = tier;
    read->layer                 = &x->layers[layer];
    read->expert                = expert;
    read->to                    = tier == DV_TIER_HOST ? x->host[slot].data
                                  : x->mapped          ? dv_experts_mapped(x, slot)
                                                       : x->spare[i].data;
    return f->n == x->store.n_raw ? flush(f) : DSVK_OK;
}

struct dv_expert_share dv_experts_share(uint32_t slots, uint32_t host_slots, uint32_t layers,
                                        uint32_t n)
{
    uint64_t device = (uint64_t)slots * layers / n;
    return (struct dv_expert_share){ .device = device,
                                     .host = ((uint64_t)slots + host_slots) * layers / n - device };
}

/* The first experts of each layer to the device, the next ones to the host. */
static dsvk_status fill(struct filling *f)
{
    dsvk_status        status;
    struct dv_experts *x       = f->x;
    const uint32_t    *n_slots = x->residency.n_slots;
    for (uint32_t l = 0; l < x->n_layers; l++) {
        struct dv_expert_share share =
            dv_experts_share(n_slots[DV_TIER_DEVICE], n_slots[DV_TIER_HOST], l + 1, x->n_layers);
        uint32_t e = 0;
        for (; f->next[DV_TIER_DEVICE] < share.device && e < x->n_experts; e++)
            TRY(fill_one(f, DV_TIER_DEVICE, l, e));
        for (; f->next[DV_TIER_HOST] < share.host && e < x->n_experts; e++)
            TRY(fill_one(f, DV_TIER_HOST, l, e));
    }
    return flush(f);
}

dsvk_status dv_experts_fill(struct dv_experts *x, struct dv_weights *w,
                            const dsvk_progress *progress)
{
    dsvk_status    status;
    struct filling f = { .x = x, .progress = progress, .done = w->bytes };
    f.total          = w->bytes + dv_experts_slots(x) * x->slot_bytes + dv_experts_host_bytes(x);
    TRY(dv_expert_store_init(&x->store, x->layers, x->n_layers));
    TRY(dv_experts_make_memory(x));
    TRY(dv_buffer_new(&x->tables, x->dev, table_bytes(x), DV_MEMORY_UPLOAD, "expert tables"));
    set_places(x, w);
    x->store.count_nan = true;
    TRY(fill(&f));
    x->store.count_nan     = false;
    unsigned long long nan = atomic_load(&x->store.nan);
    if (nan > 0)
        dv_log(x->ctx, DSVK_LOG_WARN, "experts: %llu FP8 values are not numbers (taken as 480)",
               nan);
    dv_log(x->ctx, DSVK_LOG_INFO,
           "experts: %u of %u on the device, %u in host memory, slots of %.1f MiB",
           dv_experts_slots(x), x->n_layers * x->n_experts, x->residency.n_slots[DV_TIER_HOST],
           MIB(x->slot_bytes));
    return DSVK_OK;
}
