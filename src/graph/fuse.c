/* SPDX-License-Identifier: MIT */
/* Fusion: a table of patterns, each rewriting a few nodes into one, run over the nodes in order
 * until nothing changes. A fused op performs the same float operations in the same order as the
 * nodes that it replaces, so the result is the same to the bit.
 *
 * A rewrite puts the new node in the place of the last node of its pattern (of the first when its
 * outputs are used in between), so the nodes stay in an order of evaluation. */
#include "graph/fuse.h"

#include <string.h>

static dv_tensor base_of(const struct dv_graph *g, dv_tensor x)
{
    return x && g->values[x].kind == DV_VALUE_VIEW ? g->values[x].base : x;
}

struct dv_node *dv_fuse_maker(const struct fuser *f, dv_tensor x, enum dv_op op)
{
    if (!x || f->g->values[x].producer == 0)
        return NULL;
    struct dv_node *node = &f->g->nodes[f->g->values[x].producer - 1];
    return !node->dead && node->op == op ? node : NULL;
}

static void count_uses(struct fuser *f)
{
    struct dv_graph *g = f->g;
    memset(f->uses, 0, (g->n_values + 1) * sizeof *f->uses);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct dv_node *node = &g->nodes[i];
        for (uint32_t k = 0; !node->dead && k < dv_n_inputs(node->op); k++) {
            dv_tensor base = base_of(g, node->in.at[k]);
            f->uses[base]++;
            if (base != node->in.at[k])
                f->uses[node->in.at[k]]++;
        }
    }
    f->uses[base_of(g, g->logits)]++;
    f->uses[base_of(g, g->token)]++;
    f->stale = false;
}

uint32_t dv_fuse_uses(struct fuser *f, dv_tensor x)
{
    if (f->stale)
        count_uses(f);
    return f->uses[x];
}

struct dv_node *dv_fuse_only_maker(struct fuser *f, dv_tensor x, enum dv_op op)
{
    bool only = x && f->g->values[x].kind != DV_VALUE_VIEW && dv_fuse_maker(f, x, op) &&
                dv_fuse_uses(f, x) == 1;
    return only ? dv_fuse_maker(f, x, op) : NULL;
}

bool dv_fuse_is_plain_matrix(const struct dv_graph *g, dv_weight w)
{
    const struct dv_weight_info *info = &g->weights[w];
    return info->kind == DV_WEIGHT_MATRIX && info->slices == 1 && info->row_step == 0 &&
           info->experts == 0;
}

void dv_fuse_become(struct fuser *f, struct dv_node *node, struct dv_node fused)
{
    fused.layer = node->layer;
    fused.out   = node->out;
    *node       = fused;
    f->stale    = true;
}

struct dv_node dv_fuse_as_project(const struct dv_node *product)
{
    if (product->op == DV_OP_project)
        return *product;
    return (struct dv_node){ .op         = DV_OP_project,
                             .in.project = { .x = product->in.matmul.x },
                             .w.project  = { .matrix = product->w.matmul.matrix },
                             .out        = product->out,
                             .project    = { .x_slice = product->matmul.x_slice },
                             .layer      = product->layer };
}

/* ---- gate and up in one: swiglu(W_g x, W_u x), the rows of both interleaved ---- */

static dv_weight pair_weight(struct dv_graph *g, dv_weight gate, dv_weight up)
{
    struct dv_weight_info info = g->weights[gate];
    info.kind                  = DV_WEIGHT_PAIR;
    info.n_parts               = 2;
    info.parts[1]              = g->weights[up].parts[0];
    return dv_weight_add(g, &info);
}

static bool makes_pair(const struct dv_graph *g, dv_weight gate, dv_weight up)
{
    const struct dv_weight_info *a = &g->weights[gate], *b = &g->weights[up];
    return a->rows == b->rows && a->slices == 1 && b->slices == 1 && a->n_parts == 1;
}

static bool fuse_matrices(struct fuser *f, struct dv_node *node)
{
    struct dv_node *gate = dv_fuse_only_maker(f, node->in.swiglu.gate, DV_OP_matmul);
    struct dv_node *up   = dv_fuse_only_maker(f, node->in.swiglu.up, DV_OP_matmul);
    if (!gate || !up || gate->in.matmul.x != up->in.matmul.x ||
        !makes_pair(f->g, gate->w.matmul.matrix, up->w.matmul.matrix))
        return false;
    struct dv_node fused = {
        .op         = DV_OP_project,
        .in.project = { .x = gate->in.matmul.x },
        .w.project  = { .matrix = pair_weight(f->g, gate->w.matmul.matrix, up->w.matmul.matrix) },
    };
    gate->dead = up->dead = true;
    dv_fuse_become(f, node, fused);
    return true;
}

static bool fuse_experts(struct fuser *f, struct dv_node *node)
{
    struct dv_node *gate = dv_fuse_only_maker(f, node->in.swiglu.gate, DV_OP_expert_matmul);
    struct dv_node *up   = dv_fuse_only_maker(f, node->in.swiglu.up, DV_OP_expert_matmul);
    if (!gate || !up ||
        memcmp(&gate->in.expert_matmul, &up->in.expert_matmul, sizeof gate->in.expert_matmul) != 0)
        return false;
    dv_weight a = gate->w.expert_matmul.experts, b = up->w.expert_matmul.experts;
    if (!makes_pair(f->g, a, b))
        return false;
    struct dv_node fused = {
        .op           = DV_OP_expert_up,
        .in.expert_up = { .x     = gate->in.expert_matmul.x,
                          .route = gate->in.expert_matmul.route,
                          .plan  = gate->in.expert_matmul.plan },
        .w.expert_up  = { .experts = pair_weight(f->g, a, b) },
        .expert_up    = { .top_k = gate->expert_matmul.top_k,
                          .x_div = gate->expert_matmul.x_div,
                          .tile  = gate->expert_matmul.tile },
    };
    gate->dead = up->dead = true;
    dv_fuse_become(f, node, fused);
    return true;
}

static bool fuse_gate_up(struct fuser *f, struct dv_node *node)
{
    return node->op == DV_OP_swiglu && (fuse_matrices(f, node) || fuse_experts(f, node));
}

/* ---- two matrices on one input: their rows stacked, the outputs become views ---- */

/* Turns `value` and all views of it into views of `base`, `column` words further right. */
static void rebase(struct dv_graph *g, dv_tensor value, dv_tensor base, uint32_t column)
{
    uint32_t old = g->values[value].stride, stride = g->values[base].stride;
    for (dv_tensor i = 1; i <= g->n_values; i++) {
        struct dv_value *v = &g->values[i];
        if (i != value && !(v->kind == DV_VALUE_VIEW && v->base == value))
            continue;
        v->offset   = v->offset / old * stride + v->offset % old + column;
        v->kind     = DV_VALUE_VIEW;
        v->base     = base;
        v->stride   = stride;
        v->producer = g->values[base].producer;
    }
}

/* Whether a node of the same layer reads x as this op's input. */
static bool feeds(const struct dv_graph *g, const struct dv_node *from, dv_tensor x, enum dv_op op)
{
    for (const struct dv_node *n = from; n < g->nodes + g->n_nodes && n->layer == from->layer; n++)
        for (uint32_t k = 0; !n->dead && n->op == op && k < dv_n_inputs(op); k++)
            if (n->in.at[k] == x)
                return true;
    return false;
}

/* Router matrices stay by themselves: they are never FP8, so stacking would widen the other. */
static bool can_stack(const struct fuser *f, const struct dv_node *node)
{
    dv_tensor y = node->out.matmul.y;
    return node->op == DV_OP_matmul && !node->dead &&
           dv_fuse_is_plain_matrix(f->g, node->w.matmul.matrix) &&
           !feeds(f->g, node, y, DV_OP_router) && !feeds(f->g, node, y, DV_OP_swiglu) &&
           base_of(f->g, f->g->logits) != y;
}

static struct dv_node *same_input(const struct fuser *f, const struct dv_node *node)
{
    struct dv_graph *g = f->g;
    for (struct dv_node *other = g->nodes + (node - g->nodes) + 1; other < g->nodes + g->n_nodes;
         other++) {
        if (other->layer != node->layer)
            return NULL;
        if (can_stack(f, other) && other->in.matmul.x == node->in.matmul.x)
            return other;
    }
    return NULL;
}

static bool fuse_stack(struct fuser *f, struct dv_node *node)
{
    struct dv_graph *g = f->g;
    if (!can_stack(f, node) || g->weights[node->w.matmul.matrix].rows % 8 != 0)
        return false;
    struct dv_node *other = same_input(f, node);
    if (!other)
        return false;
    struct dv_weight_info info = g->weights[node->w.matmul.matrix];
    if (info.n_parts == DV_MAX_PARTS)
        return false;
    uint32_t  first = info.rows;
    dv_tensor a = node->out.matmul.y, b = other->out.matmul.y;
    info.parts[info.n_parts++] = g->weights[other->w.matmul.matrix].parts[0];
    info.rows += g->weights[other->w.matmul.matrix].rows;
    dv_tensor y           = dv_graph_value(g, "project", g->values[a].rows, info.rows);
    node->w.matmul.matrix = dv_weight_add(g, &info);
    if (!y || !node->w.matmul.matrix)
        return false;
    uint32_t *uses = dv_realloc(g->ctx, f->uses, (g->n_values + 1) * sizeof *uses);
    if (!uses) {
        g->status = dv_fail(g->ctx, DSVK_NO_MEMORY, "graph: no memory for fusion");
        return false;
    }
    f->uses = uses;
    dv_graph_out(g, node, &node->out.matmul.y, y);
    other->dead = true;
    rebase(g, a, y, 0);
    rebase(g, b, y, first);
    f->stale = true;
    return true;
}

/* ---- the sum over experts takes the shared expert and the residual along ---- */

static bool fuse_expert_sum(struct fuser *f, struct dv_node *node)
{
    if (node->op != DV_OP_add)
        return false;
    struct dv_node *ffn = dv_fuse_only_maker(f, node->in.add.b, DV_OP_add);
    dv_tensor       x   = ffn ? ffn->in.add.a : node->in.add.b;
    struct dv_node *sum = dv_fuse_only_maker(f, x, DV_OP_expert_sum);
    if (!sum || sum->in.expert_sum.shared || sum->in.expert_sum.residual)
        return false;
    struct dv_node fused         = *sum;
    fused.in.expert_sum.shared   = ffn ? ffn->in.add.b : 0;
    fused.in.expert_sum.residual = node->in.add.a;
    sum->dead                    = true;
    if (ffn)
        ffn->dead = true;
    dv_fuse_become(f, node, fused);
    return true;
}

/* ---- residual added by the projection ---- */

static bool fuse_residual(struct fuser *f, struct dv_node *node)
{
    if (node->op != DV_OP_add)
        return false;
    struct dv_node *product = dv_fuse_only_maker(f, node->in.add.b, DV_OP_matmul);
    if (!product)
        product = dv_fuse_only_maker(f, node->in.add.b, DV_OP_project);
    if (!product)
        return false;
    struct dv_node fused = dv_fuse_as_project(product);
    if (fused.in.project.residual || f->g->weights[fused.w.project.matrix].kind == DV_WEIGHT_PAIR)
        return false;
    fused.in.project.residual = node->in.add.a;
    product->dead             = true;
    dv_fuse_become(f, node, fused);
    return true;
}

/* Earlier patterns first: stacking and pairing decide how weights lie in memory and must not depend
 * on the number of tokens, so they come before everything that does. */
typedef bool (*pattern)(struct fuser *f, struct dv_node *node);
static const pattern patterns[] = {
    fuse_gate_up,        fuse_stack,    dv_fuse_mla_prepare, dv_fuse_attend_value, fuse_expert_sum,
    dv_fuse_expert_down, fuse_residual, dv_fuse_norm,        dv_fuse_project_two,  dv_fuse_route_up,
};

dsvk_status dv_graph_fuse(struct dv_graph *g)
{
    if (g->status != DSVK_OK)
        return g->status;
    struct fuser f = { .g     = g,
                       .uses  = dv_zalloc_array(g->ctx, g->n_values + 1, sizeof(uint32_t)),
                       .stale = true };
    if (!f.uses)
        return g->status = dv_fail(g->ctx, DSVK_NO_MEMORY, "graph: no memory for fusion");
    for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++)
        for (uint32_t i = 0; i < g->n_nodes && g->status == DSVK_OK; i++)
            while (!g->nodes[i].dead && patterns[p](&f, &g->nodes[i]) && g->status == DSVK_OK)
                continue;
    dv_free(g->ctx, f.uses);
    return g->status;
}
