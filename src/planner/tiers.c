/* SPDX-License-Identifier: MIT */
/* How much memory routed experts get: what remains after reserving room for one session. */
#include "planner/tiers.h"

#include "base/text.h"
#include "os/os.h"

#define TIERED_CONTEXT 4096u /* tokens, half of the usual: what it spares holds experts */
#define SMALLEST_CONTEXT 256u
#define SMALLEST_CHUNK 32u

static void start(struct dv_setup *setup, const struct dv_setup *asked)
{
    uint32_t most = asked->config->max_context;
    *setup        = *asked;
    setup->tiers  = true;
    if (setup->context == 0)
        setup->context = TIERED_CONTEXT < most ? TIERED_CONTEXT : most;
    if (setup->chunk == 0)
        setup->chunk = DV_USUAL_CHUNK;
    if (setup->chunk > setup->context)
        setup->chunk = setup->context;
}

/* Halves what nobody asked for, the context first; false when nothing is left to halve. */
static bool shrink(struct dv_setup *setup, const struct dv_setup *asked)
{
    if (asked->context == 0 && setup->context > SMALLEST_CONTEXT)
        setup->context /= 2;
    else if (asked->chunk == 0 && setup->chunk > SMALLEST_CHUNK)
        setup->chunk = setup->chunk / 2 < SMALLEST_CHUNK ? SMALLEST_CHUNK : setup->chunk / 2;
    else
        return false;
    if (setup->chunk > setup->context)
        setup->chunk = setup->context;
    return true;
}

/* A context that nobody asked for leaves most of a small device to weights. */
dsvk_status dv_expert_reserve(uint64_t *bytes, uint32_t *context, const struct dv_setup *asked,
                              uint64_t limit, uint64_t room)
{
    dsvk_status     status;
    struct dv_setup setup;
    start(&setup, asked);
    for (;;) {
        TRY(dv_size_with_scores(bytes, &setup));
        bool modest = asked->context > 0 || *bytes <= limit / 8;
        if ((modest && *bytes <= room) || !shrink(&setup, asked))
            break;
    }
    *context = setup.context;
    return DSVK_OK;
}

/* ---- who gets what ---- */

/* Device bytes that slots may take, and those that are left for sessions. */
static dsvk_status slot_bytes(uint64_t *bytes, uint64_t *reserve, struct dv_experts *x,
                              const struct dv_placement *pl, const struct dv_expert_budget *budget)
{
    dsvk_status status;
    uint64_t    room = dv_expert_left(budget, pl->bytes), least = x->top_k * x->slot_bytes;
    *bytes   = budget->device_bytes;
    *reserve = 0;
    if (budget->session)
        TRY(dv_expert_reserve(reserve, &x->context, budget->session, budget->limit,
                              room > least ? room - least : 0));
    if (*bytes == 0)
        *bytes = room > *reserve ? room - *reserve : 0;
    return DSVK_OK;
}

static dsvk_status size_tiers(struct dv_taken *taken, const struct dv_placement *pl,
                              const struct dv_expert_budget *budget)
{
    dsvk_status        status;
    struct dv_experts *x   = taken->experts;
    uint64_t           all = (uint64_t)x->n_layers * x->n_experts, device, n, reserve;
    TRY(slot_bytes(&device, &reserve, x, pl, budget));
    n            = device / x->slot_bytes < all ? device / x->slot_bytes : all;
    taken->room  = n >= x->top_k;
    taken->least = pl->bytes + x->top_k * x->slot_bytes + reserve;
    if (!taken->room)
        return DSVK_OK;
    TRY(dv_residency_init(&x->residency, x->ctx, x->n_layers, x->n_experts, x->top_k));
    TRY(dv_residency_add_tier(&x->residency, DV_TIER_DEVICE, (uint32_t)n));
    all -= n;
    n = budget->host_bytes / x->slot_bytes < all ? budget->host_bytes / x->slot_bytes : all;
    return dv_residency_add_tier(&x->residency, DV_TIER_HOST, (uint32_t)n);
}

static dsvk_status all_fit(bool *fit, const struct dv_placement *pl,
                           const struct dv_expert_budget *budget, uint64_t experts)
{
    dsvk_status status;
    uint64_t    reserve = 0;
    uint32_t    context;
    *fit = experts == 0 || (budget->device_bytes && budget->device_bytes >= experts);
    if (*fit || budget->device_bytes)
        return DSVK_OK;
    if (budget->session)
        TRY(dv_expert_reserve(&reserve, &context, budget->session, budget->limit, UINT64_MAX));
    *fit = pl->bytes + dv_placement_table_bytes(pl) + reserve <= dv_expert_left(budget, 0);
    return DSVK_OK;
}

dsvk_status dv_experts_take(struct dv_taken *taken, struct dv_placement *pl,
                            const struct dv_expert_budget *budget)
{
    dsvk_status status;
    uint64_t    bytes = 0;
    bool        fit;
    *taken = (struct dv_taken){ .room = true };
    for (uint32_t i = 0; i < pl->n_items; i++)
        if (pl->recipes[pl->items[i].recipe].experts)
            bytes += dv_expert_bytes(&pl->items[i]);
    TRY(all_fit(&fit, pl, budget, bytes));
    if (fit)
        return DSVK_OK;
    status = dv_experts_split(&taken->experts, pl);
    if (status == DSVK_OK)
        status = size_tiers(taken, pl, budget);
    if (status != DSVK_OK) {
        dv_experts_free(taken->experts);
        taken->experts = NULL;
    }
    return status;
}

uint64_t dv_expert_host_bytes(const struct dv_caps *caps, uint64_t device_left)
{
    uint64_t free  = dv_host_memory_free();
    uint64_t taken = caps->is_software || caps->unified_memory ? device_left : 0;
    free -= free / 8;
    return free > taken ? free - taken : 0;
}
