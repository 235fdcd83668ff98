/* SPDX-License-Identifier: MIT */
/* Graphs that fusion turns into `project`, against their references and against themselves without
 * fusion, to the bit. */
#include <math.h>

#include "ops/harness.h"

static const struct shape {
    const char           *name;
    enum dv_weight_format format;
    uint32_t              tokens, rows, cols;
    bool                  norm, pair, residual, math_f16;
} shapes[] = {
    { "norm", DV_FORMAT_BF16, 1, 100, 36, true, false, false, false },
    { "norm of a wide row", DV_FORMAT_E4M3, 3, 40, 2048, true, false, false, false },
    { "residual", DV_FORMAT_F16, 7, 1003, 72, false, false, true, false },
    { "residual, fp8", DV_FORMAT_E4M3, 64, 72, 200, false, false, true, false },
    { "norm and residual", DV_FORMAT_F32, 2, 20, 100, true, false, true, false },
    { "pair", DV_FORMAT_BF16, 33, 100, 72, false, true, false, false },
    { "pair, fp8", DV_FORMAT_E4M3, 7, 200, 320, false, true, false, false },
    { "norm, tiles in turn", DV_FORMAT_BF16, 1, 5003, 36, true, false, true, false },
    { "norm and pair, int4", DV_FORMAT_INT4, 3, 36, 200, true, true, false, false },
    { "residual, fp4", DV_FORMAT_FP4, 1, 72, 320, true, false, true, false },
    { "norm and pair", DV_FORMAT_E4M3, 4, 36, 200, true, true, false, false },
    { "residual, float16", DV_FORMAT_E4M3, 64, 72, 200, false, false, true, true },
    { "pair, float16", DV_FORMAT_E4M3, 40, 200, 320, false, true, false, true },
    { "pair, bf16, float16", DV_FORMAT_BF16, 17, 100, 72, false, true, false, true },
};

/* As for matmul; the norm adds a few roundings to every activation, the gate's exponential and
 * the product as many as for swiglu. */
static double tolerance(const struct shape *s)
{
    return ((8 * sqrt(s->cols) + (s->norm ? 16 : 0)) * OP_EPS +
            (s->math_f16 ? 8 * sqrt(2) / 4096 : 0)) *
               (s->pair ? 4 : 1) +
           (s->pair ? 64 * OP_EPS : 0);
}

static dv_tensor build(struct op_bench *b, const struct shape *s, bool fuse)
{
    op_begin(b, &(struct op_params){ .name     = s->name,
                                     .tokens   = s->tokens,
                                     .format   = s->format,
                                     .math_f16 = s->math_f16 });
    dv_tensor x        = op_input(b, s->tokens, s->cols), y;
    dv_tensor residual = s->residual ? op_input(b, s->tokens, s->rows) : 0;
    if (s->norm)
        x = dv_rms_norm(b->graph, x, op_vector(b, "norm", s->cols), 1e-5f);
    if (s->pair) {
        dv_tensor gate = dv_matmul(b->graph, op_matrix(b, "gate", s->rows, s->cols), x, 0);
        dv_tensor up   = dv_matmul(b->graph, op_matrix(b, "up", s->rows, s->cols), x, 0);
        y              = dv_swiglu(b->graph, gate, up);
    } else {
        y = dv_matmul(b->graph, op_matrix(b, "w", s->rows, s->cols), x, 0);
        if (residual)
            y = dv_add(b->graph, residual, y);
    }
    if (fuse) {
        assert_int_equal(dv_graph_fuse(b->graph), DSVK_OK);
        assert_int_equal(b->graph->nodes[b->graph->values[y].producer - 1].op, DV_OP_project);
    }
    op_run(b);
    return y;
}

static void check(const struct shape *s)
{
    struct op_bench fused, plain;
    dv_tensor       y = build(&fused, s, true), y_plain = build(&plain, s, false);
    op_expect_close(&fused, y, tolerance(s));
    op_expect_same(&fused, y, 0, &plain, y_plain, s->tokens);
    op_end(&plain);
    op_end(&fused);
}

/* Two matrices with different scale blocks, their rows stacked. */
static void check_stack(bool fuse, struct op_bench *b, dv_tensor y[2])
{
    op_begin(b, &(struct op_params){ .name = "stacked", .tokens = 2, .format = DV_FORMAT_E4M3 });
    dv_tensor x = op_input(b, 2, 320);
    y[0]        = dv_matmul(b->graph, op_matrix(b, "q", 72, 320), x, 0);
    y[1]        = dv_matmul(b->graph, op_matrix(b, "kv", 92, 320), x, 0);
    if (fuse) {
        assert_int_equal(dv_graph_fuse(b->graph), DSVK_OK);
        assert_int_equal(b->graph->values[y[1]].kind, DV_VALUE_VIEW);
    }
    op_run(b);
}

void op_test_project(void **state)
{
    (void)state;
    for (size_t i = op_part.first; i < sizeof shapes / sizeof *shapes; i += op_part.step)
        check(&shapes[i]);
    struct op_bench fused, plain;
    dv_tensor       y[2], y_plain[2];
    check_stack(true, &fused, y);
    check_stack(false, &plain, y_plain);
    for (int i = 0; i < 2; i++)
        op_expect_same(&fused, y[i], 0, &plain, y_plain[i], 2);
    op_end(&plain);
    op_end(&fused);
}
