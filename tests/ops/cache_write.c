/* SPDX-License-Identifier: MIT */
/* cache_write: every format, awkward widths, values that are none, rows of several timelines. */
#include "ops/harness.h"

#include <math.h>

static const struct shape {
    const char *name;
    uint32_t    tokens, position, kv, rope;
    float       scale; /* of the latents */
    bool        batch;
} shapes[] = {
    { "first position", 1, 0, 512, 64, 1, false },
    { "less than a block", 3, 5, 20, 8, 1, false },
    { "over the edge of a page", 33, 50, 36, 4, 10, false },
    { "blocks with a rest", 7, 127, 200, 20, 100, false },
    { "a whole page", 64, 64, 128, 64, 1e-3f, false },
    { "last position", 1, 199, 72, 64, 1e4f, false },
    { "all zeros", 2, 9, 256, 64, 0, false },
    { "below the floor of scales", 2, 9, 256, 64, 1e-6f, false },
    { "a batch", 2, 63, 36, 4, 1, true },
    { "a batch of many", 32, 199, 128, 64, 10, true },
};

/* With `bad`, which is no finite number, in place of one latent. */
static void check(const struct shape *s, enum dv_cache_format format, float bad)
{
    struct op_bench b;
    op_begin(&b, &(struct op_params){ .name         = s->name,
                                      .tokens       = s->tokens,
                                      .context      = 200,
                                      .position     = s->position,
                                      .batch        = s->batch,
                                      .layers       = 2,
                                      .kv           = s->kv,
                                      .rope         = s->rope,
                                      .cache_format = format });
    dv_tensor latent = op_input(&b, s->tokens, s->kv + s->rope + 4);
    dv_tensor key    = dv_view_cols(b.graph, latent, s->kv, s->rope);
    for (uint32_t t = 0; t < s->tokens; t++)
        for (uint32_t k = 0; k < s->kv; k++)
            op_row(&b, latent, t)[k] *= s->scale * (k % 3 ? 1.0f : 0.01f);
    if (!isfinite(bad))
        op_row(&b, latent, s->tokens / 2)[s->kv / 2] = bad;
    latent         = dv_view_cols(b.graph, latent, 0, s->kv);
    b.graph->layer = 1;
    dv_cache_write(b.graph, op_state(&b), latent, key);
    op_run(&b);
    op_expect_cache(&b, 0);
    op_end(&b);
}

/* Rounding is to nearest, ties to even, in all formats: the same values. */
void op_test_cache_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int format = 0; format < DV_N_CACHES; format++)
            check(&shapes[i], (enum dv_cache_format)format, 0);
    for (size_t i = 2; i < 5; i++) { /* a block of an FP8 record has one scale */
        check(&shapes[i], DV_CACHE_FP8, NAN);
        check(&shapes[i], DV_CACHE_FP8, INFINITY);
        check(&shapes[i], DV_CACHE_BF16, -NAN);
    }
}
