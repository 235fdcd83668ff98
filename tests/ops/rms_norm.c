/* SPDX-License-Identifier: MIT */
#include "ops/harness.h"

static const struct shape {
    const char *name;
    uint32_t    rows, cols;
    float       scale; /* of the inputs */
    bool        view;  /* the input is a part of wider rows */
} shapes[] = {
    { "one quad", 1, 4, 1, false },
    { "fewer columns than lanes", 3, 20, 1, false },
    { "columns not a multiple of the lanes", 7, 200, 1, false },
    { "part of a wider row", 33, 36, 1, true },
    { "wide", 5, 7168, 1, false },
    { "all zeros stay finite", 2, 72, 0, false },
    { "large", 3, 100, 1e15f, false },
    { "squares beyond f32", 3, 72, 1e25f, false },
    { "so small that eps counts", 64, 100, 1e-3f, false },
};

/* A partial sum has cols/64 roundings and the tree 6; the root halves their sum. The factor's
 * division and root may be off by 2.5 units each, two products follow. */
static void check(const struct shape *s)
{
    struct op_bench b;
    op_begin(&b, &(struct op_params){ .name = s->name, .tokens = s->rows });
    dv_tensor x = op_input(&b, s->rows, s->view ? s->cols + 64 : s->cols);
    if (s->view)
        x = dv_view_cols(b.graph, x, 32, s->cols);
    for (uint32_t r = 0; r < s->rows; r++)
        for (uint32_t k = 0; k < s->cols; k++)
            op_row(&b, x, r)[k] *= s->scale;
    dv_tensor y = dv_rms_norm(b.graph, x, op_vector(&b, "norm", s->cols), 1e-6f);
    op_run(&b);
    op_expect_close(&b, y, ((s->cols / 64 + 6) / 2.0 + 12) * OP_EPS);
    op_end(&b);
}

void op_test_rms_norm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check(&shapes[i]);
}
