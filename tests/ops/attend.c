/* SPDX-License-Identifier: MIT */
/* attend: close to the reference in awkward shapes, and the same bits whether tokens come in a
 * chunk or one by one. */
#include <math.h>

#include "graph/build.h"
#include "kernel/coop.h"
#include "ops/harness.h"

static const struct shape {
    const char          *name;
    uint32_t             tokens, position, split, context, heads, kv, rope;
    enum dv_cache_format format;
    bool                 math_f16, batch;
} shapes[] = {
    { "first token", 1, 0, 64, 64, 16, 512, 64, DV_CACHE_BF16, false, false },
    { "last of a page", 1, 63, 64, 256, 5, 72, 20, DV_CACHE_F32, false, false },
    { "first of a page", 1, 64, 64, 256, 5, 72, 20, DV_CACHE_BF16, false, false },
    { "second of a page", 1, 65, 64, 256, 5, 72, 20, DV_CACHE_FP8, false, false },
    { "across a page", 3, 62, 128, 256, 5, 64, 16, DV_CACHE_F32, false, false },
    { "across a split", 3, 127, 128, 256, 16, 64, 16, DV_CACHE_FP8, false, false },
    { "across a split, few heads", 3, 62, 64, 256, 5, 64, 16, DV_CACHE_F32, false, false },
    { "heads that overlap", 9, 120, 64, 256, 17, 36, 8, DV_CACHE_BF16, false, false },
    { "one head", 1, 100, 64, 128, 1, 36, 4, DV_CACHE_F32, false, false },
    { "many tokens", 64, 30, 64, 256, 5, 72, 20, DV_CACHE_BF16, false, false },
    { "many tokens from 0 on", 64, 0, 64, 64, 16, 64, 16, DV_CACHE_F32, false, false },
    { "odd tokens", 7, 190, 128, 256, 3, 200, 36, DV_CACHE_FP8, false, false },
    { "wide", 2, 70, 64, 128, 20, 1024, 128, DV_CACHE_BF16, false, false },
    /* So many workgroups that on hardware each takes more heads, or several tokens. */
    { "pairs of heads", 130, 20, 64, 256, 64, 36, 4, DV_CACHE_F32, false, false },
    { "pairs of heads, few tokens", 4, 500, 64, 1024, 128, 36, 4, DV_CACHE_BF16, false, false },
    { "pairs of tokens", 1030, 0, 128, 1088, 3, 20, 8, DV_CACHE_F32, false, false },
    { "pairs of tokens, few of them", 4, 63, 64, 2048, 40, 36, 4, DV_CACHE_FP8, false, false },
    { "deepseek, long", 1, 999, 128, 1024, 16, 512, 64, DV_CACHE_FP8, false, false },
    { "deepseek, wide splits", 2, 599, 256, 1024, 16, 512, 64, DV_CACHE_F32, false, false },
    { "deepseek, long, chunk", 5, 995, 128, 1024, 16, 512, 64, DV_CACHE_BF16, false, false },
    /* With cooperative matrices where there are some. */
    { "matrices, from 0 on", 64, 0, 64, 64, 16, 64, 16, DV_CACHE_F32, true, false },
    { "matrices, least tokens", 16, 37, 64, 128, 2, 64, 16, DV_CACHE_BF16, true, false },
    { "matrices, two tiles of heads", 18, 130, 64, 256, 5, 64, 16, DV_CACHE_FP8, true, false },
    { "matrices, across a page", 33, 31, 64, 128, 4, 32, 16, DV_CACHE_F32, true, false },
    { "matrices, idle heads", 21, 64, 64, 128, 33, 96, 32, DV_CACHE_BF16, true, false },
    { "matrices, many tokens", 130, 20, 64, 256, 20, 64, 16, DV_CACHE_F32, true, false },
    { "matrices, deepseek", 40, 300, 64, 512, 16, 512, 64, DV_CACHE_BF16, true, false },
    { "matrices, deepseek, fp8", 17, 75, 64, 128, 128, 512, 64, DV_CACHE_FP8, true, false },
    { "too few tokens for matrices", 15, 64, 64, 128, 4, 64, 16, DV_CACHE_F32, true, false },
    { "columns for no matrices", 16, 64, 64, 128, 4, 72, 20, DV_CACHE_F32, true, false },
    /* Each token of a timeline of its own: neither matrices nor several tokens a workgroup. */
    { "a batch", 3, 130, 64, 256, 5, 64, 16, DV_CACHE_F32, false, true },
    { "a batch, merged", 9, 250, 64, 256, 17, 36, 8, DV_CACHE_BF16, false, true },
    { "a batch for no matrices", 32, 70, 64, 128, 20, 64, 16, DV_CACHE_FP8, true, true },
    { "a batch of pairs of tokens", 4, 63, 64, 2048, 40, 36, 4, DV_CACHE_FP8, false, true },
    { "a batch, deepseek", 2, 599, 256, 1024, 16, 512, 64, DV_CACHE_BF16, false, true },
};

static struct op_params params_of(const struct shape *s)
{
    return (struct op_params){ .name         = s->name,
                               .tokens       = s->tokens,
                               .position     = s->position,
                               .batch        = s->batch,
                               .split        = s->split,
                               .context      = s->context,
                               .cache_format = s->format,
                               .kv           = s->kv,
                               .rope         = s->rope,
                               .layers       = 2,
                               .math_f16     = s->math_f16 };
}

static bool in_matrices(const struct op_bench *b, const struct shape *s)
{
    struct dv_coop_attend shape;
    return s->math_f16 && !s->batch &&
           dv_coop_attend_of(&shape, &op_device.dev->caps, &b->graph->nodes[0], s->tokens);
}

/* The query's parts are filled by token, so that another bench can start at a later one. */
static dv_tensor query(struct op_bench *b, const struct shape *s, uint32_t from, uint32_t cols)
{
    dv_tensor q = op_input(b, s->tokens, s->heads * cols);
    for (uint32_t t = 0; t < s->tokens; t++)
        for (uint32_t k = 0; k < s->heads * cols; k++)
            op_row(b, q, t)[k] = (float)((from + t + 1) * (k + 3) * 2654435761u >> 8) / 8388608 - 1;
    return q;
}

/* The second layer, so that its offset in a page counts. */
static dv_tensor attend(struct op_bench *b, const struct shape *s, uint32_t from, float scale)
{
    struct dv_attend_shape shape = { s->heads, s->kv, s->rope, scale };
    b->graph->layer              = 1;
    dv_tensor latent = query(b, s, from, s->kv), rope = query(b, s, from, s->rope);
    dv_tensor y = dv_attend(b->graph, latent, rope, dv_graph_state(b->graph, op_state(b)), &shape);
    return dv_combine(b->graph, y, &shape);
}

/* A score is a sum of kv + rope products, a result one of `position` weighted values; the weights'
 * relative error is the scores' absolute one. Factors in float16 have an error of 2^-12 each on
 * average, which sums carry on as they are. */
static void close_to_reference(const struct shape *s)
{
    struct op_params params = params_of(s);
    struct op_bench  b;
    op_begin(&b, &params);
    dv_tensor y = attend(&b, s, 0, 1 / sqrtf((float)(s->kv + s->rope)));
    op_run(&b);
    uint32_t most      = s->batch ? s->context : s->position + s->tokens;
    double   n         = sqrt(s->kv + s->rope) + sqrt(most);
    bool     matrices  = in_matrices(&b, s);
    double   tolerance = 8 * (n * OP_EPS + (matrices ? sqrt(2) / 4096 : 0));
    op_expect_close(&b, y, tolerance);
    const struct dv_node *node = &b.graph->nodes[0];
    if (matrices)
        op_expect_kernel(&b, node->out.attend.partials, "attend_coop");
    else if (s->batch)
        assert_string_not_equal(b.kernels[node->out.attend.partials], "attend_coop");
    if (node->attend.splits == 1 ||
        (!s->batch && node->attend.splits == s->position / s->split + 1)) /* all are written */
        op_expect_close(&b, node->out.attend.partials, tolerance);
    op_end(&b);
}

/* The last 16 tokens as a pass of their own give the bits that they have in the chunk. */
static void same_bits_in_a_shorter_pass(const struct shape *s)
{
    struct op_params params = params_of(s);
    struct op_bench  chunk, late;
    struct shape     shorter = *s;
    shorter.tokens           = 16;
    shorter.position         = s->position + s->tokens - 16;
    op_begin(&chunk, &params);
    dv_tensor y = attend(&chunk, s, 0, 0.25f);
    op_run(&chunk);
    params.tokens   = shorter.tokens;
    params.position = shorter.position;
    op_begin(&late, &params);
    dv_tensor y1 = attend(&late, &shorter, s->tokens - 16, 0.25f);
    op_run(&late);
    op_expect_same(&chunk, y, s->tokens - 16, &late, y1, 16);
    op_end(&late);
    op_end(&chunk);
}

/* Each token by itself gives the bits that the chunk gives: one workgroup a split or one a row. */
static void same_bits_token_by_token(const struct shape *s)
{
    struct op_params params = params_of(s);
    struct op_bench  chunk, one;
    op_begin(&chunk, &params);
    dv_tensor y = attend(&chunk, s, 0, 0.25f);
    op_run(&chunk);
    uint32_t step = s->tokens > 8 ? 21 + s->tokens / 4 : 1;
    for (uint32_t t = 0; t < s->tokens; t += step) {
        struct shape single = *s;
        params.tokens = single.tokens = 1;
        params.batch                  = false;
        params.position               = chunk.rows[t].position;
        params.timeline               = chunk.rows[t].timeline;
        op_begin(&one, &params);
        dv_tensor y1 = attend(&one, &single, t, 0.25f);
        op_run(&one);
        op_expect_same(&chunk, y, t, &one, y1, 1);
        op_end(&one);
    }
    op_end(&chunk);
}

/* As hardware, every second shape as with few registers. */
void op_test_attend(void **state)
{
    struct dv_caps *caps = &op_device.dev->caps;
    (void)state;
    for (size_t i = op_part.first; i < sizeof shapes / sizeof shapes[0]; i += op_part.step) {
        caps->few_registers = i % 2 == 1;
        close_to_reference(&shapes[i]);
        if (shapes[i].math_f16 && shapes[i].tokens >= 16 && !shapes[i].batch)
            same_bits_in_a_shorter_pass(&shapes[i]);
        else if (shapes[i].tokens > 1)
            same_bits_token_by_token(&shapes[i]);
    }
    caps->few_registers = false;
}
