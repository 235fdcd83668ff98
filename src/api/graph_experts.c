/* SPDX-License-Identifier: MIT */
/* Operations of a caller's graph on experts: choosing them, and their products. As in model/moe.c,
 * few tokens go pair by pair, and the pairs of more are sorted by expert. */
#include "api/lent.h"
#include "graph/build.h"

/* ---- choosing ---- */

static struct dv_router_shape shape_of(const dsvk_router *r)
{
    uint32_t groups = r->groups ? r->groups : 1;
    return (struct dv_router_shape){ .experts      = r->experts,
                                     .top_k        = r->top_k,
                                     .groups       = groups,
                                     .top_k_groups = r->top_k_groups ? r->top_k_groups : groups,
                                     .sigmoid      = r->sigmoid,
                                     .group_sums   = r->group_sums,
                                     .normalise    = r->normalise,
                                     .scale        = r->scale != 0 ? r->scale : 1 };
}

static bool is_choice(const struct dv_router_shape *s)
{
    return s->experts > 0 && s->experts <= DV_MAX_EXPERTS && s->top_k > 0 &&
           s->top_k <= DV_MAX_TOP_K && s->groups <= DV_MAX_GROUPS && s->experts % s->groups == 0 &&
           s->top_k_groups <= s->groups && s->top_k <= s->experts / s->groups * s->top_k_groups;
}

dsvk_tensor dsvk_graph_router(dsvk_graph *g, dsvk_tensor logits, dsvk_weight *bias,
                              const dsvk_router *router)
{
    if (!dv_lent_takes(g, "router", logits))
        return 0;
    struct dv_router_shape s    = shape_of(router ? router : &(dsvk_router){ 0 });
    uint32_t               cols = g->g->values[logits].cols;
    if (!is_choice(&s) || s.experts != cols)
        return dv_lent_refuse(
            g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                       "graph: router: %u of %u experts in %u groups, %u of them, by %u logits; at "
                       "most %u of %u in %u",
                       s.top_k, s.experts, s.groups, s.top_k_groups, cols, DV_MAX_TOP_K,
                       DV_MAX_EXPERTS, DV_MAX_GROUPS));
    dv_weight weight = bias ? dv_lent_weight(g, "router", bias) : 0;
    if (bias && !weight)
        return 0;
    if (bias && (bias->info.kind != DV_WEIGHT_VECTOR || bias->info.cols != cols))
        return dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                                         "graph: router: the bias \"%s\" is no vector of %u",
                                         bias->info.name, cols));
    return dv_router(g->g, logits, weight, &s);
}

/* ---- products ---- */

/* What the products of one operation share. */
struct use {
    const char *op;
    dsvk_tensor route;
    uint32_t    tokens, top_k, experts;
};

static bool reads_route(struct use *u, dsvk_graph *g, const char *op, dsvk_tensor route,
                        const dsvk_weight *w)
{
    if (!dv_lent_takes(g, op, route))
        return false;
    const struct dv_value *v        = &g->g->values[route];
    const struct dv_node  *producer = v->producer ? &g->g->nodes[v->producer - 1] : NULL;
    *u          = (struct use){ op, route, v->rows, v->cols / 2, w ? w->info.experts : 0 };
    bool chosen = producer && producer->op == DV_OP_router;
    if (!producer && v->cols % 2 == 0 && u->top_k <= DV_MAX_TOP_K && u->top_k <= u->experts)
        return true;
    if (chosen && producer->router.shape.experts == u->experts)
        return true;
    dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                              "graph: %s: %u x %u is no route to %u experts", op, v->rows, v->cols,
                              u->experts));
    return false;
}

static bool is_of_experts(dsvk_graph *g, const struct use *u, const dsvk_weight *w, uint32_t cols)
{
    if (w->info.kind != DV_WEIGHT_VECTOR && w->info.experts == u->experts && u->experts > 0 &&
        w->info.cols == cols && w->info.rows % 4 == 0)
        return true;
    dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                              "graph: %s: \"%s\" of %u x %u and %u experts, where %u experts with "
                              "%u columns and rows times 4 are wanted",
                              u->op, w->info.name, w->info.rows, w->info.cols, w->info.experts,
                              u->experts, cols));
    return false;
}

static bool has_rows(dsvk_graph *g, const struct use *u, dsvk_tensor x)
{
    uint32_t rows = g->g->values[x].rows;
    if (rows == u->tokens || rows == u->tokens * u->top_k)
        return true;
    dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                              "graph: %s: %u rows, not %u tokens, nor %u choices of each", u->op,
                              rows, u->tokens, u->top_k));
    return false;
}

/* The pairs sorted by expert; 0: each by itself, or a failure. */
static dv_tensor plan_of(dsvk_graph *g, const struct use *u)
{
    struct dv_router_shape shape = { .experts = u->experts, .top_k = u->top_k };
    g->g->size.tile = dv_expert_tile(&g->device->dev->caps, g->math_f16 && !g->g->size.batch,
                                     u->tokens * u->top_k, u->experts);
    if (u->tokens <= DV_FEW_TOKENS)
        return 0;
    if (g->sorted == u->route && g->sorted_experts == u->experts)
        return g->plan;
    g->sorted         = u->route;
    g->sorted_experts = u->experts;
    return g->plan    = dv_expert_plan(g->g, u->route, &shape);
}

static dv_tensor product(dsvk_graph *g, const struct use *u, dsvk_weight *w, dsvk_tensor x)
{
    dv_weight matrix = dv_lent_weight(g, u->op, w);
    if (!matrix || !is_of_experts(g, u, w, g->g->values[x].cols))
        return 0;
    dv_tensor plan = plan_of(g, u);
    if (w->info.kind == DV_WEIGHT_PAIR)
        return dv_expert_gated(g->g, matrix, x, u->route, plan, u->top_k);
    return dv_expert_matmul(g->g, matrix, x, u->route, plan, u->top_k);
}

dsvk_tensor dsvk_graph_expert_matmul(dsvk_graph *g, dsvk_weight *w, dsvk_tensor x,
                                     dsvk_tensor route)
{
    struct use u;
    if (!dv_lent_takes(g, "expert_matmul", x) || !reads_route(&u, g, "expert_matmul", route, w) ||
        !has_rows(g, &u, x))
        return 0;
    return product(g, &u, w, x);
}

dsvk_tensor dsvk_graph_experts(dsvk_graph *g, dsvk_weight *gate_up, dsvk_weight *down,
                               dsvk_tensor x, dsvk_tensor route)
{
    struct use u;
    if (!dv_lent_takes(g, "experts", x) || !reads_route(&u, g, "experts", route, gate_up))
        return 0;
    if (!gate_up || gate_up->info.kind != DV_WEIGHT_PAIR || !down ||
        down->info.kind != DV_WEIGHT_MATRIX || g->g->values[x].rows != u.tokens)
        return dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                                         "graph: experts: gate and up, down and a row for each of "
                                         "%u tokens are wanted",
                                         u.tokens));
    dv_tensor h = product(g, &u, gate_up, x);
    if (!h)
        return 0;
    if (u.tokens > DV_FEW_TOKENS) {
        dv_tensor y = product(g, &u, down, h);
        return y ? dv_expert_sum(g->g, y, route, 0, 0, u.top_k) : 0;
    }
    dv_weight matrix = dv_lent_weight(g, "experts", down);
    if (!matrix || !is_of_experts(g, &u, down, g->g->values[h].cols))
        return 0;
    return dv_expert_down(g->g, matrix, h, route, u.top_k);
}
