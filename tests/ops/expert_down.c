/* SPDX-License-Identifier: MIT */
/* Down products of the chosen and the shared experts with their sum, fused and not, to the bit. */
#include <math.h>

#include "ops/harness.h"

static const struct shape {
    const char           *name;
    enum dv_weight_format format;
    uint32_t              tokens, experts, top_k, rows, cols, shared_cols;
    bool                  residual;
} shapes[] = {
    { "one expert", DV_FORMAT_F32, 1, 1, 1, 20, 36, 0, false },
    { "residual", DV_FORMAT_BF16, 3, 10, 3, 100, 96, 0, true },
    { "shared expert", DV_FORMAT_E4M3, 2, 64, 6, 72, 100, 200, true },
    { "shared expert as wide", DV_FORMAT_E4M3, 4, 16, 8, 1000, 48, 48, true },
    { "shared expert, int4", DV_FORMAT_INT4, 2, 64, 6, 72, 104, 200, true },
    { "residual, fp4", DV_FORMAT_FP4, 3, 10, 3, 100, 96, 0, true },
    { "wide", DV_FORMAT_F16, 1, 12, 8, 36, 1408, 2816, true },
};

static dv_tensor build(struct op_bench *b, const struct shape *s, bool fuse)
{
    op_begin(b, &(struct op_params){ .name = s->name, .tokens = s->tokens, .format = s->format });
    struct dv_graph *g = b->graph;
    dv_tensor        x = op_input(b, s->tokens * s->top_k, s->cols), shared = 0;
    dv_tensor        route    = op_input_route(b, s->experts, s->top_k);
    dv_tensor        residual = s->residual ? op_input(b, s->tokens, s->rows) : 0;
    dv_weight        down     = op_experts(b, "down.%u", s->experts, s->rows, s->cols);
    if (s->shared_cols)
        shared = dv_matmul(g, op_matrix(b, "shared", s->rows, s->shared_cols),
                           op_input(b, s->tokens, s->shared_cols), 0);
    dv_tensor y = dv_expert_sum(g, dv_expert_matmul(g, down, x, route, 0, s->top_k), route, shared,
                                residual, s->top_k);
    if (fuse) {
        assert_int_equal(dv_graph_fuse(g), DSVK_OK);
        assert_int_equal(g->nodes[g->values[y].producer - 1].op, DV_OP_expert_down);
    }
    op_run(b);
    return y;
}

/* As for matmul, then top_k + 2 sums. */
static void check(const struct shape *s)
{
    struct op_bench fused, plain;
    uint32_t        cols = s->cols > s->shared_cols ? s->cols : s->shared_cols;
    dv_tensor       y = build(&fused, s, true), y_plain = build(&plain, s, false);
    op_expect_close(&fused, y, (8 * sqrt(cols) + 2 * (s->top_k + 2)) * OP_EPS);
    op_expect_same(&fused, y, 0, &plain, y_plain, s->tokens);
    op_end(&plain);
    op_end(&fused);
}

void op_test_expert_down(void **state)
{
    (void)state;
    for (size_t i = op_part.first; i < sizeof shapes / sizeof *shapes; i += op_part.step)
        check(&shapes[i]);
}
