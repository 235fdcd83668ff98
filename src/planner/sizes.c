/* SPDX-License-Identifier: MIT */
/* The sums of sizes.h. They need no device, and allocate and read nothing on one. */
#include "planner/sizes.h"

#include "base/size.h"
#include "planner/pages.h"

#define USUAL_CONTEXT 8192u /* tokens, where the whole model is on the device */
#define SMALLEST_CONTEXT 256u
#define SMALLEST_CHUNK 32u

/* ---- graphs ---- */

dsvk_status dv_engine_graph(struct dv_graph **out, const struct dv_context *ctx,
                            const struct dv_config *config, const struct dv_graph_size *size,
                            bool no_fuse)
{
    dsvk_status status;
    TRY(dv_model_build(out, ctx, config, size));
    if (!no_fuse)
        status = dv_graph_fuse(*out);
    if (status != DSVK_OK) {
        dv_graph_free(*out);
        *out = NULL;
    }
    return status;
}

uint32_t dv_engine_split(uint32_t context, const struct dv_tuning *tuning)
{
    if (tuning && tuning->attend_split > 0)
        return tuning->attend_split;
    uint32_t least = context / 128 + (context % 128 != 0);
    return least == 0 ? DV_PAGE : (least + DV_PAGE - 1) / DV_PAGE * DV_PAGE;
}

/* With f32 products every way of dividing tokens into passes gives the same bits, which another
 * form for long first passes would break: so it is used where products are rounded anyway. */
uint32_t dv_size_materialise_from(const struct dv_setup *setup)
{
    return setup->math_f16 ? dv_model_materialise_from(setup->config) : UINT32_MAX;
}

uint32_t dv_size_f32_chunk(const struct dv_setup *setup)
{
    return setup->chunk < DV_USUAL_CHUNK ? setup->chunk : DV_USUAL_CHUNK;
}

bool dv_pass_is_batch(const struct dv_pass *pass)
{
    return pass->batch || (pass->tokens == 1 && !pass->all_rows);
}

enum dv_lane_kind dv_size_lane(const struct dv_pass *pass)
{
    return dv_pass_is_batch(pass) ? DV_LANE_BATCH : DV_LANE_PROMPT;
}

static struct dv_graph_size graph_size(const struct dv_setup *setup, const struct dv_pass *pass)
{
    const struct dv_config *c     = setup->config;
    uint32_t                pairs = pass->tokens * c->top_k;
    bool                    f16   = setup->math_f16 && !pass->f32 && !pass->batch;
    struct dv_tuning        tuning;
    dv_tuning_of(&tuning, setup->caps);
    return (struct dv_graph_size){
        .tokens       = pass->tokens,
        .context      = setup->context,
        .split        = dv_engine_split(setup->context, &tuning),
        .tile         = dv_expert_tile(setup->caps, f16, pairs, c->experts),
        .choices      = setup->choices,
        .all_rows     = pass->all_rows,
        .keep_routes  = pass->all_rows,
        .batch        = dv_pass_is_batch(pass),
        .materialise  = pass->materialise,
        .tiers        = setup->tiers,
        .plan_experts = setup->tiers && pairs > setup->expert_slots,
    };
}

dsvk_status dv_size_graph(struct dv_graph **graph, struct dv_plan *plan,
                          const struct dv_setup *setup, const struct dv_pass *pass)
{
    dsvk_status          status;
    struct dv_graph_size g = graph_size(setup, pass);
    TRY(dv_engine_graph(graph, setup->ctx, setup->config, &g, setup->no_fuse));
    status = dv_graph_plan(*graph, plan);
    if (status != DSVK_OK) {
        dv_graph_free(*graph);
        *graph = NULL;
    }
    return status;
}

/* ---- bytes ---- */

static dsvk_status add_pass(struct dv_session_bytes *bytes, const struct dv_setup *setup,
                            const struct dv_pass *pass)
{
    dsvk_status           status;
    struct dv_graph      *graph;
    struct dv_plan        plan;
    struct dv_lane_bytes *lane = &bytes->lanes[dv_size_lane(pass)];
    TRY(dv_size_graph(&graph, &plan, setup, pass));
    if (plan.arena_bytes > lane->arena)
        lane->arena = plan.arena_bytes;
    if (graph->n_nodes > bytes->nodes)
        bytes->nodes = graph->n_nodes;
    dv_graph_free(graph);
    return DSVK_OK;
}

/* The need grows with the tokens, but passes of few tokens are planned in another way, and those of
 * one token in a third. */
static dsvk_status add_few(struct dv_session_bytes *bytes, const struct dv_setup *setup)
{
    dsvk_status status;
    uint32_t    chunk = setup->chunk;
    if (chunk > DV_FEW_TOKENS)
        TRY(add_pass(bytes, setup, &(struct dv_pass){ .tokens = DV_FEW_TOKENS }));
    if (setup->math_f16) {
        struct dv_pass f32 = { .tokens = dv_size_f32_chunk(setup), .f32 = true };
        TRY(add_pass(bytes, setup, &f32));
    }
    /* One token of a prompt is a batch, unless it is scored. */
    return add_pass(bytes, setup, &(struct dv_pass){ .tokens = chunk, .all_rows = chunk == 1 });
}

/* So many rows as sessions may come: what a batch takes is little beside a prompt's pass. */
static dsvk_status add_batches(struct dv_session_bytes *bytes, const struct dv_setup *setup)
{
    static const uint32_t rows[] = { 1, DV_FEW_TOKENS, DV_MOST_ROWS };
    dsvk_status           status;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dv_pass pass = { .tokens = rows[i], .batch = true, .f32 = true };
        TRY(add_pass(bytes, setup, &pass));
    }
    return add_pass(bytes, setup, &(struct dv_pass){ .tokens = 1 });
}

static dsvk_status add_passes(struct dv_session_bytes *bytes, const struct dv_setup *setup)
{
    dsvk_status     status;
    uint32_t        chunk = setup->chunk;
    struct dv_setup other = *setup;
    /* Whether there are fewer slots than choices makes two forms of passes of few tokens. */
    other.expert_slots = UINT32_MAX;
    TRY(add_few(bytes, &other));
    TRY(add_batches(bytes, &other));
    other.expert_slots = 0;
    if (setup->tiers) {
        TRY(add_few(bytes, &other));
        TRY(add_batches(bytes, &other));
    }
    if (chunk >= dv_size_materialise_from(setup))
        TRY(add_pass(bytes, setup, &(struct dv_pass){ .tokens = chunk, .materialise = true }));
    return DSVK_OK;
}

dsvk_status dv_size_bytes(struct dv_session_bytes *bytes, const struct dv_setup *setup)
{
    dsvk_status status;
    *bytes = (struct dv_session_bytes){ 0 };
    TRY(add_passes(bytes, setup));
    bytes->cache     = dv_pages_of(setup).bytes;
    bytes->rope      = (uint64_t)setup->context * (setup->config->rope / 2) * 2 * sizeof(float);
    bytes->arguments = (uint64_t)bytes->nodes * DV_BLOCK_BYTES * DV_MAX_PROGRAMS;
    for (int i = 0; i < DV_N_LANES; i++) {
        uint64_t rows          = i == DV_LANE_PROMPT ? setup->chunk : DV_MOST_ROWS;
        bytes->lanes[i].step   = DV_STEP_ROWS + rows * DV_ROW_BYTES;
        bytes->lanes[i].result = rows * 16;
    }
    return DSVK_OK;
}

dsvk_status dv_size_with_scores(uint64_t *bytes, const struct dv_setup *setup)
{
    dsvk_status             status;
    struct dv_session_bytes all, plain;
    uint32_t                most = setup->chunk < DV_SCORE_CHUNK ? setup->chunk : DV_SCORE_CHUNK;
    TRY(dv_size_bytes(&all, setup));
    plain               = all;
    struct dv_pass pass = { .tokens = most, .all_rows = true };
    TRY(add_pass(&all, setup, &pass));
    pass.f32 = true;
    if (setup->math_f16)
        TRY(add_pass(&all, setup, &pass));
    *bytes = dv_size_device(&all);
    if (all.nodes > plain.nodes) /* its arguments have no room among the others' */
        *bytes += (uint64_t)all.nodes * DV_BLOCK_BYTES * 2;
    return DSVK_OK;
}

uint64_t dv_size_device(const struct dv_session_bytes *bytes)
{
    return bytes->cache + dv_size_arenas(bytes) + bytes->rope + bytes->arguments;
}

uint64_t dv_size_arenas(const struct dv_session_bytes *bytes)
{
    return bytes->lanes[DV_LANE_PROMPT].arena + bytes->lanes[DV_LANE_BATCH].arena;
}

uint64_t dv_size_host(const struct dv_session_bytes *bytes)
{
    uint64_t all = 0;
    for (int i = 0; i < DV_N_LANES; i++)
        all += bytes->lanes[i].step + bytes->lanes[i].result;
    return all;
}

/* ---- choosing ---- */

void dv_size_least(struct dv_setup *setup)
{
    uint32_t most = setup->config->max_context;
    if (setup->context == 0)
        setup->context = most < SMALLEST_CONTEXT ? most : SMALLEST_CONTEXT;
    if (setup->chunk == 0)
        setup->chunk = SMALLEST_CHUNK;
    if (setup->chunk > setup->context)
        setup->chunk = setup->context;
}

static dsvk_status least_fits(bool *fits, const struct dv_setup *setup, uint64_t left)
{
    dsvk_status             status;
    struct dv_session_bytes bytes;
    struct dv_setup         least = *setup;
    dv_size_least(&least);
    TRY(dv_size_bytes(&bytes, &least));
    *fits = dv_size_device(&bytes) <= left;
    return DSVK_OK;
}

/* The longest context whose cache takes at most half of what is left: the rest is for activations
 * and for others. */
static dsvk_status choose_context(struct dv_setup *setup, uint64_t left)
{
    dsvk_status status;
    uint32_t    most = setup->config->max_context;
    setup->context   = most < USUAL_CONTEXT ? most : USUAL_CONTEXT;
    for (; left != UINT64_MAX && setup->context > SMALLEST_CONTEXT; setup->context /= 2) {
        bool fits = false;
        if (dv_pages_of(setup).bytes <= left / 2)
            TRY(least_fits(&fits, setup, left));
        if (fits)
            return DSVK_OK;
    }
    return DSVK_OK;
}

/* Whether the activations of passes of setup->chunk tokens take at most 1/parts of what there is
 * behind the cache. */
static dsvk_status chunk_fits(bool *fits, const struct dv_setup *setup, uint64_t left,
                              uint32_t parts)
{
    dsvk_status             status;
    struct dv_session_bytes bytes;
    TRY(dv_size_bytes(&bytes, setup));
    uint64_t arena = bytes.lanes[DV_LANE_PROMPT].arena, others = dv_size_device(&bytes) - arena;
    *fits = others < left && arena <= (left - others) / parts;
    return DSVK_OK;
}

/* Weights are read once a pass, whatever its tokens, so that with matrix units a prompt of 2,048 is
 * one pass, unless its activations took more than a quarter of what is left. Without them products
 * take longer than weights from few tokens on, and short passes keep submissions short; but not so
 * short that an expert's tokens fill no tile. */
static dsvk_status choose_chunk(struct dv_setup *setup, uint64_t left)
{
    dsvk_status status;
    uint32_t   *n    = &setup->chunk;
    bool        fits = false;
    *n               = DV_USUAL_CHUNK;
    if (setup->math_f16 && dv_prefers_f16(setup->caps))
        *n = DV_LONG_CHUNK;
    if (*n > setup->context)
        *n = setup->context;
    for (; left != UINT64_MAX && *n > SMALLEST_CHUNK; *n /= 2) {
        TRY(chunk_fits(&fits, setup, left, *n > DV_USUAL_CHUNK ? 4 : 1));
        if (fits)
            break;
    }
    return DSVK_OK;
}

dsvk_status dv_size_choose(struct dv_setup *setup, uint64_t left)
{
    dsvk_status status;
    if (setup->context == 0)
        TRY(choose_context(setup, left));
    if (setup->chunk > setup->context)
        setup->chunk = setup->context;
    return setup->chunk == 0 ? choose_chunk(setup, left) : DSVK_OK;
}
