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

/* The norm that makes x, if the product with `w` can compute it. */
static struct dv_node *norm_before(const struct fuser *f, dv_tensor x, dv_weight w)
{
    struct dv_node *norm  = dv_fuse_maker(f, x, DV_OP_rms_norm);
    bool            plain = f->g->weights[w].slices == 1 && f->g->values[x].kind != DV_VALUE_VIEW;
    return norm && plain ? norm : NULL;
}

static bool take_norm(struct fuser *f, struct dv_node *node, struct dv_node *norm,
                      struct dv_node fused)
{
    bool last = dv_fuse_uses(f, norm->out.rms_norm.y) == 1;
    dv_fuse_become(f, node, fused);
    norm->dead |= last;
    return true;
}

static bool fuse_norm_project(struct fuser *f, struct dv_node *node)
{
    struct dv_node  fused = dv_fuse_as_project(node);
    struct dv_node *norm  = norm_before(f, fused.in.project.x, fused.w.project.matrix);
    if (!norm || fused.w.project.norm)
        return false;
    fused.in.project.x   = norm->in.rms_norm.x;
    fused.w.project.norm = norm->w.rms_norm.norm;
    fused.project.eps    = norm->rms_norm.eps;
    return take_norm(f, node, norm, fused);
}

static bool fuse_norm_expert_up(struct fuser *f, struct dv_node *node)
{
    struct dv_node  fused = *node;
    struct dv_node *norm  = norm_before(f, fused.in.expert_up.x, fused.w.expert_up.experts);
    if (!norm || fused.w.expert_up.norm)
        return false;
    fused.in.expert_up.x   = norm->in.rms_norm.x;
    fused.w.expert_up.norm = norm->w.rms_norm.norm;
    fused.expert_up.eps    = norm->rms_norm.eps;
    return take_norm(f, node, norm, fused);
}

bool dv_fuse_norm(struct fuser *f, struct dv_node *node)
{
    if (!few(f))
        return false;
    if (node->op == DV_OP_matmul || node->op == DV_OP_project)
        return fuse_norm_project(f, node);
    return node->op == DV_OP_expert_up && fuse_norm_expert_up(f, node);
}

/* ---- down projections of the chosen and the shared experts in one ---- */

bool dv_fuse_expert_down(struct fuser *f, struct dv_node *node)
{
    if (node->op != DV_OP_expert_sum || !few(f))
        return false;
    struct dv_node *down = dv_fuse_only_maker(f, node->in.expert_sum.x, DV_OP_expert_matmul);
    if (!down || down->in.expert_matmul.plan)
        return false;
    struct dv_node *shared = NULL;
    if (node->in.expert_sum.shared) {
        shared = dv_fuse_only_maker(f, node->in.expert_sum.shared, DV_OP_matmul);
        if (!shared || !dv_fuse_is_plain_matrix(f->g, shared->w.matmul.matrix))
            return false;
    }
    struct dv_node fused = {
        .op             = DV_OP_expert_down,
        .in.expert_down = { .h        = down->in.expert_matmul.x,
                            .route    = node->in.expert_sum.route,
                            .shared   = shared ? shared->in.matmul.x : 0,
                            .residual = node->in.expert_sum.residual },
        .w.expert_down  = { .experts = down->w.expert_matmul.experts,
                            .shared  = shared ? shared->w.matmul.matrix : 0 },
        .expert_down    = { .top_k = node->expert_sum.top_k },
    };
    down->dead = true;
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
    struct dv_node *combine = dv_fuse_only_maker(f, node->in.matmul.x, DV_OP_combine);
    if (!combine || f->g->weights[node->w.matmul.matrix].slices != combine->combine.heads)
        return false;
    struct dv_node fused = {
        .op              = DV_OP_attend_value,
        .in.attend_value = { .partials = combine->in.combine.partials },
        .w.attend_value  = { .w_uv = node->w.matmul.matrix },
        .attend_value    = { .heads  = combine->combine.heads,
                             .kv     = combine->combine.kv,
                             .split  = combine->combine.split,
                             .splits = combine->combine.splits },
    };
    combine->dead = true;
    dv_fuse_become(f, node, fused);
    return true;
}

/* ---- two projections of one input in one dispatch ---- */

/* Whether a node is one of the two, and as which project. */
static bool as_projection(struct dv_node *project, const struct fuser *f,
                          const struct dv_node *node)
{
    if (node->dead || (node->op != DV_OP_matmul && node->op != DV_OP_project))
        return false;
    *project                          = dv_fuse_as_project(node);
    const struct dv_weight_info *info = &f->g->weights[project->w.project.matrix];
    return !project->in.project.residual && info->slices == 1 && info->experts == 0;
}

static bool same_start(const struct dv_node *a, const struct dv_node *b)
{
    return a->in.project.x == b->in.project.x && a->w.project.norm == b->w.project.norm &&
           a->project.eps == b->project.eps;
}

/* The first stays where it is and takes the second along, which may have been computed there: it
 * reads nothing else. */
bool dv_fuse_project_two(struct fuser *f, struct dv_node *node)
{
    struct dv_graph *g = f->g;
    struct dv_node   a, b = { 0 };
    if (!few(f) || !as_projection(&a, f, node))
        return false;
    struct dv_node *end = g->nodes + g->n_nodes, *other = node + 1;
    while (other < end && other->layer == node->layer &&
           !(as_projection(&b, f, other) && same_start(&a, &b)))
        other++;
    if (other == end || other->layer != node->layer)
        return false;
    struct dv_node fused = {
        .op             = DV_OP_project_two,
        .in.project_two = { .x = a.in.project.x },
        .w.project_two  = { .a    = a.w.project.matrix,
                            .norm = a.w.project.norm,
                            .b    = b.w.project.matrix },
        .project_two    = { .eps = a.project.eps },
    };
    other->dead = true;
    dv_fuse_become(f, node, fused);
    dv_graph_out(g, node, &node->out.project_two.y_b, b.out.project.y);
    return true;
}

/* ---- the choice of experts inside their first products ---- */

/* Whether a live node between both reads x, which then must be there before the later one. */
static bool read_between(const struct dv_node *from, const struct dv_node *to, dv_tensor x)
{
    for (const struct dv_node *n = from + 1; n < to; n++)
        for (uint32_t k = 0; !n->dead && k < dv_n_inputs(n->op); k++)
            if (n->in.at[k] == x)
                return true;
    return false;
}

bool dv_fuse_route_up(struct fuser *f, struct dv_node *node)
{
    if (f->g->size.tiers || node->op != DV_OP_expert_up || !few(f) || node->in.expert_up.plan ||
        node->expert_up.x_div != node->expert_up.top_k)
        return false;
    dv_tensor       route  = node->in.expert_up.route;
    struct dv_node *router = dv_fuse_maker(f, route, DV_OP_router);
    if (!router || read_between(router, node, route))
        return false;
    struct dv_node fused = {
        .op          = DV_OP_route_up,
        .in.route_up = { .x = node->in.expert_up.x, .logits = router->in.router.logits },
        .w.route_up  = { .experts = node->w.expert_up.experts,
                         .norm    = node->w.expert_up.norm,
                         .bias    = router->w.router.bias },
        .route_up    = { .shape = router->router.shape, .eps = node->expert_up.eps },
    };
    router->dead = true;
    dv_fuse_become(f, node, fused);
    dv_graph_out(f->g, node, &node->out.route_up.route, route);
    return true;
}
