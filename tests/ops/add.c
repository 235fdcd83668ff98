/* SPDX-License-Identifier: MIT */
#include "ops/harness.h"

#include <math.h>

static const struct shape {
    const char *name;
    uint32_t    rows, cols;
} shapes[] = {
    { "one quad", 1, 4 },
    { "a tail of lanes", 3, 36 },
    { "many rows", 64, 72 },
    { "hidden size", 7, 2048 },
};

void op_test_add(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const struct shape *s = &shapes[i];
        struct op_bench     b;
        op_begin(&b, &(struct op_params){ .name = s->name, .tokens = s->rows });
        dv_tensor x = op_input(&b, s->rows, s->cols + 8), other = op_input(&b, s->rows, s->cols);
        x                       = dv_view_cols(b.graph, x, 4, s->cols);
        op_row(&b, x, 0)[0]     = INFINITY;
        op_row(&b, x, 0)[1]     = -op_row(&b, other, 0)[1];
        op_row(&b, other, 0)[2] = 0.0f;
        dv_tensor y             = dv_add(b.graph, x, other);
        op_run(&b);
        op_expect_equal(&b, y); /* one rounding, correct in both */
        op_end(&b);
    }
}
