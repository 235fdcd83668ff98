/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "graph/build.h"
#include "ops/harness.h"

static const struct shape {
    const char          *name;
    uint32_t             tokens, position, split, context, heads, kv, rope;
    enum dv_cache_format format;
} shapes[] = {
    { "first token", 1, 0, 64, 64, 16, 512, 64, DV_CACHE_BF16 },
    { "last of a page", 1, 63, 64, 256, 5, 72, 20, DV_CACHE_F32 },
    { "first of a page", 1, 64, 64, 256, 5, 72, 20, DV_CACHE_BF16 },
    { "second of a page", 1, 65, 64, 256, 5, 72, 20, DV_CACHE_FP8 },
    { "across a page", 3, 62, 128, 256, 5, 64, 16, DV_CACHE_F32 },
    { "across a split", 3, 127, 128, 256, 16, 64, 16, DV_CACHE_FP8 },
    { "across a split, few heads", 3, 62, 64, 256, 5, 64, 16, DV_CACHE_F32 },
    { "heads that overlap", 9, 120, 64, 256, 17, 36, 8, DV_CACHE_BF16 },
    { "one head", 1, 100, 64, 128, 1, 36, 4, DV_CACHE_F32 },
    { "many tokens", 64, 30, 64, 256, 5, 72, 20, DV_CACHE_BF16 },
    { "many tokens from 0 on", 64, 0, 64, 64, 16, 64, 16, DV_CACHE_F32 },
    { "odd tokens", 7, 190, 128, 256, 3, 200, 36, DV_CACHE_FP8 },
    { "wide", 2, 70, 64, 128, 20, 1024, 128, DV_CACHE_BF16 },
    /* So many workgroups that on hardware each takes more heads, or several tokens. */
    { "pairs of heads", 130, 20, 64, 256, 64, 36, 4, DV_CACHE_F32 },
    { "pairs of heads, few tokens", 4, 500, 64, 1024, 128, 36, 4, DV_CACHE_BF16 },
    { "pairs of tokens", 1030, 0, 128, 1088, 3, 20, 8, DV_CACHE_F32 },
    { "pairs of tokens, few of them", 4, 63, 64, 2048, 40, 36, 4, DV_CACHE_FP8 },
    { "deepseek, long", 1, 999, 128, 1024, 16, 512, 64, DV_CACHE_FP8 },
    { "deepseek, wide splits", 2, 599, 256, 1024, 16, 512, 64, DV_CACHE_F32 },
    { "deepseek, long, chunk", 5, 995, 128, 1024, 16, 512, 64, DV_CACHE_BF16 },
};

static struct op_params params_of(const struct shape *s)
{
    return (struct op_params){ .name = s->name, .tokens = s->tokens, .position = s->position,
        .split = s->split, .context = s->context, .cache_format = s->format, .kv = s->kv,
        .rope = s->rope, .layers = 2 };
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
    b->graph->layer = 1;
    dv_tensor latent = query(b, s, from, s->kv), rope = query(b, s, from, s->rope);
    dv_tensor y = dv_attend(b->graph, latent, rope, dv_graph_state(b->graph), &shape);
    b->random = 1; /* the same cache, whatever was drawn for the query */
    return dv_combine(b->graph, y, &shape);
}

/* A score is a sum of kv + rope products, a result one of `position` weighted values; the weights'
 * relative error is the scores' absolute one. */
static void close_to_reference(const struct shape *s)
{
    struct op_params params = params_of(s);
    struct op_bench  b;
    op_begin(&b, &params);
    dv_tensor y = attend(&b, s, 0, 1 / sqrtf((float)(s->kv + s->rope)));
    op_run(&b);
    double n = sqrt(s->kv + s->rope) + sqrt(s->position + s->tokens);
    op_expect_close(&b, y, 8 * n * OP_EPS);
    const struct dv_node *node = &b.graph->nodes[0];
    if (node->splits == 1 || node->splits == s->position / s->split + 1) /* all are written */
        op_expect_close(&b, node->out[0], 8 * n * OP_EPS);
    op_end(&b);
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
        params.position = s->position + t;
        op_begin(&one, &params);
        dv_tensor y1 = attend(&one, &single, t, 0.25f);
        op_run(&one);
        op_expect_same(&chunk, y, t, &one, y1, 1);
        op_end(&one);
    }
    op_end(&chunk);
}

void op_test_attend(void **state)
{
    (void)state;
    for (size_t i = op_part.first; i < sizeof shapes / sizeof shapes[0]; i += op_part.step) {
        close_to_reference(&shapes[i]);
        if (shapes[i].tokens > 1)
            same_bits_token_by_token(&shapes[i]);
    }
}
