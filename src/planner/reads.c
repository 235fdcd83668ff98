/* SPDX-License-Identifier: MIT */
/* Counts the bytes of weights that computing tokens reads, for the upper bound on speed that a
 * plan tells. It follows the graph that would run and measures nothing. */
#include "planner/reads.h"

#include "kernel/cost.h"
#include "planner/sizes.h"

static dsvk_status graph_of(struct dv_graph **g, const struct dv_context *ctx,
                            const struct dv_weight_source *source, uint32_t tokens, bool no_fuse)
{
    struct dv_graph_size size = {
        .tokens = tokens, .context = tokens, .split = dv_engine_split(tokens, NULL), .tile = 16
    };
    return dv_engine_graph(g, ctx, source->config, &size, no_fuse);
}

/* Adds what `passes` passes of so many tokens read. */
static dsvk_status add_touched(struct dv_traffic *traffic, const struct dv_context *ctx,
                               const struct dv_weight_source *source, uint32_t tokens,
                               uint32_t passes, bool no_fuse)
{
    dsvk_status             status;
    struct dv_graph        *g;
    struct dv_weight_place *places = NULL;
    if (tokens == 0 || passes == 0)
        return DSVK_OK;
    TRY(graph_of(&g, ctx, source, tokens, no_fuse));
    TRY_OR(fail, dv_source_places(&places, ctx, source, g));
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        struct dv_cost cost;
        if (g->nodes[i].dead)
            continue;
        dv_node_cost(&cost, &(struct dv_cost_site){ .weights = places }, g, &g->nodes[i]);
        traffic->touched += passes * cost.weight_bytes;
    }
    traffic->passes += passes;
fail:
    dv_free(ctx, places);
    dv_graph_free(g);
    return status;
}

/* How often tokens need a weight's bytes: rows of a table, experts, or the whole of it once. */
struct use {
    bool     whole;
    uint32_t rows, experts;
};

static void note_uses(struct use *uses, const struct dv_graph *g, uint32_t tokens)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct dv_node *node = &g->nodes[i];
        for (uint32_t k = 0; !node->dead && k < dv_n_weights(node->op); k++) {
            struct use *use     = &uses[node->w.at[k]];
            uint32_t    experts = g->weights[node->w.at[k]].experts;
            if (node->op == DV_OP_embed)
                use->rows = tokens;
            else if (experts)
                use->experts =
                    dv_experts_touched((uint64_t)tokens * dv_node_expert_use(node).top_k, experts);
            else
                use->whole = true;
        }
    }
}

/* Unfused and absorbed, so that each tensor is named once. */
static dsvk_status add_least(struct dv_traffic *traffic, const struct dv_context *ctx,
                             const struct dv_weight_source *source, uint32_t tokens)
{
    dsvk_status      status;
    struct dv_graph *g;
    TRY(graph_of(&g, ctx, source, 1, true));
    struct use *uses = dv_zalloc_array(ctx, (size_t)g->n_weights + 1, sizeof *uses);
    if (!uses) {
        status = dv_fail(ctx, DSVK_NO_MEMORY, "weights: no memory to count them");
        goto fail;
    }
    note_uses(uses, g, tokens);
    for (dv_weight w = 1; w <= g->n_weights; w++) {
        const struct dv_weight_info *info = &g->weights[w];
        struct dv_layout_source      part;
        if (info->kind == DV_WEIGHT_ROPE)
            continue;
        TRY_OR(fail, dv_source_part(&part, ctx, source, info, 0, 0));
        uint64_t bytes = dv_source_bytes(info, &part);
        if (uses[w].whole)
            traffic->least += bytes;
        else if (uses[w].experts)
            traffic->least += bytes * uses[w].experts;
        else
            traffic->least +=
                bytes / info->rows * (uses[w].rows < info->rows ? uses[w].rows : info->rows);
    }
fail:
    dv_free(ctx, uses);
    dv_graph_free(g);
    return status;
}

dsvk_status dv_traffic_of(struct dv_traffic *traffic, const struct dv_context *ctx,
                          const struct dv_weight_source *source, uint32_t tokens, uint32_t chunk,
                          bool no_fuse)
{
    dsvk_status status;
    *traffic = (struct dv_traffic){ 0 };
    TRY(add_touched(traffic, ctx, source, chunk, tokens / chunk, no_fuse));
    TRY(add_touched(traffic, ctx, source, tokens % chunk, 1, no_fuse));
    return add_least(traffic, ctx, source, tokens);
}
