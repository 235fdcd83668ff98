/* SPDX-License-Identifier: MIT */
#include "ops/harness.h"

static const struct shape {
    const char *name;
    uint32_t    tokens, position, heads, dim, x_head, x_offset;
    bool        batch;
} shapes[] = {
    { "one key", 1, 0, 1, 64, 64, 0, false },
    { "two pairs", 3, 17, 1, 4, 4, 0, false },
    { "the end of each head", 7, 100, 5, 8, 36, 28, false },
    { "sixteen heads", 33, 223, 16, 64, 192, 128, false },
    { "many heads, last position", 1, 255, 128, 64, 192, 128, false },
    { "more heads than a workgroup", 64, 1, 40, 20, 24, 0, false },
    { "a batch", 3, 255, 16, 64, 192, 128, true },
    { "a batch of many", 32, 17, 5, 8, 36, 28, true },
};

static void check(const struct shape *s)
{
    struct op_bench b;
    op_begin(
        &b, &(struct op_params){
                .name = s->name, .tokens = s->tokens, .position = s->position, .batch = s->batch });
    dv_tensor x = op_input(&b, s->tokens, s->heads * s->x_head + 4);
    dv_tensor y =
        dv_rope(b.graph, x, op_rope_table(&b, s->dim), s->heads, s->dim, s->x_head, s->x_offset);
    op_run(&b);
    op_expect_close(&b, y, 4 * OP_EPS); /* two roundings of terms as large as the result's bound */
    op_end(&b);
}

void op_test_rope(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check(&shapes[i]);
}
