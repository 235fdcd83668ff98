/* SPDX-License-Identifier: MIT */
/* Constructors of ops that fusion makes of others, for callers whose weights are packed for them:
 * such weights leave nothing to fuse. Shape rules are those of the ops that they stand for. */
#include "graph/build.h"

dv_tensor dv_gated(struct dv_graph *g, dv_weight pair, dv_tensor x)
{
    const struct dv_weight_info *w = &g->weights[pair];
    if (!dv_graph_need(g, DV_OP_project,
                       pair && x && w->kind == DV_WEIGHT_PAIR && w->cols <= g->values[x].cols,
                       "the input is narrower than gate and up"))
        return 0;
    return dv_graph_simple(g,
                           (struct dv_node){ .op         = DV_OP_project,
                                             .in.project = { .x = x },
                                             .w.project  = { .matrix = pair } },
                           g->values[x].rows, w->rows);
}

dv_tensor dv_expert_gated(struct dv_graph *g, dv_weight pair, dv_tensor x, dv_tensor route,
                          dv_tensor plan, uint32_t top_k)
{
    const struct dv_weight_info *w = &g->weights[pair];
    if (!dv_graph_need(g, DV_OP_expert_up,
                       pair && x && route && w->kind == DV_WEIGHT_PAIR && w->experts > 0 &&
                           w->cols == g->values[x].cols,
                       "the input is not as wide as the experts"))
        return 0;
    uint32_t pairs = g->values[route].rows * top_k, rows = g->values[x].rows;
    if (!dv_graph_need(g, DV_OP_expert_up, rows == pairs || rows * top_k == pairs,
                       "neither a row a token nor a row a pair"))
        return 0;
    return dv_graph_simple(
        g,
        (struct dv_node){
            .op           = DV_OP_expert_up,
            .in.expert_up = { x, route, plan },
            .w.expert_up  = { .experts = pair },
            .expert_up    = { .top_k = top_k, .x_div = pairs / rows, .tile = g->size.tile } },
        pairs, w->rows);
}

dv_tensor dv_expert_down(struct dv_graph *g, dv_weight w, dv_tensor x, dv_tensor route,
                         uint32_t top_k)
{
    if (!dv_graph_need(g, DV_OP_expert_down,
                       w && x && route && g->weights[w].experts > 0 &&
                           g->weights[w].cols == g->values[x].cols &&
                           g->values[x].rows == g->values[route].rows * top_k,
                       "not a row a pair, as wide as the experts"))
        return 0;
    return dv_graph_simple(g,
                           (struct dv_node){ .op             = DV_OP_expert_down,
                                             .in.expert_down = { .h = x, .route = route },
                                             .w.expert_down  = { .experts = w },
                                             .expert_down    = { .top_k = top_k } },
                           g->values[route].rows, g->weights[w].rows);
}
