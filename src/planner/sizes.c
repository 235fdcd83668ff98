/* SPDX-License-Identifier: MIT */
#include "planner/sizes.h"

#include "planner/cache_shape.h"

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
uint32_t dv_size_form(const struct dv_session_size *size)
{
    if (size->materialise_from)
        return size->materialise_from;
    return size->math_f16 ? dv_model_materialise_from(size->config) : UINT32_MAX;
}

uint32_t dv_size_f32_chunk(const struct dv_session_size *size)
{
    return size->chunk < DV_USUAL_CHUNK ? size->chunk : DV_USUAL_CHUNK;
}

static struct dv_graph_size graph_size(const struct dv_session_size *size,
                                       const struct dv_pass         *pass)
{
    const struct dv_config *c     = size->config;
    uint32_t                pairs = pass->tokens * c->top_k;
    bool                    f16   = size->math_f16 && !pass->f32;
    struct dv_tuning        tuning;
    dv_tuning_of(&tuning, size->caps);
    return (struct dv_graph_size){
        .tokens       = pass->tokens,
        .context      = size->context,
        .split        = dv_engine_split(size->context, &tuning),
        .tile         = dv_expert_tile(size->caps, f16, pairs, c->experts),
        .choices      = size->choices,
        .all_rows     = pass->all_rows,
        .keep_routes  = pass->all_rows,
        .advance      = pass->tokens == 1 && !pass->all_rows,
        .materialise  = pass->materialise,
        .tiers        = size->tiers,
        .plan_experts = size->tiers && pairs > size->expert_slots,
    };
}

dsvk_status dv_size_graph(struct dv_graph **graph, struct dv_plan *plan,
                          const struct dv_session_size *size, const struct dv_pass *pass)
{
    dsvk_status          status;
    struct dv_graph_size g = graph_size(size, pass);
    TRY(dv_engine_graph(graph, size->ctx, size->config, &g, size->no_fuse));
    status = dv_graph_plan(*graph, plan);
    if (status != DSVK_OK) {
        dv_graph_free(*graph);
        *graph = NULL;
    }
    return status;
}

/* ---- bytes ---- */

static dsvk_status add_pass(struct dv_session_bytes *bytes, const struct dv_session_size *size,
                            const struct dv_pass *pass)
{
    dsvk_status      status;
    struct dv_graph *graph;
    struct dv_plan   plan;
    TRY(dv_size_graph(&graph, &plan, size, pass));
    if (plan.arena_bytes > bytes->arena)
        bytes->arena = plan.arena_bytes;
    if (graph->n_nodes > bytes->nodes)
        bytes->nodes = graph->n_nodes;
    dv_graph_free(graph);
    return DSVK_OK;
}

/* The need grows with the tokens, but passes of few tokens are planned in another way, and those of
 * one token in a third. */
static dsvk_status add_few(struct dv_session_bytes *bytes, const struct dv_session_size *size)
{
    dsvk_status status;
    if (size->chunk > 1)
        TRY(add_pass(bytes, size, &(struct dv_pass){ .tokens = 1 }));
    if (size->chunk > DV_FEW_TOKENS)
        TRY(add_pass(bytes, size, &(struct dv_pass){ .tokens = DV_FEW_TOKENS }));
    if (size->math_f16) {
        struct dv_pass f32 = { .tokens = dv_size_f32_chunk(size), .f32 = true };
        TRY(add_pass(bytes, size, &f32));
    }
    return add_pass(bytes, size, &(struct dv_pass){ .tokens = size->chunk });
}

static dsvk_status add_passes(struct dv_session_bytes *bytes, const struct dv_session_size *size)
{
    dsvk_status            status;
    uint32_t               chunk = size->chunk;
    struct dv_session_size other = *size;
    /* Whether there are fewer slots than choices makes two forms of passes of few tokens. */
    other.expert_slots = UINT32_MAX;
    TRY(add_few(bytes, &other));
    other.expert_slots = 0;
    if (size->tiers)
        TRY(add_few(bytes, &other));
    if (chunk >= dv_size_form(size))
        TRY(add_pass(bytes, size, &(struct dv_pass){ .tokens = chunk, .materialise = true }));
    return DSVK_OK;
}

static struct dv_cache_shape cache_shape(const struct dv_session_size *size)
{
    const struct dv_config *c = size->config;
    return (struct dv_cache_shape){ .format  = size->cache,
                                    .layers  = c->layers,
                                    .kv      = c->kv_lora,
                                    .rope    = c->rope,
                                    .context = size->context };
}

dsvk_status dv_size_bytes(struct dv_session_bytes *bytes, const struct dv_session_size *size)
{
    dsvk_status           status;
    struct dv_cache_shape shape = cache_shape(size);
    *bytes                      = (struct dv_session_bytes){ 0 };
    TRY(add_passes(bytes, size));
    bytes->cache     = dv_cache_bytes(&shape);
    bytes->rope      = (uint64_t)size->context * (size->config->rope / 2) * 2 * sizeof(float);
    bytes->arguments = (uint64_t)bytes->nodes * DV_BLOCK_BYTES * DV_MAX_PROGRAMS;
    bytes->step      = DV_STEP_IDS + (uint64_t)size->chunk * 4;
    bytes->result    = (uint64_t)size->chunk * 16;
    return DSVK_OK;
}

dsvk_status dv_size_with_scores(uint64_t *bytes, const struct dv_session_size *size)
{
    dsvk_status             status;
    struct dv_session_bytes all, plain;
    uint32_t                most = size->chunk < DV_SCORE_CHUNK ? size->chunk : DV_SCORE_CHUNK;
    TRY(dv_size_bytes(&all, size));
    plain               = all;
    struct dv_pass pass = { .tokens = most, .all_rows = true };
    TRY(add_pass(&all, size, &pass));
    pass.f32 = true;
    if (size->math_f16)
        TRY(add_pass(&all, size, &pass));
    *bytes = dv_size_device(&all);
    if (all.nodes > plain.nodes) /* its arguments have no room among the others' */
        *bytes += (uint64_t)all.nodes * DV_BLOCK_BYTES * 2;
    return DSVK_OK;
}

uint64_t dv_size_device(const struct dv_session_bytes *bytes)
{
    return bytes->cache + bytes->arena + bytes->rope + bytes->arguments;
}

uint64_t dv_size_host(const struct dv_session_bytes *bytes)
{
    return bytes->step + bytes->result;
}

/* ---- choosing ---- */

void dv_size_least(struct dv_session_size *size)
{
    uint32_t most = size->config->max_context;
    if (size->context == 0)
        size->context = most < SMALLEST_CONTEXT ? most : SMALLEST_CONTEXT;
    if (size->chunk == 0)
        size->chunk = SMALLEST_CHUNK;
    if (size->chunk > size->context)
        size->chunk = size->context;
}

static dsvk_status least_fits(bool *fits, const struct dv_session_size *size, uint64_t left)
{
    dsvk_status             status;
    struct dv_session_bytes bytes;
    struct dv_session_size  least = *size;
    dv_size_least(&least);
    TRY(dv_size_bytes(&bytes, &least));
    *fits = dv_size_device(&bytes) <= left;
    return DSVK_OK;
}

/* The longest context whose cache takes at most half of what is left: the rest is for activations
 * and for others. */
static dsvk_status choose_context(struct dv_session_size *size, uint64_t left)
{
    dsvk_status status;
    uint32_t    most = size->config->max_context;
    size->context    = most < USUAL_CONTEXT ? most : USUAL_CONTEXT;
    for (; left != UINT64_MAX && size->context > SMALLEST_CONTEXT; size->context /= 2) {
        struct dv_cache_shape shape = cache_shape(size);
        bool                  fits  = false;
        if (dv_cache_bytes(&shape) <= left / 2)
            TRY(least_fits(&fits, size, left));
        if (fits)
            return DSVK_OK;
    }
    return DSVK_OK;
}

/* Whether passes of size->chunk tokens leave three quarters of what there is behind the cache, or
 * fit at all. */
static dsvk_status chunk_fits(bool *fits, const struct dv_session_size *size, uint64_t left,
                              bool easily)
{
    dsvk_status             status;
    struct dv_session_bytes bytes;
    TRY(dv_size_bytes(&bytes, size));
    uint64_t others = dv_size_device(&bytes) - bytes.arena;
    *fits           = others < left && bytes.arena <= (left - others) / (easily ? 4 : 1);
    return DSVK_OK;
}

/* Weights are read once a pass, whatever its tokens, so that with matrix units a prompt of 2,048 is
 * one pass, unless its activations took more than a quarter of what is left. Without them products
 * take longer than weights from few tokens on, and short passes keep submissions short; but not so
 * short that an expert's tokens fill no tile. */
static dsvk_status choose_chunk(struct dv_session_size *size, uint64_t left)
{
    dsvk_status status;
    uint32_t   *n    = &size->chunk;
    bool        fits = false;
    *n               = DV_USUAL_CHUNK;
    if (size->math_f16 && dv_prefers_f16(size->caps))
        *n = DV_LONG_CHUNK;
    if (*n > size->context)
        *n = size->context;
    for (; left != UINT64_MAX && *n > SMALLEST_CHUNK; *n /= 2) {
        TRY(chunk_fits(&fits, size, left, *n > DV_USUAL_CHUNK));
        if (fits)
            break;
    }
    return DSVK_OK;
}

dsvk_status dv_size_choose(struct dv_session_size *size, uint64_t left)
{
    dsvk_status status;
    if (size->context == 0)
        TRY(choose_context(size, left));
    if (size->chunk > size->context)
        size->chunk = size->context;
    return size->chunk == 0 ? choose_chunk(size, left) : DSVK_OK;
}

/* ---- the largest ---- */

static uint32_t context_of(const struct dv_session_size *size, uint32_t pages)
{
    uint32_t most = size->config->max_context;
    return pages > most / DV_PAGE ? most : pages * DV_PAGE;
}

/* Device bytes and the arena among them with a context of so many pages. */
static dsvk_status bytes_with(uint64_t *bytes, uint64_t *arena, const struct dv_session_size *size,
                              uint32_t pages)
{
    dsvk_status             status;
    struct dv_session_bytes all;
    struct dv_session_size  with = *size;
    with.context                 = context_of(size, pages);
    if (with.chunk > with.context)
        with.chunk = with.context;
    TRY(dv_size_bytes(&all, &with));
    *bytes = dv_size_device(&all);
    *arena = all.arena;
    return DSVK_OK;
}

/* By halving between page counts, of which *low fits. */
static dsvk_status search(uint32_t *low, uint32_t high, const struct dv_session_size *size,
                          uint64_t left)
{
    dsvk_status status;
    uint64_t    bytes, arena;
    while (*low < high) {
        uint32_t middle = high - (high - *low) / 2;
        TRY(bytes_with(&bytes, &arena, size, middle));
        if (bytes <= left)
            *low = middle;
        else
            high = middle - 1;
    }
    return DSVK_OK;
}

/* The arena grows with the context in few steps, if at all, and planning it is what takes time: so
 * we take that of the longest context that could fit, and look closer only where it differs. */
dsvk_status dv_size_largest(uint32_t *context, const struct dv_session_size *size, uint64_t left)
{
    dsvk_status           status;
    struct dv_cache_shape shape = cache_shape(size);
    shape.context               = DV_PAGE;
    uint64_t page  = dv_cache_bytes(&shape) + (uint64_t)DV_PAGE * (size->config->rope / 2) * 8;
    uint32_t high  = (size->config->max_context - 1) / DV_PAGE + 1, low;
    uint64_t bytes = 0, arena, least;
    if (left / page < high)
        high = (uint32_t)(left / page);
    if (high > 0)
        TRY(bytes_with(&bytes, &arena, size, high));
    if (bytes > left) {
        uint64_t over = (bytes - left - 1) / page + 1;
        low           = over < high ? high - (uint32_t)over : 0;
        if (low > 0) {
            TRY(bytes_with(&bytes, &least, size, low));
            if (least == arena)
                high = low;
        }
        TRY(search(&low, high, size, left));
        high = low;
    }
    *context = context_of(size, high);
    return DSVK_OK;
}
