/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "ops/harness.h"

static const struct shape {
    const char *name;
    uint32_t    tokens, position, context, heads, kv;
    bool        batch;
} shapes[] = {
    { "one split", 1, 63, 64, 5, 72, false },      { "one of four", 1, 63, 256, 5, 72, false },
    { "two of four", 1, 64, 256, 16, 512, false }, { "from one to two", 3, 62, 256, 5, 36, false },
    { "merged", 33, 20, 256, 5, 72, false },       { "many splits", 2, 4000, 4096, 2, 64, false },
    { "a batch", 4, 200, 256, 5, 36, true },       { "a batch, merged", 32, 200, 256, 5, 36, true },
};

/* Largest scores far apart: splits that count for nothing, and ones that others count for nothing
 * against. */
static void fill(struct op_bench *b, dv_tensor partials, uint32_t tokens, uint32_t kv)
{
    uint32_t cols = b->graph->values[partials].cols;
    for (uint32_t t = 0; t < tokens; t++)
        for (uint32_t k = 0; k < cols; k += kv + 4) {
            op_row(b, partials, t)[k + kv]     = op_random(b) * (k % 3 ? 4.0f : 120.0f);
            op_row(b, partials, t)[k + kv + 1] = 1.5f + op_random(b);
        }
}

void op_test_combine(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const struct shape *s = &shapes[i];
        struct op_bench     b;
        op_begin(&b, &(struct op_params){ .name     = s->name,
                                          .tokens   = s->tokens,
                                          .position = s->position,
                                          .batch    = s->batch,
                                          .context  = s->context });
        struct dv_attend_shape shape  = { .heads = s->heads, .kv = s->kv };
        uint32_t               splits = s->tokens > DV_FEW_TOKENS ? 1 : s->context / 64;
        dv_tensor              x      = op_input(&b, s->tokens, s->heads * splits * (s->kv + 4));
        fill(&b, x, s->tokens, s->kv);
        dv_tensor y = dv_combine(b.graph, x, &shape);
        op_run(&b);
        /* exp(x) is off by up to 3 + 2|x| units, |x| <= 240 where it counts for little. */
        op_expect_close(&b, y, 64 * sqrt(splits) * OP_EPS);
        op_end(&b);
    }
}
