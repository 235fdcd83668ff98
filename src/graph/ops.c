/* SPDX-License-Identifier: MIT */
/* Constructors and shape rules, in the order of ops.def. Each checks its operands once; kernels and
 * references may rely on it. */
#include "graph/build.h"

#include "base/size.h"

bool dv_graph_need(struct dv_graph *g, enum dv_op op, bool ok, const char *why)
{
    if (g->status == DSVK_OK && !ok)
        dv_graph_fail(g, dv_op_name(op), why);
    return g->status == DSVK_OK;
}

static const struct dv_value *value(const struct dv_graph *g, dv_tensor x)
{
    return &g->values[x];
}

dv_tensor dv_graph_simple(struct dv_graph *g, struct dv_node fields, uint32_t rows, uint64_t cols)
{
    dv_tensor       y    = dv_graph_value(g, dv_op_name(fields.op), rows, cols);
    struct dv_node *node = y ? dv_graph_node(g, fields.op) : NULL;
    if (!node)
        return 0;
    fields.layer = node->layer;
    *node        = fields;
    return dv_graph_out(g, node, &node->out.at[0], y);
}

dv_tensor dv_embed(struct dv_graph *g, dv_weight table)
{
    if (!dv_graph_need(g, DV_OP_embed, table != 0, "no table"))
        return 0;
    return dv_graph_simple(g, (struct dv_node){ .op = DV_OP_embed, .w.embed = { table } },
                           g->size.tokens, g->weights[table].cols);
}

dv_tensor dv_rms_norm(struct dv_graph *g, dv_tensor x, dv_weight w, float eps)
{
    if (!dv_graph_need(g, DV_OP_rms_norm, x && w && g->weights[w].cols == value(g, x)->cols,
                       "the weight has another width than the input"))
        return 0;
    return dv_graph_simple(
        g,
        (struct dv_node){
            .op = DV_OP_rms_norm, .in.rms_norm = { x }, .w.rms_norm = { w }, .rms_norm = { eps } },
        value(g, x)->rows, value(g, x)->cols);
}

dv_tensor dv_matmul(struct dv_graph *g, dv_weight w, dv_tensor x, uint32_t x_slice)
{
    if (!dv_graph_need(g, DV_OP_matmul, x && w, "operand missing"))
        return 0;
    const struct dv_weight_info *info   = &g->weights[w];
    uint64_t                     needed = (uint64_t)x_slice * (info->slices - 1) + info->cols;
    if (!dv_graph_need(g, DV_OP_matmul,
                       info->kind == DV_WEIGHT_MATRIX && needed <= value(g, x)->cols,
                       "the input is narrower than the matrix"))
        return 0;
    return dv_graph_simple(
        g,
        (struct dv_node){
            .op = DV_OP_matmul, .in.matmul = { x }, .w.matmul = { w }, .matmul = { x_slice } },
        value(g, x)->rows, (uint64_t)info->rows * info->slices);
}

dv_tensor dv_rope(struct dv_graph *g, dv_tensor x, dv_weight table, uint32_t heads, uint32_t dim,
                  uint32_t x_head, uint32_t x_offset)
{
    if (!dv_graph_need(g, DV_OP_rope,
                       x && table &&
                           (uint64_t)x_head * (heads - 1) + x_offset + dim <= value(g, x)->cols &&
                           dim % 2 == 0,
                       "heads outside the input, or an odd width"))
        return 0;
    return dv_graph_simple(g,
                           (struct dv_node){ .op      = DV_OP_rope,
                                             .in.rope = { x },
                                             .w.rope  = { table },
                                             .rope    = { heads, dim, x_head, x_offset } },
                           value(g, x)->rows, (uint64_t)heads * dim);
}

dv_tensor dv_swiglu(struct dv_graph *g, dv_tensor gate, dv_tensor up)
{
    if (!dv_graph_need(g, DV_OP_swiglu,
                       gate && up && value(g, gate)->cols == value(g, up)->cols &&
                           value(g, gate)->rows == value(g, up)->rows,
                       "gate and up differ in shape"))
        return 0;
    return dv_graph_simple(g, (struct dv_node){ .op = DV_OP_swiglu, .in.swiglu = { gate, up } },
                           value(g, gate)->rows, value(g, gate)->cols);
}

dv_tensor dv_add(struct dv_graph *g, dv_tensor a, dv_tensor b)
{
    if (!dv_graph_need(g, DV_OP_add,
                       a && b && value(g, a)->cols == value(g, b)->cols &&
                           value(g, a)->rows == value(g, b)->rows,
                       "the terms differ in shape"))
        return 0;
    return dv_graph_simple(g, (struct dv_node){ .op = DV_OP_add, .in.add = { a, b } },
                           value(g, a)->rows, value(g, a)->cols);
}

dv_tensor dv_cache_write(struct dv_graph *g, dv_state state, dv_tensor latent, dv_tensor rope_key)
{
    if (!dv_graph_need(g, DV_OP_cache_write,
                       state && latent && rope_key &&
                           g->states[state].values ==
                               value(g, latent)->cols + value(g, rope_key)->cols,
                       "the record has another width than the state"))
        return 0;
    dv_tensor       written = dv_graph_state(g, state);
    struct dv_node *node    = written ? dv_graph_node(g, DV_OP_cache_write) : NULL;
    if (!node)
        return 0;
    node->in.cache_write.latent   = latent;
    node->in.cache_write.rope_key = rope_key;
    node->cache_write.kv          = value(g, latent)->cols;
    node->cache_write.rope        = value(g, rope_key)->cols;
    return dv_graph_out(g, node, &node->out.cache_write.state, written);
}

/* With few tokens the positions are cut into splits, so that one token fills a device; with many
 * the tokens do, and one workgroup walks over its row's splits in order. Both give the same bits.
 */
static uint32_t attend_splits(const struct dv_graph *g)
{
    return g->size.tokens > DV_FEW_TOKENS ? 1 : dv_ceil_div(g->size.context, g->size.split);
}

dv_tensor dv_attend(struct dv_graph *g, dv_tensor q_latent, dv_tensor q_rope, dv_tensor cache,
                    const struct dv_attend_shape *shape)
{
    if (!dv_graph_need(g, DV_OP_attend,
                       q_latent && q_rope && cache &&
                           value(g, q_latent)->cols == shape->heads * shape->kv &&
                           value(g, q_rope)->cols == shape->heads * shape->rope,
                       "the query has another width"))
        return 0;
    uint32_t splits = attend_splits(g);
    return dv_graph_simple(g,
                           (struct dv_node){ .op        = DV_OP_attend,
                                             .in.attend = { q_latent, q_rope, cache },
                                             .attend    = { .heads  = shape->heads,
                                                            .kv     = shape->kv,
                                                            .rope   = shape->rope,
                                                            .scale  = shape->scale,
                                                            .split  = g->size.split,
                                                            .splits = splits } },
                           value(g, q_latent)->rows,
                           (uint64_t)shape->heads * splits * (shape->kv + 4));
}

dv_tensor dv_combine(struct dv_graph *g, dv_tensor partials, const struct dv_attend_shape *shape)
{
    uint32_t splits = attend_splits(g);
    if (!dv_graph_need(g, DV_OP_combine,
                       partials && value(g, partials)->cols ==
                                       (uint64_t)shape->heads * splits * (shape->kv + 4),
                       "not the partials of this attention"))
        return 0;
    return dv_graph_simple(g,
                           (struct dv_node){ .op         = DV_OP_combine,
                                             .in.combine = { partials },
                                             .combine    = { .heads  = shape->heads,
                                                             .kv     = shape->kv,
                                                             .split  = g->size.split,
                                                             .splits = splits } },
                           value(g, partials)->rows, (uint64_t)shape->heads * shape->kv);
}

static bool has_columns(const struct dv_graph *g, dv_tensor x, uint64_t cols)
{
    return x && value(g, x)->cols == cols && value(g, x)->rows == g->size.tokens;
}

dv_tensor dv_attend_heads(struct dv_graph *g, const struct dv_attend_heads_inputs *in,
                          const struct dv_attend_heads_shape *shape)
{
    uint64_t heads = shape->heads;
    if (!dv_graph_need(g, DV_OP_attend_heads,
                       has_columns(g, in->q, heads * (shape->nope + shape->rope)) &&
                           has_columns(g, in->q_rope, heads * shape->rope) &&
                           has_columns(g, in->k_nope, heads * shape->nope) &&
                           has_columns(g, in->k_rope, shape->rope) &&
                           has_columns(g, in->v, heads * shape->v_head),
                       "queries, keys and values do not have these heads"))
        return 0;
    if (!dv_graph_need(g, DV_OP_attend_heads, (shape->nope | shape->rope | shape->v_head) % 4 == 0,
                       "a width that is not a multiple of 4"))
        return 0;
    return dv_graph_simple(g,
                           (struct dv_node){ .op              = DV_OP_attend_heads,
                                             .in.attend_heads = { .q      = in->q,
                                                                  .q_rope = in->q_rope,
                                                                  .k_nope = in->k_nope,
                                                                  .k_rope = in->k_rope,
                                                                  .v      = in->v },
                                             .attend_heads    = { .heads  = shape->heads,
                                                                  .nope   = shape->nope,
                                                                  .rope   = shape->rope,
                                                                  .v_head = shape->v_head,
                                                                  .scale  = shape->scale } },
                           value(g, in->q)->rows, heads * shape->v_head);
}

dv_tensor dv_router(struct dv_graph *g, dv_tensor logits, dv_weight bias,
                    const struct dv_router_shape *shape)
{
    if (!dv_graph_need(g, DV_OP_router,
                       logits && value(g, logits)->cols == shape->experts && shape->top_k >= 1 &&
                           shape->top_k <= shape->experts && shape->groups >= 1 &&
                           shape->experts % shape->groups == 0 &&
                           shape->top_k_groups <= shape->groups,
                       "experts, groups and top-k do not fit together"))
        return 0;
    return dv_graph_simple(g,
                           (struct dv_node){ .op        = DV_OP_router,
                                             .in.router = { logits },
                                             .w.router  = { bias },
                                             .router    = { *shape } },
                           value(g, logits)->rows, 2u * shape->top_k);
}

uint32_t dv_expert_plan_tiles(uint32_t tokens, uint32_t top_k, uint32_t experts, uint32_t tile)
{
    /* Each expert in use wastes at most one partial tile. */
    uint32_t pairs = tokens * top_k, used = dv_min(pairs, experts);
    return pairs / tile + used;
}

uint32_t dv_expert_plan_pairs_at(uint32_t max_tiles)
{
    return 4 + 4 * max_tiles;
}

dv_tensor dv_expert_plan(struct dv_graph *g, dv_tensor route, const struct dv_router_shape *shape)
{
    if (!dv_graph_need(g, DV_OP_expert_plan, route && value(g, route)->cols == 2 * shape->top_k,
                       "not a route of this top-k"))
        return 0;
    uint32_t tokens = value(g, route)->rows;
    uint32_t tiles  = dv_expert_plan_tiles(tokens, shape->top_k, shape->experts, g->size.tile);
    return dv_graph_simple(
        g,
        (struct dv_node){ .op             = DV_OP_expert_plan,
                          .in.expert_plan = { route },
                          .expert_plan    = { .experts = shape->experts,
                                              .top_k   = shape->top_k,
                                              .tile    = g->size.tile } },
        1, (uint64_t)dv_expert_plan_pairs_at(tiles) + (uint64_t)tokens * shape->top_k);
}

dv_tensor dv_expert_matmul(struct dv_graph *g, dv_weight w, dv_tensor x, dv_tensor route,
                           dv_tensor plan, uint32_t top_k)
{
    if (!dv_graph_need(g, DV_OP_expert_matmul,
                       w && x && route && g->weights[w].experts > 0 &&
                           g->weights[w].cols == value(g, x)->cols,
                       "the input is not as wide as the experts"))
        return 0;
    uint32_t pairs = value(g, route)->rows * top_k, rows = value(g, x)->rows;
    if (!dv_graph_need(g, DV_OP_expert_matmul, rows == pairs || rows * top_k == pairs,
                       "neither a row a token nor a row a pair"))
        return 0;
    return dv_graph_simple(
        g,
        (struct dv_node){
            .op               = DV_OP_expert_matmul,
            .in.expert_matmul = { x, route, plan },
            .w.expert_matmul  = { w },
            .expert_matmul    = { .top_k = top_k, .x_div = pairs / rows, .tile = g->size.tile } },
        pairs, g->weights[w].rows);
}

dv_tensor dv_expert_sum(struct dv_graph *g, dv_tensor x, dv_tensor route, dv_tensor shared,
                        dv_tensor residual, uint32_t top_k)
{
    if (!dv_graph_need(g, DV_OP_expert_sum,
                       x && route && value(g, x)->rows == value(g, route)->rows * top_k,
                       "not a row a pair"))
        return 0;
    return dv_graph_simple(g,
                           (struct dv_node){ .op            = DV_OP_expert_sum,
                                             .in.expert_sum = { x, route, shared, residual },
                                             .expert_sum    = { top_k } },
                           value(g, route)->rows, value(g, x)->cols);
}

dv_tensor dv_argmax(struct dv_graph *g, dv_tensor x)
{
    if (!dv_graph_need(g, DV_OP_argmax, x != 0, "operand missing"))
        return 0;
    if (!dv_graph_need(g, DV_OP_argmax, !g->size.batch || value(g, x)->rows == g->size.tokens,
                       "not every row of a batch has logits"))
        return 0;
    uint32_t cols = value(g, x)->cols, choices = g->size.choices;
    return dv_graph_simple(
        g,
        (struct dv_node){ .op        = DV_OP_argmax,
                          .in.argmax = { x },
                          .argmax    = { .choices = choices > 0 && choices < cols ? choices : cols,
                                         .split   = g->size.split,
                                         .advance = g->size.batch } },
        value(g, x)->rows, 1);
}
