/* SPDX-License-Identifier: MIT */
/* Which pipelines there are: graphs of the published shapes are built and planned as a session
 * does, and each node's kernel is asked for its dispatch with addresses that nobody reads. */
#include "pipelines.h"

#include <string.h>

#include "engine/session.h"
#include "pack/layout.h"

#define FAKE_ADDRESS UINT64_C(0x100000000)
#define CONTEXT 4096u
#define DECODE_SHAPE "v2-lite"
#define MOST_ROWS 65536u /* of the embedding: as F32 the largest are above 4 GiB */

static const uint32_t token_counts[] = { 1, 2, 4, 64, 256, 2048 };
static const struct stored {
    enum dv_dtype matrices, router, head; /* head: the embedding too */
} formats[] = {
    { DV_F8_E4M3, DV_BF16, DV_BF16 }, { DV_BF16, DV_F32, DV_BF16 },  { DV_F16, DV_F16, DV_F16 },
    { DV_F32, DV_F32, DV_F32 },       { DV_INT4, DV_BF16, DV_BF16 }, { DV_FP4, DV_BF16, DV_BF16 },
};
_Static_assert(sizeof formats / sizeof *formats == DV_N_FORMATS, "each format is compiled");

struct pass {
    struct collection      *collection;
    const char             *shape;
    const struct dv_config *config;
    struct dv_graph        *graph;
    bool                    math_f16;
};

static bool is_same(const struct dv_pipeline_params *a, const struct dv_pipeline_params *b)
{
    return strcmp(a->kernel, b->kernel) == 0 && a->subgroup == b->subgroup &&
           memcmp(a->spec, b->spec, sizeof a->spec) == 0;
}

static bool stands_for_decoding(const struct found *found)
{
    if (strcmp(found->shape, DECODE_SHAPE) != 0)
        return strcmp(found->params.kernel, "attend") == 0 && found->tokens == 1;
    return found->tokens == 1 || strcmp(found->params.kernel, "matmul") == 0;
}

static dsvk_status add(struct collection *c, const struct found *found)
{
    if (c->only && strcmp(c->only, found->params.kernel) != 0)
        return DSVK_OK;
    if (c->decode && !stands_for_decoding(found))
        return DSVK_OK;
    for (uint32_t i = 0; i < c->n; i++)
        if (is_same(&c->list[i].params, &found->params)) {
            c->list[i].uses++;
            if (found->tokens < c->list[i].tokens)
                c->list[i].tokens = found->tokens;
            return DSVK_OK;
        }
    if (c->n == c->capacity) {
        uint32_t capacity = c->capacity ? 2 * c->capacity : 64;
        void    *list     = dv_realloc(c->ctx, c->list, capacity * sizeof *c->list);
        if (!list)
            return dv_fail(c->ctx, DSVK_NO_MEMORY, "pipelines: no memory for %u of them", capacity);
        c->list     = list;
        c->capacity = capacity;
    }
    c->list[c->n++] = *found;
    return DSVK_OK;
}

static enum dv_dtype stored_as(const struct stored *stored, const struct dv_weight_info *info)
{
    if (info->role == DV_ROLE_ROUTER)
        return stored->router;
    if (info->role == DV_ROLE_EMBEDDING || info->role == DV_ROLE_HEAD)
        return stored->head;
    return stored->matrices;
}

static void add_scale(struct dv_layout_source *part)
{
    static const unsigned char nowhere;
    const struct dv_format    *format = dv_format_of(part->dtype);
    if (format->scales == DV_SCALES_NONE)
        return;
    part->scale       = &nowhere;
    part->scale_dtype = format->scale_dtype;
    part->block_rows  = format->block_rows;
    part->block_cols  = format->block_cols;
}

/* The format that the weight would have on the device; decided from headers, as in loading. */
static dsvk_status place(struct dv_weight_place *place, const struct pass *pass, dv_weight w,
                         const struct stored *stored)
{
    dsvk_status                  status;
    const struct dv_weight_info *info                = &pass->graph->weights[w];
    struct dv_layout_source      parts[DV_MAX_PARTS] = { { .rows = 0 } };
    struct dv_layout             layout;
    enum dv_dtype                dtype = stored_as(stored, info);
    *place                             = (struct dv_weight_place){ .address = FAKE_ADDRESS };
    if (info->kind == DV_WEIGHT_ROPE || info->kind == DV_WEIGHT_VECTOR)
        return DSVK_OK;
    for (uint32_t p = 0; p < info->n_parts; p++) {
        parts[p] = (struct dv_layout_source){ .dtype = dtype,
                                              .rows  = info->parts[p].rows,
                                              .cols  = info->tensor_cols };
        add_scale(&parts[p]);
    }
    TRY(dv_layout_of(&layout, pass->collection->ctx, info, parts));
    dv_layout_place(place, &layout, FAKE_ADDRESS);
    return DSVK_OK;
}

static dsvk_status ask_kernels(const struct pass *pass, const struct dv_weight_place *places,
                               const struct dv_state_place *states, enum dv_cache_format cache)
{
    dsvk_status        status;
    struct collection *c = pass->collection;
    unsigned char      block[DV_BLOCK_BYTES];

    struct dv_kernel_site site = { .caps         = c->caps,
                                   .graph        = pass->graph,
                                   .weights      = places,
                                   .arena        = FAKE_ADDRESS,
                                   .step         = FAKE_ADDRESS,
                                   .states       = states,
                                   .cache_format = cache,
                                   .math_f16     = pass->math_f16,
                                   .round_f16    = c->round_f16,
                                   .block_data   = block,
                                   .block        = FAKE_ADDRESS };
    for (uint32_t i = 0; i < pass->graph->n_nodes; i++) {
        const struct dv_node *node     = &pass->graph->nodes[i];
        dv_weight             weight   = dv_n_weights(node->op) ? node->w.at[0] : 0;
        struct dv_dispatch    dispatch = { .indirect = false };
        TRY(dv_kernel_of(node->op)->dispatch(&dispatch, &site, node));
        TRY(add(c,
                &(struct found){ .params = dispatch.pipeline,
                                 .op     = dv_op_name(node->op),
                                 .shape  = pass->shape,
                                 .role = weight ? pass->graph->weights[weight].role : DV_ROLE_NONE,
                                 .tokens = pass->graph->size.tokens,
                                 .uses   = 1 }));
    }
    return DSVK_OK;
}

static dsvk_status collect_formats(const struct pass *pass)
{
    dsvk_status              status = DSVK_OK;
    const struct dv_context *ctx    = pass->collection->ctx;
    uint32_t                 n      = pass->graph->n_weights;
    struct dv_weight_place  *places = dv_zalloc_array(ctx, n + 1, sizeof *places);
    struct dv_state_place *states = dv_zalloc_array(ctx, pass->graph->n_states + 1, sizeof *states);
    if (!places || !states) {
        status = dv_fail(ctx, DSVK_NO_MEMORY, "pipelines: no memory for %u places", n);
        goto fail;
    }
    size_t   n_formats = pass->collection->decode ? 1 : sizeof formats / sizeof *formats;
    unsigned n_caches  = pass->collection->decode ? DV_CACHE_BF16 + 1u : DV_N_CACHES, c;
    for (size_t f = 0; f < n_formats; f++) {
        for (dv_weight w = 1; w <= n; w++)
            TRY_OR(fail, place(&places[w], pass, w, &formats[f]));
        for (c = pass->collection->decode ? DV_CACHE_BF16 : 0; c < n_caches; c++) {
            dv_pages_of_graph(states, pass->graph, (enum dv_cache_format)c);
            TRY_OR(fail, ask_kernels(pass, places, states, (enum dv_cache_format)c));
        }
    }
fail:
    dv_free(ctx, states);
    dv_free(ctx, places);
    return status;
}

/* What a pass is, besides its tokens: all sums of these. */
enum { NO_FUSE = 1, ALL_ROWS = 2, MATERIALISE = 4, N_FORMS = 8 };

static dsvk_status collect_pass(struct pass *pass, uint32_t tokens, unsigned form)
{
    dsvk_status              status;
    const struct dv_context *ctx = pass->collection->ctx;
    uint32_t context = pass->config->max_context < CONTEXT ? pass->config->max_context : CONTEXT;
    struct dv_plan   plan;
    struct dv_tuning tuning;
    dv_tuning_of(&tuning, pass->collection->caps);

    struct dv_graph_size size = { .tokens   = tokens,
                                  .context  = context,
                                  .split    = dv_engine_split(context, &tuning),
                                  .tile     = dv_expert_tile(pass->collection->caps, pass->math_f16,
                                                             tokens * pass->config->top_k,
                                                             pass->config->experts),
                                  .all_rows = form & ALL_ROWS,
                                  .keep_routes = form & ALL_ROWS,
                                  .materialise = form & MATERIALISE };
    TRY(dv_engine_graph(&pass->graph, ctx, pass->config, &size, form & NO_FUSE));
    status = dv_graph_plan(pass->graph, &plan);
    if (status == DSVK_OK)
        status = collect_formats(pass);
    dv_graph_free(pass->graph);
    return status;
}

/* Layers repeat, so that the dense ones and one with experts are enough. */
static dsvk_status collect_shape(struct collection *collection, const char *shape,
                                 struct dv_config *config)
{
    dsvk_status status;
    struct pass pass = { .collection = collection,
                         .config     = config,
                         .shape      = shape,
                         .math_f16   = dv_prefers_f16(collection->caps) };
    config->layers   = config->first_dense + 1;
    if (config->vocab > MOST_ROWS)
        config->vocab = MOST_ROWS;
    if (collection->decode) {
        TRY(collect_pass(&pass, 1, 0));
        return collect_pass(&pass, DECODE_TOKENS, 0);
    }
    for (size_t t = 0; t < sizeof token_counts / sizeof *token_counts; t++)
        for (unsigned form = 0; form < N_FORMS; form++)
            TRY(collect_pass(&pass, token_counts[t], form));
    return DSVK_OK;
}

dsvk_status collect(struct collection *collection)
{
    dsvk_status      status;
    struct dv_config config;
    const char      *shape;
    TRY(dv_config_read(&config, collection->ctx, PIPELINES_DEMO));
    TRY(collect_shape(collection, "demo", &config));
    for (uint32_t i = 0; (shape = dv_config_like_name(i)) != NULL; i++) {
        TRY(dv_config_like(&config, collection->ctx, shape));
        TRY(collect_shape(collection, shape, &config));
    }
    return DSVK_OK;
}

dsvk_status collect_decode(struct collection *collection)
{
    static const char *const shapes[] = { DECODE_SHAPE, "v3" };
    dsvk_status              status;
    struct dv_config         config;
    collection->decode = true;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        TRY(dv_config_like(&config, collection->ctx, shapes[i]));
        TRY(collect_shape(collection, shapes[i], &config));
    }
    return DSVK_OK;
}
