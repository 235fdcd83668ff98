/* SPDX-License-Identifier: MIT */
/* The graph's storage: values, weights and nodes in growing arrays, names in an arena. */
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "graph/build.h"

/* Of each op its name and how many operands it has. */
static const struct op_row {
    const char *name;
    uint8_t     inputs, weights, outputs;
} operands[] = {
#define NONE
#define IN(x) +1
#define WEIGHT(x) +1
#define OUT(x) +1
#define OP(name, inputs, weights, outputs, params) { #name, 0 inputs, 0 weights, 0 outputs },
#include "graph/ops.def"
#undef OP
#undef OUT
#undef WEIGHT
#undef IN
#undef NONE
};

/* No op has more operands than a node holds. */
_Static_assert(sizeof(union dv_inputs) == DV_MAX_INPUTS * sizeof(dv_tensor), "inputs");
_Static_assert(sizeof(union dv_weights_used) == DV_MAX_WEIGHTS * sizeof(dv_weight), "weights");
_Static_assert(sizeof(union dv_outputs) == DV_MAX_OUTPUTS * sizeof(dv_tensor), "outputs");

const char *dv_op_name(enum dv_op op)
{
    return (unsigned)op < DV_N_OPS ? operands[op].name : "?";
}

uint32_t dv_n_inputs(enum dv_op op)
{
    return operands[op].inputs;
}

uint32_t dv_n_weights(enum dv_op op)
{
    return operands[op].weights;
}

uint32_t dv_n_outputs(enum dv_op op)
{
    return operands[op].outputs;
}

dv_tensor dv_node_route(const struct dv_node *node)
{
    switch (node->op) {
    case DV_OP_router:
        return node->out.router.route;
    case DV_OP_route_up:
        return node->out.route_up.route;
    default:
        return 0;
    }
}

struct dv_expert_use dv_node_expert_use(const struct dv_node *node)
{
    switch (node->op) {
    case DV_OP_expert_matmul:
        return (struct dv_expert_use){ .route   = node->in.expert_matmul.route,
                                       .plan    = node->in.expert_matmul.plan,
                                       .experts = node->w.expert_matmul.experts,
                                       .top_k   = node->expert_matmul.top_k,
                                       .tile    = node->expert_matmul.tile };
    case DV_OP_expert_up:
        return (struct dv_expert_use){ .route   = node->in.expert_up.route,
                                       .plan    = node->in.expert_up.plan,
                                       .experts = node->w.expert_up.experts,
                                       .top_k   = node->expert_up.top_k,
                                       .tile    = node->expert_up.tile };
    case DV_OP_expert_down:
        return (struct dv_expert_use){ .route   = node->in.expert_down.route,
                                       .experts = node->w.expert_down.experts,
                                       .top_k   = node->expert_down.top_k };
    case DV_OP_route_up:
        return (struct dv_expert_use){ .route   = node->out.route_up.route,
                                       .experts = node->w.route_up.experts,
                                       .top_k   = node->route_up.shape.top_k };
    default:
        return (struct dv_expert_use){ 0 };
    }
}

bool dv_node_reads_experts(const struct dv_graph *g, const struct dv_node *node)
{
    for (uint32_t k = 0; k < dv_n_weights(node->op); k++)
        if (node->w.at[k] && g->weights[node->w.at[k]].experts > 0)
            return true;
    return false;
}

/* Without fusion swiglu stands between the products. */
bool dv_node_repeats(const struct dv_graph *g, const struct dv_node *node)
{
    if (dv_node_reads_experts(g, node))
        return true;
    if (node->op != DV_OP_swiglu)
        return false;
    uint32_t producer = g->values[node->in.swiglu.gate].producer;
    return producer && dv_node_reads_experts(g, &g->nodes[producer - 1]);
}

struct dv_graph *dv_graph_new(const struct dv_context *ctx, const struct dv_graph_size *size)
{
    struct dv_graph *g = dv_zalloc(ctx, sizeof *g);
    if (!g)
        return NULL;
    g->ctx  = ctx;
    g->size = *size;
    dv_arena_init(&g->arena, ctx);
    return g;
}

void dv_graph_free(struct dv_graph *g)
{
    if (!g)
        return;
    dv_arena_done(&g->arena);
    dv_free(g->ctx, g->values);
    dv_free(g->ctx, g->weights);
    dv_free(g->ctx, g->states);
    dv_free(g->ctx, g->nodes);
    dv_free(g->ctx, g);
}

dsvk_status dv_graph_finish(struct dv_graph *g)
{
    return g->status;
}

void dv_graph_fail(struct dv_graph *g, const char *op, const char *why)
{
    if (g->status == DSVK_OK)
        g->status =
            dv_fail(g->ctx, DSVK_BAD_ARGUMENT, "graph: layer %u: %s: %s", g->layer, op, why);
}

bool dv_graph_grow(struct dv_graph *g, void **items, uint32_t n, uint32_t *capacity, size_t size)
{
    if (n + 1 < *capacity)
        return true;
    uint32_t wanted = *capacity ? *capacity * 2 : 64;
    void    *bigger = dv_realloc(g->ctx, *items, wanted * size);
    if (!bigger) {
        if (g->status == DSVK_OK)
            g->status = dv_fail(g->ctx, DSVK_NO_MEMORY, "graph: no memory for %u items", wanted);
        return false;
    }
    *items    = bigger;
    *capacity = wanted;
    return true;
}

dv_tensor dv_graph_value(struct dv_graph *g, const char *name, uint32_t rows, uint64_t cols)
{
    if (g->status != DSVK_OK)
        return 0;
    if (rows == 0 || cols == 0 || cols * rows > UINT32_MAX / 4) {
        dv_graph_fail(g, name, "an activation of 0 or more than 2^30 words");
        return 0;
    }
    if (!dv_graph_grow(g, (void **)&g->values, g->n_values, &g->cap_values, sizeof *g->values))
        return 0;
    /* Rows start at multiples of 16 bytes, because kernels load four words at a time. */
    uint32_t stride          = dv_round_up(cols, 4);
    g->values[++g->n_values] = (struct dv_value){ .kind   = DV_VALUE_ACTIVATION,
                                                  .name   = name,
                                                  .rows   = rows,
                                                  .cols   = (uint32_t)cols,
                                                  .stride = stride };
    return g->n_values;
}

struct dv_node *dv_graph_node(struct dv_graph *g, enum dv_op op)
{
    if (g->status != DSVK_OK ||
        !dv_graph_grow(g, (void **)&g->nodes, g->n_nodes, &g->cap_nodes, sizeof *g->nodes))
        return NULL;
    struct dv_node *node = &g->nodes[g->n_nodes++];
    *node                = (struct dv_node){ .op = op, .layer = g->layer };
    return node;
}

dv_tensor dv_graph_out(struct dv_graph *g, const struct dv_node *node, dv_tensor *out,
                       dv_tensor value)
{
    if (value) {
        *out                      = value;
        g->values[value].producer = (uint32_t)(node - g->nodes) + 1;
    }
    return value;
}

static dv_tensor view(struct dv_graph *g, dv_tensor x, struct dv_value v, uint32_t offset)
{
    const struct dv_value *from = &g->values[x];
    v.kind                      = DV_VALUE_VIEW;
    v.name                      = from->name;
    v.stride                    = from->stride;
    v.base                      = from->kind == DV_VALUE_VIEW ? from->base : x;
    v.offset                    = from->offset + offset;
    v.producer                  = from->producer;
    if (!dv_graph_grow(g, (void **)&g->values, g->n_values, &g->cap_values, sizeof *g->values))
        return 0;
    g->values[++g->n_values] = v;
    return g->n_values;
}

dv_tensor dv_view_cols(struct dv_graph *g, dv_tensor x, uint32_t col0, uint32_t cols)
{
    if (g->status != DSVK_OK)
        return 0;
    if (col0 + cols > g->values[x].cols || col0 % 4 != 0) {
        dv_graph_fail(g, "view", "columns outside the value, or not from a multiple of 4 on");
        return 0;
    }
    return view(g, x, (struct dv_value){ .rows = g->values[x].rows, .cols = cols }, col0);
}

dv_tensor dv_view_rows(struct dv_graph *g, dv_tensor x, uint32_t row0, uint32_t rows)
{
    if (g->status != DSVK_OK)
        return 0;
    if (row0 + rows > g->values[x].rows) {
        dv_graph_fail(g, "view", "rows outside the value");
        return 0;
    }
    return view(g, x, (struct dv_value){ .rows = rows, .cols = g->values[x].cols },
                row0 * g->values[x].stride);
}

/* ---- weights ---- */

bool dv_weight_same(const struct dv_weight_info *a, const struct dv_weight_info *b)
{
    if (a->kind != b->kind || a->experts != b->experts || a->rows != b->rows ||
        a->cols != b->cols || a->slices != b->slices || a->row0 != b->row0 ||
        a->row_step != b->row_step || a->transposed != b->transposed || a->n_parts != b->n_parts)
        return false;
    for (uint32_t i = 0; i < a->n_parts; i++)
        if (strcmp(a->parts[i].name, b->parts[i].name) != 0)
            return false;
    return true;
}

dv_weight dv_weight_add(struct dv_graph *g, const struct dv_weight_info *info)
{
    if (g->status != DSVK_OK)
        return 0;
    /* Only recent weights can be equal, except the tied head: compare from the end. */
    for (uint32_t i = g->n_weights; i > 0; i--)
        if (dv_weight_same(&g->weights[i], info))
            return i;
    if (!dv_graph_grow(g, (void **)&g->weights, g->n_weights, &g->cap_weights, sizeof *g->weights))
        return 0;
    g->weights[++g->n_weights] = *info;
    return g->n_weights;
}

dv_weight dv_weight_matrix(struct dv_graph *g, enum dv_role role, const char *name, uint32_t rows,
                           uint32_t cols)
{
    if (!name)
        return 0;
    struct dv_weight_info info = { .kind        = DV_WEIGHT_MATRIX,
                                   .role        = role,
                                   .name        = name,
                                   .rows        = rows,
                                   .cols        = cols,
                                   .slices      = 1,
                                   .tensor_cols = cols,
                                   .n_parts     = 1,
                                   .parts       = { { name, rows } } };
    return dv_weight_add(g, &info);
}

dv_weight dv_weight_vector(struct dv_graph *g, enum dv_role role, const char *name, uint32_t n)
{
    if (!name)
        return 0;
    struct dv_weight_info info = { .kind        = DV_WEIGHT_VECTOR,
                                   .role        = role,
                                   .name        = name,
                                   .rows        = 1,
                                   .cols        = n,
                                   .slices      = 1,
                                   .tensor_cols = n,
                                   .n_parts     = 1,
                                   .parts       = { { name, 1 } } };
    return dv_weight_add(g, &info);
}

void dv_weight_tensor_name(char name[256], const char *pattern, uint32_t expert)
{
    const char *mark = strstr(pattern, "%u");
    if (mark)
        snprintf(name, 256, "%.*s%u%s", (int)(mark - pattern), pattern, expert, mark + 2);
    else
        snprintf(name, 256, "%s", pattern);
}
