/* SPDX-License-Identifier: MIT */
/* Gate and up products of the chosen experts, fused and not, to the bit. */
#include <math.h>

#include "ops/harness.h"

static const struct shape {
    const char           *name;
    enum dv_weight_format format;
    uint32_t              tokens, experts, top_k, rows, cols;
    bool                  norm, planned;
    uint32_t              tile;
    bool                  math_f16;
} shapes[] = {
    { "pair", DV_FORMAT_F32, 1, 4, 2, 20, 36, false, false, 0, false },
    { "norm and pair", DV_FORMAT_E4M3, 3, 10, 3, 96, 320, true, false, 0, false },
    { "norm and pair, int4", DV_FORMAT_INT4, 3, 10, 3, 96, 320, true, false, 0, false },
    { "planned, fp4", DV_FORMAT_FP4, 33, 16, 4, 100, 200, false, true, 0, false },
    { "norm, many experts", DV_FORMAT_BF16, 2, 64, 6, 40, 72, true, false, 0, false },
    { "planned", DV_FORMAT_E4M3, 33, 16, 4, 100, 200, false, true, 0, false },
    { "planned, bf16", DV_FORMAT_BF16, 64, 10, 3, 36, 100, false, true, 0, false },
    { "planned, float16", DV_FORMAT_E4M3, 40, 4, 2, 100, 200, false, true, 16, true },
    { "planned, bf16, float16", DV_FORMAT_BF16, 64, 10, 3, 36, 100, false, true, 32, true },
};

static dv_tensor build(struct op_bench *b, const struct shape *s, bool fuse)
{
    struct dv_router_shape shape = {
        .experts = s->experts, .top_k = s->top_k, .groups = 1, .top_k_groups = 1
    };
    op_begin(b, &(struct op_params){ .name     = s->name,
                                     .tokens   = s->tokens,
                                     .format   = s->format,
                                     .tile     = s->tile,
                                     .math_f16 = s->math_f16 });
    struct dv_graph *g     = b->graph;
    dv_tensor        x     = op_input(b, s->tokens, s->cols);
    dv_tensor        route = op_input_route(b, s->experts, s->top_k);
    dv_tensor        plan  = s->planned ? dv_expert_plan(g, route, &shape) : 0;
    dv_weight        gate  = op_experts(b, "gate.%u", s->experts, s->rows, s->cols);
    dv_weight        up    = op_experts(b, "up.%u", s->experts, s->rows, s->cols);
    if (s->norm)
        x = dv_rms_norm(g, x, op_vector(b, "norm", s->cols), 1e-6f);
    dv_tensor y = dv_swiglu(g, dv_expert_matmul(g, gate, x, route, plan, s->top_k),
                            dv_expert_matmul(g, up, x, route, plan, s->top_k));
    if (fuse) {
        assert_int_equal(dv_graph_fuse(g), DSVK_OK);
        assert_int_equal(g->nodes[g->values[y].producer - 1].op, DV_OP_expert_up);
    }
    op_run(b);
    return y;
}

/* As for project. */
static void check(const struct shape *s)
{
    struct op_bench fused, plain;
    dv_tensor       y = build(&fused, s, true), y_plain = build(&plain, s, false);
    op_expect_close(&fused, y,
                    (4 * (8 * sqrt(s->cols) + 16) + 64) * OP_EPS +
                        (s->math_f16 ? 32 * sqrt(2) / 4096 : 0));
    op_expect_same(&fused, y, 0, &plain, y_plain, s->tokens * s->top_k);
    op_end(&plain);
    op_end(&fused);
}

void op_test_expert_up(void **state)
{
    (void)state;
    for (size_t i = op_part.first; i < sizeof shapes / sizeof *shapes; i += op_part.step)
        check(&shapes[i]);
}
