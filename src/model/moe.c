/* SPDX-License-Identifier: MIT */
/* The feed-forward parts: dense, and the mixture of experts, where the router picks top_k experts a
 * token and the shared expert sees every token (DeepSeek-V3 report, equations 12 to 16). */
#include "graph/graph.h"
#include "model/model.h"

/* W_down(silu(W_gate h) * (W_up h)) with the tensors prefix{gate,up,down}_proj.weight. */
static dv_tensor swiglu_ffn(const struct dv_model_layer *layer, enum dv_role role,
                            const char *const names[3], dv_tensor h, uint32_t width)
{
    struct dv_graph *g      = layer->g;
    uint32_t         hidden = layer->config->hidden;
    dv_weight        gate   = dv_layer_matrix(layer, role, names[0], width, hidden);
    dv_weight        up     = dv_layer_matrix(layer, role, names[1], width, hidden);
    dv_weight        down   = dv_layer_matrix(layer, role, names[2], hidden, width);
    dv_tensor        act    = dv_swiglu(g, dv_matmul(g, gate, h, 0), dv_matmul(g, up, h, 0));
    return dv_matmul(g, down, act, 0);
}

dv_tensor dv_dense_ffn(const struct dv_model_layer *layer, dv_tensor h)
{
    static const char *const names[3] = { "mlp.gate_proj.weight", "mlp.up_proj.weight",
                                          "mlp.down_proj.weight" };
    return swiglu_ffn(layer, DV_ROLE_DENSE, names, h, layer->config->dense_ffn);
}

/* The experts' matrices of one kind: one weight with a member for each expert. */
static dv_weight expert_weight(const struct dv_model_layer *layer, const char *kind, uint32_t rows,
                               uint32_t cols)
{
    struct dv_graph *g = layer->g;
    const char      *name =
        dv_arena_printf(&g->arena, "model.layers.%u.mlp.experts.%%u.%s.weight", layer->index, kind);
    if (!name)
        return 0;
    struct dv_weight_info info = { .kind        = DV_WEIGHT_MATRIX,
                                   .role        = DV_ROLE_EXPERT,
                                   .name        = name,
                                   .rows        = rows,
                                   .cols        = cols,
                                   .experts     = layer->config->experts,
                                   .slices      = 1,
                                   .tensor_cols = cols,
                                   .n_parts     = 1,
                                   .parts       = { { name, rows } } };
    return dv_weight_add(g, &info);
}

static struct dv_router_shape router_shape(const struct dv_config *c)
{
    /* Plain greedy routing ignores groups; a bias goes with noaux_tc only. */
    bool grouped                 = c->topk_method != DV_TOPK_GREEDY && c->top_k_groups < c->groups;
    struct dv_router_shape shape = { .experts      = c->experts,
                                     .top_k        = c->top_k,
                                     .groups       = grouped ? c->groups : 1,
                                     .top_k_groups = grouped ? c->top_k_groups : 1,
                                     .sigmoid      = c->scoring == DV_SCORING_SIGMOID,
                                     .group_sums   = c->topk_method == DV_TOPK_NOAUX_TC,
                                     .normalise    = c->norm_topk && c->top_k > 1,
                                     .scale        = c->routed_scale };
    /* DeepSeek-V2 scales instead of normalising, V3 normalises and then scales. */
    if (c->arch == DV_ARCH_DEEPSEEK_V2 && shape.normalise)
        shape.scale = 1.0f;
    return shape;
}

dv_tensor dv_moe(const struct dv_model_layer *layer, dv_tensor h)
{
    static const char *const shared_names[3] = { "mlp.shared_experts.gate_proj.weight",
                                                 "mlp.shared_experts.up_proj.weight",
                                                 "mlp.shared_experts.down_proj.weight" };
    struct dv_graph         *g               = layer->g;
    const struct dv_config  *c               = layer->config;
    struct dv_router_shape   shape           = router_shape(c);
    dv_weight                router =
        dv_layer_matrix(layer, DV_ROLE_ROUTER, "mlp.gate.weight", c->experts, c->hidden);
    dv_weight bias = 0;
    if (c->has_correction_bias)
        bias = dv_layer_vector(layer, DV_ROLE_ROUTER_BIAS, "mlp.gate.e_score_correction_bias",
                               c->experts);

    dv_tensor route  = dv_router(g, dv_matmul(g, router, h, 0), bias, &shape);
    bool      sorted = g->size.tokens > DV_FEW_TOKENS || g->size.plan_experts;
    dv_tensor plan   = sorted ? dv_expert_plan(g, route, &shape) : 0;
    dv_weight gate   = expert_weight(layer, "gate_proj", c->expert_ffn, c->hidden);
    dv_weight up     = expert_weight(layer, "up_proj", c->expert_ffn, c->hidden);
    dv_weight down   = expert_weight(layer, "down_proj", c->hidden, c->expert_ffn);
    dv_tensor act    = dv_swiglu(g, dv_expert_matmul(g, gate, h, route, plan, c->top_k),
                                 dv_expert_matmul(g, up, h, route, plan, c->top_k));
    dv_tensor out    = dv_expert_matmul(g, down, act, route, plan, c->top_k);
    dv_tensor routed = dv_expert_sum(g, out, route, 0, 0, c->top_k);
    if (c->shared_experts == 0)
        return routed;
    return dv_add(
        g, routed,
        swiglu_ffn(layer, DV_ROLE_SHARED, shared_names, h, c->shared_experts * c->expert_ffn));
}
