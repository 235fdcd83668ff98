/* SPDX-License-Identifier: MIT */
#include "ops/harness.h"

static const struct shape {
    const char *name;
    uint32_t    tokens, cols, top_k;
    bool        shared, residual;
} shapes[] = {
    { "one expert", 1, 20, 1, false, false },       { "shared expert", 3, 36, 6, true, false },
    { "residual", 7, 72, 3, false, true },          { "both", 33, 200, 8, true, true },
    { "sixteen experts", 64, 100, 16, true, true }, { "hidden size", 2, 2048, 6, true, true },
};

/* top_k + 2 roundings of partial sums, which may be twice as large as the largest result. */
static void check(const struct shape *s)
{
    struct op_bench b;
    op_begin(&b, &(struct op_params){ .name = s->name, .tokens = s->tokens });
    dv_tensor x        = op_input(&b, s->tokens * s->top_k, s->cols);
    dv_tensor route    = op_input_route(&b, 64, s->top_k);
    dv_tensor shared   = s->shared ? op_input(&b, s->tokens, s->cols) : 0;
    dv_tensor residual = s->residual ? op_input(&b, s->tokens, s->cols) : 0;
    dv_tensor y        = dv_expert_sum(b.graph, x, route, shared, residual, s->top_k);
    op_run(&b);
    op_expect_close(&b, y, 2 * (s->top_k + 2) * OP_EPS);
    op_end(&b);
}

void op_test_expert_sum(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check(&shapes[i]);
}
