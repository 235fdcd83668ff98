/* SPDX-License-Identifier: MIT */
/* The book-keeping of residency.h. It allocates its own lists and moves no expert. */
#include "experts/residency.h"

/* Weight of the newest choice in the mean. */
#define NEWEST (1.0f / 16)
/* An expert that was hardly ever chosen is not expected never. */
#define LEAST_RATE 1e-3f
/* Of an exchange: two choices more, one each for the copies. */
#define GAIN (2 * NEWEST)

dsvk_status dv_residency_init(struct dv_residency *r, const struct dv_context *ctx,
                              uint32_t n_layers, uint32_t n_experts, uint32_t top_k)
{
    size_t n   = (size_t)n_layers * n_experts;
    *r         = (struct dv_residency){ .ctx = ctx, .n_layers = n_layers, .n_experts = n_experts };
    r->experts = dv_zalloc_array(ctx, n, sizeof *r->experts);
    if (!r->experts)
        return dv_fail(ctx, DSVK_NO_MEMORY, "experts: no memory for a table of %zu", n);
    for (size_t i = 0; i < n; i++)
        r->experts[i] = (struct dv_resident){ .slot = { DV_NOWHERE, DV_NOWHERE },
                                              .rate = (float)top_k / (float)n_experts };
    return DSVK_OK;
}

dsvk_status dv_residency_add_tier(struct dv_residency *r, enum dv_tier tier, uint32_t n_slots)
{
    r->slots[tier] = dv_zalloc_array(r->ctx, (size_t)n_slots + 1, sizeof *r->slots[tier]);
    if (!r->slots[tier])
        return dv_fail(r->ctx, DSVK_NO_MEMORY, "experts: no memory for a table of %u slots",
                       n_slots);
    r->n_slots[tier] = n_slots;
    for (uint32_t i = 0; i < n_slots; i++)
        r->slots[tier][i].expert = DV_NOWHERE;
    return DSVK_OK;
}

void dv_residency_done(struct dv_residency *r)
{
    dv_free(r->ctx, r->experts);
    for (int tier = 0; tier < DV_N_TIERS; tier++)
        dv_free(r->ctx, r->slots[tier]);
}

void dv_residency_count(struct dv_residency *r, uint32_t layer, const uint32_t *ids, uint32_t n)
{
    struct dv_resident *experts = r->experts + (size_t)layer * r->n_experts;
    for (uint32_t e = 0; e < r->n_experts; e++)
        experts[e].rate *= 1 - NEWEST;
    for (uint32_t i = 0; i < n; i++)
        experts[ids[i]].rate += NEWEST;
}

/* Those of this layer come again after a whole round. */
float dv_residency_wait(const struct dv_residency *r, uint32_t expert, uint32_t layer)
{
    uint32_t its  = expert / r->n_experts;
    uint32_t away = its > layer ? its - layer : its + r->n_layers - layer;
    float    rate = r->experts[expert].rate;
    return (float)away / (float)r->n_layers + 1 / (rate > LEAST_RATE ? rate : LEAST_RATE);
}

uint32_t dv_residency_victim(const struct dv_residency *r, enum dv_tier tier, uint32_t layer)
{
    uint32_t best = DV_NOWHERE;
    float    most = 0;
    for (uint32_t i = 0; i < r->n_slots[tier]; i++) {
        const struct dv_slot *slot = &r->slots[tier][i];
        if (slot->expert == DV_NOWHERE && !slot->pinned)
            return i;
        if (slot->pinned)
            continue;
        float wait = dv_residency_wait(r, slot->expert, layer);
        if (wait > most) {
            most = wait;
            best = i;
        }
    }
    return best;
}

bool dv_residency_pays(const struct dv_residency *r, uint32_t expert, uint32_t slot)
{
    uint32_t old = r->slots[DV_TIER_DEVICE][slot].expert;
    return old == DV_NOWHERE || r->experts[expert].rate > r->experts[old].rate + GAIN;
}

void dv_residency_place(struct dv_residency *r, enum dv_tier tier, uint32_t slot, uint32_t expert)
{
    dv_residency_empty(r, tier, slot);
    r->slots[tier][slot].expert   = expert;
    r->experts[expert].slot[tier] = slot;
}

void dv_residency_empty(struct dv_residency *r, enum dv_tier tier, uint32_t slot)
{
    uint32_t expert = r->slots[tier][slot].expert;
    if (expert != DV_NOWHERE)
        r->experts[expert].slot[tier] = DV_NOWHERE;
    r->slots[tier][slot].expert = DV_NOWHERE;
}

void dv_residency_unpin(struct dv_residency *r)
{
    for (int tier = 0; tier < DV_N_TIERS; tier++)
        for (uint32_t i = 0; i < r->n_slots[tier]; i++)
            r->slots[tier][i].pinned = false;
}
