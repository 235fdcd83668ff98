/* SPDX-License-Identifier: MIT */
/* Patterns for passes of few tokens. Such a pass is bound by the bytes of the weights and by the
 * number of its dispatches, so what little there is to compute besides is done again by every
 * workgroup that needs it: norms, the combination of splits, the choice of experts. */
#include "graph/fuse.h"

static bool few(const struct fuser *f)
{
    return f->g->size.tokens <= DV_FEW_TOKENS;
}

/* ---- a norm computed by its consumer ---- */

bool dv_fuse_norm(struct fuser *f, struct dv_node *node)
{
    struct dv_graph *g      = f->g;
    bool             matmul = node->op == DV_OP_matmul || node->op == DV_OP_project;
    if (!few(f) || (!matmul && node->op != DV_OP_expert_up))
        return false;
    struct dv_node *norm = dv_fuse_maker(f, node->in[0], DV_OP_rms_norm);
    if (!norm || node->w[1] || g->weights[node->w[0]].slices != 1 ||
        g->values[node->in[0]].kind == DV_VALUE_VIEW)
        return false;
    struct dv_node fused = *node;
    fused.op             = matmul ? DV_OP_project : DV_OP_expert_up;
    fused.in[0]          = norm->in[0];
    fused.w[1]           = norm->w[0];
    fused.eps            = norm->eps;
    bool last            = dv_fuse_uses(f, norm->out[0]) == 1;
    dv_fuse_become(f, node, fused);
    norm->dead |= last;
    f->stale = true;
    return true;
}

/* ---- down projections of the chosen and the shared experts in one ---- */

bool dv_fuse_expert_down(struct fuser *f, struct dv_node *node)
{
    if (node->op != DV_OP_expert_sum || !few(f))
        return false;
    struct dv_node *down = dv_fuse_only_maker(f, node->in[0], DV_OP_expert_matmul);
    if (!down || down->in[2])
        return false;
    struct dv_node *shared = NULL;
    if (node->in[2]) {
        shared = dv_fuse_only_maker(f, node->in[2], DV_OP_matmul);
        if (!shared || !dv_fuse_is_plain_matrix(f->g, shared->w[0]))
            return false;
    }
    struct dv_node fused = { .op      = DV_OP_expert_down,
                             .top_k   = node->top_k,
                             .experts = down->experts,
                             .in      = { down->in[0], node->in[1], shared ? shared->in[0] : 0,
                                          node->in[3] },
                             .w       = { down->w[0], shared ? shared->w[0] : 0 } };
    down->dead           = true;
    if (shared)
        shared->dead = true;
    dv_fuse_become(f, node, fused);
    return true;
}

/* ---- the splits of attention combined before W_UV ---- */

bool dv_fuse_attend_value(struct fuser *f, struct dv_node *node)
{
    if (node->op != DV_OP_matmul || !few(f))
        return false;
    struct dv_node *combine = dv_fuse_only_maker(f, node->in[0], DV_OP_combine);
    if (!combine || f->g->weights[node->w[0]].slices != combine->heads)
        return false;
    struct dv_node fused = *combine;
    fused.op             = DV_OP_attend_value;
    fused.w[0]           = node->w[0];
    combine->dead        = true;
    dv_fuse_become(f, node, fused);
    return true;
}

/* ---- two projections of one input in one dispatch ---- */

static bool is_projection(const struct fuser *f, const struct dv_node *node)
{
    const struct dv_weight_info *info = &f->g->weights[node->w[0]];
    return (node->op == DV_OP_matmul || node->op == DV_OP_project) && !node->dead && !node->in[1] &&
           info->slices == 1 && info->experts == 0;
}

/* The first stays where it is and takes the second along, which may have been computed there: it
 * reads nothing else. */
bool dv_fuse_project_two(struct fuser *f, struct dv_node *node)
{
    struct dv_graph *g = f->g;
    if (!few(f) || !is_projection(f, node))
        return false;
    struct dv_node *end = g->nodes + g->n_nodes, *other = node + 1;
    while (other < end && other->layer == node->layer &&
           !(is_projection(f, other) && other->in[0] == node->in[0] && other->w[1] == node->w[1] &&
             other->eps == node->eps))
        other++;
    if (other == end || other->layer != node->layer)
        return false;
    struct dv_node fused = *node;
    fused.op             = DV_OP_project_two;
    fused.w[2]           = other->w[0];
    node->out[1]         = other->out[0];
    other->dead          = true;
    dv_graph_out(g, node, 1, node->out[1]);
    dv_fuse_become(f, node, fused);
    return true;
}

/* ---- the choice of experts inside their first products ---- */

/* Whether a live node between both reads x, which then must be there before the later one. */
static bool read_between(const struct dv_node *from, const struct dv_node *to, dv_tensor x)
{
    for (const struct dv_node *n = from + 1; n < to; n++)
        for (uint32_t k = 0; !n->dead && k < DV_MAX_INPUTS; k++)
            if (n->in[k] == x)
                return true;
    return false;
}

bool dv_fuse_route_up(struct fuser *f, struct dv_node *node)
{
    dv_tensor route = node->in[1];
    if (f->g->size.tiers || node->op != DV_OP_expert_up || !few(f) || node->in[2] ||
        node->x_div != node->top_k)
        return false;
    struct dv_node *router = dv_fuse_maker(f, route, DV_OP_router);
    if (!router || read_between(router, node, route))
        return false;
    struct dv_node fused = *node;
    fused.op             = DV_OP_route_up;
    fused.in[1]          = router->in[0];
    fused.w[2]           = router->w[0];
    fused.groups         = router->groups;
    fused.top_k_groups   = router->top_k_groups;
    fused.flags          = router->flags;
    fused.scale          = router->scale;
    router->dead         = true;
    dv_graph_out(f->g, node, 1, route);
    dv_fuse_become(f, node, fused);
    return true;
}
