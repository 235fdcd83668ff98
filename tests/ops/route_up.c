/* SPDX-License-Identifier: MIT */
/* The choice of experts and their first products, fused and not, to the bit: routes and values. */
#include <math.h>

#include "ops/harness.h"

/* sigmoid, group_sums, normalise */
#define V3 true, true, true
#define SOFTMAX false, false, false

static const struct shape {
    const char            *name;
    enum dv_weight_format  format;
    uint32_t               tokens, rows, cols;
    bool                   norm;
    struct dv_router_shape rule; /* experts, top_k, groups, top_k_groups, rule, scale */
    bool                   bias;
    float                  step; /* logits are multiples: ties */
} shapes[] = {
    { "softmax", DV_FORMAT_E4M3, 1, 96, 320, true, { 64, 6, 1, 1, SOFTMAX, 1.0f }, false, 0 },
    { "softmax with ties",
      DV_FORMAT_F32,
      3,
      20,
      36,
      true,
      { 64, 6, 1, 1, SOFTMAX, 1.0f },
      false,
      1 },
    { "groups by their best",
      DV_FORMAT_BF16,
      2,
      40,
      72,
      true,
      { 160, 6, 8, 3, SOFTMAX, 16.0f },
      false,
      0 },
    { "groups by two, bias",
      DV_FORMAT_E4M3,
      4,
      72,
      100,
      true,
      { 256, 8, 8, 4, V3, 2.5f },
      true,
      0 },
    { "int4", DV_FORMAT_INT4, 2, 72, 104, true, { 64, 6, 1, 1, SOFTMAX, 1.0f }, false, 0 },
    { "fp4", DV_FORMAT_FP4, 1, 40, 320, true, { 64, 6, 1, 1, SOFTMAX, 1.0f }, false, 0 },
    { "ties in groups", DV_FORMAT_F16, 4, 24, 36, false, { 72, 5, 8, 2, V3, 1.0f }, false, 1 },
    { "no group, bias", DV_FORMAT_BF16, 2, 16, 36, true, { 384, 8, 1, 1, V3, 2.8f }, true, 0 },
    { "one expert", DV_FORMAT_F32, 1, 8, 4, false, { 1, 1, 1, 1, SOFTMAX, 1.0f }, false, 0 },
    { "all experts",
      DV_FORMAT_F32,
      3,
      20,
      36,
      true,
      { 5, 5, 1, 1, false, false, true, 1 },
      false,
      0 },
    { "tiles in turn", DV_FORMAT_BF16, 1, 1000, 8, true, { 8, 6, 1, 1, SOFTMAX, 1.0f }, false, 0 },
    { "the largest", DV_FORMAT_BF16, 2, 8, 8, true, { 512, 16, 64, 8, V3, 2.5f }, true, 0 },
};

static void fill_logits(struct op_bench *b, const struct shape *s, dv_tensor logits)
{
    for (uint32_t t = 0; t < s->tokens; t++)
        for (uint32_t e = 0; e < s->rule.experts; e++) {
            float *x = &op_row(b, logits, t)[e];
            *x       = s->step > 0 ? roundf(*x * 4 / s->step) * s->step : *x * 4;
        }
}

static void build(struct op_bench *b, const struct shape *s, bool fuse, dv_tensor *y,
                  dv_tensor *route)
{
    uint32_t experts = s->rule.experts, top_k = s->rule.top_k;
    op_begin(b, &(struct op_params){ .name = s->name, .tokens = s->tokens, .format = s->format });
    struct dv_graph *g      = b->graph;
    dv_tensor        x      = op_input(b, s->tokens, s->cols);
    dv_tensor        logits = op_input(b, s->tokens, experts);
    dv_weight        bias   = s->bias ? op_vector(b, "bias", experts) : 0;
    dv_weight        gate   = op_experts(b, "gate.%u", experts, s->rows, s->cols);
    dv_weight        up     = op_experts(b, "up.%u", experts, s->rows, s->cols);
    fill_logits(b, s, logits);
    for (uint32_t e = 0; bias && e < experts; e++) /* of both signs */
        op_weight_values(b, bias)[e] -= 1.0f;
    if (s->norm)
        x = dv_rms_norm(g, x, op_vector(b, "norm", s->cols), 1e-6f);
    *route = dv_router(g, logits, bias, &s->rule);
    *y     = dv_swiglu(g, dv_expert_matmul(g, gate, x, *route, 0, top_k),
                       dv_expert_matmul(g, up, x, *route, 0, top_k));
    if (fuse) {
        assert_int_equal(dv_graph_fuse(g), DSVK_OK);
        assert_int_equal(g->nodes[g->values[*y].producer - 1].op, DV_OP_route_up);
        assert_int_equal(g->values[*route].producer, g->values[*y].producer);
    }
    op_run(b);
}

/* As for expert_up. What the route is must be settled by test_router: here the bits are the same
 * as those of the plain graph, and ids are the reference's, so that the products can be. */
static void check(const struct shape *s)
{
    struct op_bench fused, plain;
    dv_tensor       y, route, y_plain, route_plain;
    build(&fused, s, true, &y, &route);
    build(&plain, s, false, &y_plain, &route_plain);
    op_expect_same(&fused, route, 0, &plain, route_plain, s->tokens);
    for (uint32_t t = 0; t < s->tokens; t++)
        assert_memory_equal(op_got_words(&fused, route, t), op_words(&fused, route, t),
                            s->rule.top_k * sizeof(uint32_t));
    op_expect_close(&fused, y, (4 * (8 * sqrt(s->cols) + 16) + 64) * OP_EPS);
    op_expect_same(&fused, y, 0, &plain, y_plain, s->tokens * s->rule.top_k);
    op_end(&plain);
    op_end(&fused);
}

void op_test_route_up(void **state)
{
    (void)state;
    for (size_t i = op_part.first; i < sizeof shapes / sizeof *shapes; i += op_part.step)
        check(&shapes[i]);
}
