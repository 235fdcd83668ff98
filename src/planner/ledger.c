/* SPDX-License-Identifier: MIT */
/* Adds up what placement and session sizing compute; loading uses the same code, so that the
 * forecast is exact. It allocates nothing on a device and reads headers only. */
#include "planner/ledger.h"
#include "base/size.h"

#include "weights/placement.h"
#include "planner/recipes.h"
#include "planner/tiers.h"
#include "planner/pages.h"
#include "planner/reads.h"

const struct dv_caps dv_ledger_usual_card = {
    .name                  = "a card of the usual kind",
    .usable                = true,
    .subgroup              = 32,
    .subgroup_min          = 32,
    .subgroup_max          = 32,
    .subgroup_size_control = true,
    .subgroup_arithmetic   = true,
    .max_workgroup         = 1024,
    .max_shared_bytes      = 32768,
    .max_groups            = { 65535, 65535, 65535 },
    .max_push_bytes        = 128,
    .max_allocation        = UINT64_C(1) << 32,
    .max_buffer            = UINT64_C(1) << 32,
    .int64                 = true,
    .float16               = true,
    .int16                 = true,
    .cooperative_matrix    = true,
    .coop                  = { [DV_COOP_F16] = { 16, 16, 16 } },
};

/* ---- weights ---- */

static uint64_t *line_of(dsvk_plan_bytes *bytes, enum dv_role role)
{
    switch (role) {
    case DV_ROLE_NORM:
    case DV_ROLE_ROUTER:
    case DV_ROLE_ROUTER_BIAS:
        return &bytes->norms_routers;
    case DV_ROLE_EXPERT:
        return &bytes->routed_experts;
    case DV_ROLE_SHARED:
        return &bytes->shared_experts;
    case DV_ROLE_ATTENTION:
        return &bytes->attention;
    case DV_ROLE_DENSE:
        return &bytes->dense_ffn;
    default:
        return &bytes->embedding_head;
    }
}

/* Of everything, wherever it goes. */
static void add_lines(dsvk_plan *plan, const struct dv_placement *pl)
{
    for (uint32_t i = 0; i < pl->n_items; i++)
        *line_of(&plan->device, pl->recipes[pl->items[i].recipe].role) += pl->items[i].bytes;
}

static dsvk_status lay_out(struct dv_placement *pl, const struct dv_setup *setup)
{
    dsvk_status      status;
    struct dv_graph *graphs[2] = { NULL, NULL };
    uint32_t         n;
    status = dv_recipe_graphs(graphs, &n, setup);
    if (status == DSVK_OK)
        status = dv_placement_lay_out(pl, graphs, n);
    dv_graph_free(graphs[0]);
    dv_graph_free(graphs[1]);
    return status == DSVK_OK ? dv_placement_assign(pl) : status;
}

/* Slots: those that there is room for, or when there is not even that, the fewest that work. */
static void add_tiers(dsvk_plan *plan, const struct dv_experts *x, bool room)
{
    plan->experts_device        = room ? dv_experts_slots(x) : x->top_k;
    plan->experts_host          = room ? x->residency.n_slots[DV_TIER_HOST] : 0;
    plan->expert_bytes          = x->slot_bytes;
    plan->device.routed_experts = plan->experts_device * x->slot_bytes;
    plan->host_experts          = plan->experts_host * x->slot_bytes;
}

static dsvk_status add_weights(dsvk_plan *plan, struct dv_experts **experts,
                               struct dv_placement *pl, const struct dv_expert_budget *budget)
{
    dsvk_status     status;
    struct dv_taken taken;
    TRY(lay_out(pl, budget->session));
    add_lines(plan, pl);
    TRY(dv_experts_take(&taken, pl, budget)); /* that there is no room is an answer here */
    *experts               = taken.experts;
    plan->experts_device   = plan->experts;
    plan->device.alignment = pl->bytes;
    for (uint32_t i = 0; i < pl->n_items; i++)
        plan->device.alignment -= pl->items[i].bytes;
    for (uint32_t b = 0; b < pl->n_buffers; b++)
        if (pl->buffer_bytes[b] > plan->largest_buffer)
            plan->largest_buffer = pl->buffer_bytes[b];
    plan->device_bytes = pl->bytes;
    if (taken.experts) {
        add_tiers(plan, taken.experts, taken.room);
        plan->device_bytes += plan->device.routed_experts;
    }
    plan->fits                 = taken.room;
    plan->device.expert_tables = dv_placement_table_bytes(pl);
    plan->device_bytes += plan->device.expert_tables;
    plan->host_staging = pl->caps->device_mapped ? 0 : dv_placement_staging(pl);
    plan->experts_disk = plan->experts - plan->experts_device - plan->experts_host;
    return DSVK_OK;
}

/* ---- the session ---- */

static dsvk_status add_session(dsvk_plan *plan, struct dv_setup *setup, uint64_t left)
{
    dsvk_status             status;
    struct dv_session_bytes bytes;
    if (!plan->fits)
        dv_size_least(setup);
    TRY(dv_size_choose(setup, left));
    TRY(dv_size_bytes(&bytes, setup));
    plan->context             = setup->context;
    plan->chunk               = setup->chunk;
    plan->device.latent_cache = bytes.cache;
    plan->device.activations  = dv_size_arenas(&bytes);
    plan->device.rope_table   = bytes.rope;
    plan->device.arguments    = bytes.arguments;
    plan->host_session        = dv_size_host(&bytes);
    for (int i = 0; i < DV_N_LANES; i++)
        plan->largest_buffer = dv_max(plan->largest_buffer, bytes.lanes[i].arena);
    plan->device_bytes += dv_size_device(&bytes);
    return DSVK_OK;
}

/* The least: with experts, as many as one token needs, and what scoring takes. `weights` are device
 * bytes of what is no expert, or of all where there are none; `asked` as the caller has it. */
static dsvk_status add_least(dsvk_plan *plan, const struct dv_setup *asked, uint64_t weights)
{
    dsvk_status             status;
    struct dv_session_bytes bytes;
    uint64_t                session;
    struct dv_setup         least = *asked;
    dv_size_least(&least);
    if (plan->experts) {
        least.tiers = true;
        TRY(dv_size_with_scores(&session, &least));
        plan->least_bytes = weights + asked->config->top_k * plan->expert_bytes + session;
    } else {
        TRY(dv_size_bytes(&bytes, &least));
        plan->least_bytes = weights + dv_size_device(&bytes);
    }
    return DSVK_OK;
}

/* With all experts on the device where they are, else with the fewest, and with what loading leaves
 * for scoring. */
static dsvk_status add_largest(dsvk_plan *plan, const struct dv_setup *setup, uint64_t left)
{
    dsvk_status             status;
    struct dv_session_bytes bytes;
    struct dv_setup         largest = *setup;
    uint64_t                scores, extra;
    if (largest.chunk > DV_USUAL_CHUNK)
        largest.chunk = DV_USUAL_CHUNK;
    plan->largest_chunk = largest.chunk;
    if (!plan->fits)
        return DSVK_OK;
    if (setup->tiers) {
        TRY(dv_size_bytes(&bytes, &largest));
        TRY(dv_size_with_scores(&scores, &largest));
        extra = scores - dv_size_device(&bytes);
        left += (plan->experts_device - setup->config->top_k) * plan->expert_bytes;
        left = left > extra ? left - extra : 0;
    }
    return dv_size_largest(&plan->largest_context, &largest, left);
}

/* ---- what a token reads ---- */

static dsvk_status add_token(dsvk_plan *plan, const struct dv_weight_source *source,
                             const struct dv_setup *setup)
{
    dsvk_status       status;
    struct dv_traffic traffic;
    TRY(dv_traffic_of(&traffic, setup->ctx, source, 1, 1, setup->no_fuse));
    plan->token_weights = traffic.touched;
    plan->token_cache   = dv_pages_of(setup).token_bytes * plan->context;
    return DSVK_OK;
}

static void count_experts(dsvk_plan *plan, const struct dv_config *config)
{
    plan->layers = config->layers;
    for (uint32_t l = 0; l < config->layers; l++)
        if (dv_config_is_moe(config, l))
            plan->experts += config->experts;
        else
            plan->dense_layers++;
}

/* Device bytes that what is no expert takes: places are assigned without experts, which are none of
 * the items any more when they are in tiers. */
static dsvk_status plain_bytes(uint64_t *bytes, dsvk_plan *plan, struct dv_placement *pl,
                               bool tiers)
{
    dsvk_status        status = DSVK_OK;
    struct dv_experts *x      = NULL;
    if (plan->experts && !tiers) {
        status             = dv_experts_split(&x, pl);
        plan->expert_bytes = x ? x->slot_bytes : 0;
    }
    *bytes = pl->bytes;
    dv_experts_free(x);
    return status;
}

static dsvk_status fill(dsvk_plan *plan, struct dv_experts **experts, struct dv_placement *pl,
                        const struct dv_ledger_params *params)
{
    dsvk_status             status;
    struct dv_setup         setup  = params->setup;
    struct dv_expert_budget budget = { .limit      = params->limit ? params->limit : UINT64_MAX,
                                       .used       = params->used,
                                       .host_bytes = params->host,
                                       .session    = &params->setup };
    uint64_t                plain;
    count_experts(plan, setup.config);
    TRY(add_weights(plan, experts, pl, &budget));
    if (*experts) {
        setup.tiers        = true;
        setup.expert_slots = plan->experts_device;
        if (setup.context == 0)
            setup.context = (*experts)->context;
    }
    uint64_t left = dv_expert_left(&budget, plan->device_bytes);
    TRY(add_session(plan, &setup, left));
    plan->fits = plan->fits && dv_expert_left(&budget, 0) >= plan->device_bytes;
    TRY(add_largest(plan, &setup, left));
    TRY(add_token(plan, params->source, &setup));
    TRY(plain_bytes(&plain, plan, pl, *experts != NULL));
    return add_least(plan, &params->setup, params->used + plain);
}

dsvk_status dv_ledger_make(dsvk_plan *plan, const struct dv_ledger_params *params)
{
    dsvk_status            status;
    const struct dv_setup *setup   = &params->setup;
    struct dv_experts     *experts = NULL;
    struct dv_placement    pl;
    dv_placement_init(&pl, setup->ctx, setup->caps, params->source);
    *plan  = (dsvk_plan){ .math_f16      = setup->math_f16,
                          .device_before = params->used,
                          .device_limit  = params->limit,
                          .buffer_limit  = dv_caps_buffer_bytes(setup->caps) };
    status = fill(plan, &experts, &pl, params);
    dv_experts_free(experts);
    dv_placement_done(&pl);
    return status;
}
