/* SPDX-License-Identifier: MIT */
/* Which experts lie where, and which of them makes room for another. Book-keeping alone: nothing
 * moves here.
 *
 * The expert that leaves is the one that is expected to be wanted last. Layers come in turn, so it
 * is known how far away an expert's layer is; how often the expert is chosen when its layer comes
 * is a running mean. The least recently used one would be the wrong choice here: passes that want
 * most experts walk through all layers in a circle, and what was used longest ago is what comes
 * next. */
#ifndef DV_EXPERTS_RESIDENCY_H
#define DV_EXPERTS_RESIDENCY_H

#include "base/context.h"

#define DV_NOWHERE UINT32_MAX

enum dv_tier { DV_TIER_DEVICE, DV_TIER_HOST, DV_N_TIERS, DV_TIER_DISK = DV_N_TIERS };

struct dv_resident {
    uint32_t slot[DV_N_TIERS]; /* DV_NOWHERE: not in this tier */
    float    rate;             /* how often it is chosen when its layer comes: 0 .. 1 */
};

struct dv_slot {
    uint32_t expert; /* DV_NOWHERE: empty */
    bool     pinned; /* must not leave now */
};

/* Experts are numbered layer * n_experts + expert; layers are those with experts, in order. */
struct dv_residency {
    const struct dv_context *ctx;
    uint32_t                 n_layers, n_experts;
    struct dv_resident      *experts;
    struct dv_slot          *slots[DV_N_TIERS];
    uint32_t                 n_slots[DV_N_TIERS];
};

/* NO_MEMORY. `top_k`: experts chosen at a time. */
dsvk_status dv_residency_init(struct dv_residency *r, const struct dv_context *ctx,
                              uint32_t n_layers, uint32_t n_experts, uint32_t top_k);
/* Gives a tier its slots, once. */
dsvk_status dv_residency_add_tier(struct dv_residency *r, enum dv_tier tier, uint32_t n_slots);
void        dv_residency_done(struct dv_residency *r);

/* A pass has reached `layer` and wants these of its experts. */
void dv_residency_count(struct dv_residency *r, uint32_t layer, const uint32_t *ids, uint32_t n);
/* The slot that is free or whose expert is wanted last, seen from `layer`; DV_NOWHERE when all are
 * pinned or there are none. */
uint32_t dv_residency_victim(const struct dv_residency *r, enum dv_tier tier, uint32_t layer);
/* Rounds of all layers until the expert is expected to be wanted. */
float dv_residency_wait(const struct dv_residency *r, uint32_t expert, uint32_t layer);

/* Whether an expert of the host's, which could be read where it is, is worth the place of the one
 * in a slot: only when it was chosen more often of late, for the exchange takes two copies. */
bool dv_residency_pays(const struct dv_residency *r, uint32_t expert, uint32_t slot);

void dv_residency_place(struct dv_residency *r, enum dv_tier tier, uint32_t slot, uint32_t expert);
void dv_residency_empty(struct dv_residency *r, enum dv_tier tier, uint32_t slot);
void dv_residency_unpin(struct dv_residency *r);

#endif
