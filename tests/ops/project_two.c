/* SPDX-License-Identifier: MIT */
/* Two projections of one input, fused and not, to the bit. */
#include <math.h>

#include "ops/harness.h"

struct side {
    enum dv_weight_format format;
    uint32_t              rows;
    bool                  pair;
};

static const struct shape {
    const char *name;
    uint32_t    tokens, cols;
    bool        norm;
    struct side a, b;
} shapes[] = {
    /* clang-format off */
    { "router and shared expert", 1, 320, true, { DV_FORMAT_F32, 64, false },
      { DV_FORMAT_E4M3, 200, true } },
    { "pair first", 2, 320, true, { DV_FORMAT_E4M3, 200, true }, { DV_FORMAT_BF16, 64, false } },
    { "without a norm", 3, 72, false, { DV_FORMAT_F32, 20, false }, { DV_FORMAT_BF16, 36, true } },
    { "router and shared expert, int4", 1, 320, true, { DV_FORMAT_BF16, 64, false },
      { DV_FORMAT_INT4, 200, true } },
    { "fp4 pair first", 3, 96, true, { DV_FORMAT_FP4, 40, true }, { DV_FORMAT_F32, 20, false } },
    { "two pairs", 4, 100, true, { DV_FORMAT_F16, 36, true }, { DV_FORMAT_F16, 100, true } },
    { "no pair", 4, 100, false, { DV_FORMAT_F32, 20, false }, { DV_FORMAT_F16, 1003, false } },
    { "one row", 4, 36, true, { DV_FORMAT_BF16, 1, false }, { DV_FORMAT_BF16, 1000, true } },
    { "tiles in turn", 1, 36, true, { DV_FORMAT_BF16, 260, false },
      { DV_FORMAT_BF16, 2500, true } },
    { "wide", 1, 2048, true, { DV_FORMAT_BF16, 256, false }, { DV_FORMAT_E4M3, 1408, true } },
    /* clang-format on */
};

static dv_tensor product(struct op_bench *b, const struct side *s, const char *name,
                         const char *second, dv_tensor x)
{
    uint32_t  cols = b->graph->values[x].cols;
    dv_tensor y    = dv_matmul(b->graph, op_matrix(b, name, s->rows, cols), x, 0);
    if (!s->pair)
        return y;
    return dv_swiglu(b->graph, y, dv_matmul(b->graph, op_matrix(b, second, s->rows, cols), x, 0));
}

static void build(struct op_bench *b, const struct shape *s, bool fuse, dv_tensor y[2])
{
    op_begin(b, &(struct op_params){ .name         = s->name,
                                     .tokens       = s->tokens,
                                     .format       = s->b.format,
                                     .other_name   = "first",
                                     .other_format = s->a.format });
    dv_tensor x = op_input(b, s->tokens, s->cols);
    if (s->norm)
        x = dv_rms_norm(b->graph, x, op_vector(b, "norm", s->cols), 1e-5f);
    y[0] = product(b, &s->a, "first.gate", "first.up", x);
    y[1] = product(b, &s->b, "second.gate", "second.up", x);
    if (fuse) {
        assert_int_equal(dv_graph_fuse(b->graph), DSVK_OK);
        for (int i = 0; i < 2; i++) {
            uint32_t maker = b->graph->values[y[i]].producer - 1;
            assert_int_equal(b->graph->nodes[maker].op, DV_OP_project_two);
        }
    }
    op_run(b);
}

/* As for project. */
static double tolerance(const struct shape *s, bool pair)
{
    return (8 * sqrt(s->cols) + (s->norm ? 16 : 0)) * OP_EPS * (pair ? 4 : 1) +
           (pair ? 64 * OP_EPS : 0);
}

static void check(const struct shape *s)
{
    struct op_bench fused, plain;
    dv_tensor       y[2], y_plain[2];
    build(&fused, s, true, y);
    build(&plain, s, false, y_plain);
    for (int i = 0; i < 2; i++) {
        op_expect_close(&fused, y[i], tolerance(s, i ? s->b.pair : s->a.pair));
        op_expect_same(&fused, y[i], 0, &plain, y_plain[i], s->tokens);
    }
    op_end(&plain);
    op_end(&fused);
}

void op_test_project_two(void **state)
{
    (void)state;
    for (size_t i = op_part.first; i < sizeof shapes / sizeof *shapes; i += op_part.step)
        check(&shapes[i]);
}
