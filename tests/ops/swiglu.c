/* SPDX-License-Identifier: MIT */
#include "ops/harness.h"

static const struct shape {
    const char *name;
    uint32_t    rows, cols;
    float       scale; /* of the gate */
} shapes[] = {
    { "one quad", 1, 4, 1 },     { "twenty columns", 3, 20, 8 }, { "a tail of lanes", 7, 200, 8 },
    { "many rows", 64, 100, 8 }, { "wide", 33, 1408, 8 },        { "large gates", 2, 72, 1e4f },
};

/* exp(x) may be off by 3 + 2|x| units, which counts up to |x| = 17 where the other term of the
 * denominator is below a rounding; then three more roundings, one of them a division. */
static void check(const struct shape *s)
{
    struct op_bench b;
    op_begin(&b, &(struct op_params){ .name = s->name, .tokens = s->rows });
    dv_tensor gate = op_input(&b, s->rows, s->cols), up = op_input(&b, s->rows, s->cols);
    for (uint32_t r = 0; r < s->rows; r++)
        for (uint32_t k = 0; k < s->cols; k++)
            op_row(&b, gate, r)[k] *= s->scale;
    op_row(&b, gate, 0)[0] = 0.0f;
    op_row(&b, gate, 0)[1] = -0.0f;
    op_row(&b, gate, 0)[2] = -200.0f;
    dv_tensor y            = dv_swiglu(b.graph, gate, up);
    op_run(&b);
    op_expect_close(&b, y, (2 * (3 + 2 * 17) + 7) * OP_EPS);
    op_end(&b);
}

void op_test_swiglu(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check(&shapes[i]);
}
