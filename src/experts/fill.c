/* SPDX-License-Identifier: MIT */
/* Filling the tiers: what lies where at first. */
#include "experts/experts.h"

#include "base/stop.h"
#include "base/text.h"

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

uint64_t dv_experts_fill_bytes(const struct dv_experts *x)
{
    return dv_experts_slots(x) * x->slot_bytes + dv_experts_host_bytes(x);
}

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
    if (!dv_goes_on(f->progress, f->done, f->total) && f->done < f->total)
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

dsvk_status dv_experts_fill(struct dv_experts *x, struct dv_weights *w, struct dv_stream *stream,
                            const dsvk_progress *progress)
{
    dsvk_status    status;
    struct filling f = { .x = x, .progress = progress, .done = w->bytes };
    x->dev           = w->dev;
    x->stream        = stream;
    f.total          = w->bytes + dv_experts_fill_bytes(x);
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
    char size[DV_SIZE_BYTES];
    dv_log(x->ctx, DSVK_LOG_INFO, "experts: %u of %u on the device, %u in host memory, slots of %s",
           dv_experts_slots(x), x->n_layers * x->n_experts, x->residency.n_slots[DV_TIER_HOST],
           dv_text_size(size, x->slot_bytes));
    return DSVK_OK;
}
