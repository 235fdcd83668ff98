/* SPDX-License-Identifier: MIT */
/* attend_heads: close to the reference, the same bits with fewer tokens, and no finite number out
 * of what is none. */
#include <math.h>

#include "kernel/coop.h"
#include "ops/harness.h"

static const struct shape {
    const char *name;
    uint32_t    tokens, heads, nope, rope, v;
    bool        math_f16;
} shapes[] = {
    { "one token", 1, 5, 36, 20, 28, false },
    { "three tokens", 3, 5, 36, 20, 28, false },
    { "seven tokens", 7, 5, 36, 20, 28, false },
    { "one beyond two tiles", 33, 5, 36, 20, 28, false },
    { "whole tiles", 64, 5, 36, 20, 28, false },
    { "many tokens", 200, 5, 36, 20, 28, false },
    { "narrow", 33, 2, 4, 4, 4, false },
    { "deepseek, one token", 1, 2, 128, 64, 128, false },
    { "deepseek", 33, 5, 128, 64, 128, false },
    { "deepseek, long", 200, 2, 128, 64, 128, false },
    { "glm", 64, 5, 192, 64, 256, false },
    { "glm, long", 200, 2, 192, 64, 256, false },
    { "widest", 33, 2, 256, 128, 256, false },
    /* With cooperative matrices where there are some. */
    { "matrices, least tokens", 16, 3, 32, 16, 32, true },
    { "matrices, some", 75, 3, 32, 16, 48, true },
    { "matrices, whole tiles", 128, 2, 48, 16, 16, true },
    { "matrices, deepseek", 200, 2, 128, 64, 128, true },
    { "matrices, glm", 64, 2, 192, 64, 256, true },
    { "too few tokens for matrices", 15, 2, 32, 16, 32, true },
    { "columns for no matrices", 33, 5, 36, 20, 28, true },
};

static struct op_params params_of(const struct shape *s, uint32_t tokens)
{
    return (struct op_params){ .name = s->name, .tokens = tokens, .math_f16 = s->math_f16 };
}

static bool in_matrices(const struct op_bench *b, const struct shape *s)
{
    struct dv_coop_attend_heads shape;
    return s->math_f16 &&
           dv_coop_attend_heads_of(&shape, &op_device.dev->caps, &b->graph->nodes[0], b->p.tokens);
}

/* Filled by token, so that a bench of fewer tokens gets the same beginning. */
static dv_tensor input(struct op_bench *b, uint32_t tokens, uint32_t cols, uint32_t salt)
{
    dv_tensor x = op_input(b, tokens, cols);
    for (uint32_t t = 0; t < tokens; t++)
        for (uint32_t k = 0; k < cols; k++)
            op_row(b, x, t)[k] = (float)((t + 1) * (k + 3 + salt) * 2654435761u >> 8) / 8388608 - 1;
    return x;
}

/* The query is a view of something wider, as after fusion. */
static dv_tensor attend(struct op_bench *b, const struct shape *s, uint32_t tokens, float scale)
{
    struct dv_attend_heads_shape shape  = { s->heads, s->nope, s->rope, s->v, scale };
    uint32_t                     q_cols = s->heads * (s->nope + s->rope);

    struct dv_attend_heads_inputs in = {
        .q      = dv_view_cols(b->graph, input(b, tokens, q_cols + 12, 0), 8, q_cols),
        .q_rope = input(b, tokens, s->heads * s->rope, 100),
        .k_nope = input(b, tokens, s->heads * s->nope, 200),
        .k_rope = input(b, tokens, s->rope, 300),
        .v      = input(b, tokens, s->heads * s->v, 400),
    };
    return dv_attend_heads(b->graph, &in, &shape);
}

/* A score is a sum of nope + rope products, a result one of `tokens` weighted values; the weights'
 * relative error is the scores' absolute one. Factors in float16 have an error of 2^-12 each on
 * average, which sums carry on as they are. */
static void close_to_reference(const struct shape *s)
{
    struct op_params params = params_of(s, s->tokens);
    struct op_bench  b;
    op_begin(&b, &params);
    dv_tensor y = attend(&b, s, s->tokens, 1 / sqrtf((float)(s->nope + s->rope)));
    op_run(&b);
    bool matrices = in_matrices(&b, s);
    op_expect_close(&b, y,
                    8 * ((sqrt(s->nope + s->rope) + sqrt(s->tokens)) * OP_EPS +
                         (matrices ? sqrt(2) / 4096 : 0)));
    if (matrices)
        op_expect_kernel(&b, y, "attend_heads_coop");
    op_end(&b);
}

/* The results of the first tokens do not change when others follow, not even without numbers; in
 * matrices these may reach what is multiplied by a weight of 0. */
static void same_bits_with_fewer_tokens(const struct shape *s, uint32_t fewer)
{
    struct op_params params = params_of(s, s->tokens), first = params_of(s, fewer);
    struct op_bench  all, some;
    op_begin(&all, &params);
    dv_tensor y = attend(&all, s, s->tokens, 0.25f);
    for (uint32_t k = 0; !in_matrices(&all, s) && k < s->heads * s->v; k++)
        op_row(&all, all.graph->nodes[0].in.attend_heads.v, fewer)[k] = NAN;
    op_run(&all);
    op_begin(&some, &first);
    dv_tensor y_some = attend(&some, s, fewer, 0.25f);
    op_run(&some);
    if (in_matrices(&all, s) == in_matrices(&some, s))
        op_expect_same(&all, y, 0, &some, y_some, fewer);
    op_end(&some);
    op_end(&all);
}

/* A query, a key or a value that is no finite number, or that matrices have no float16 for: NaN in
 * the results of its head that see it. */
static void not_finite_stays(const struct shape *s, unsigned input, float value)
{
    struct op_params params = params_of(s, s->tokens);
    struct op_bench  b;
    uint32_t         last = s->tokens - 1;
    op_begin(&b, &params);
    dv_tensor y                                         = attend(&b, s, s->tokens, 0.25f);
    op_row(&b, b.graph->nodes[0].in.at[input], last)[0] = value;
    op_run(&b);
    for (uint32_t k = 0; k < (input == 4 ? 1 : s->v); k++)
        assert_true(isnan(op_got_row(&b, y, last)[k]));
    op_end(&b);
}

void op_test_attend_heads(void **state)
{
    (void)state;
    for (size_t i = op_part.first; i < sizeof shapes / sizeof shapes[0]; i += op_part.step) {
        close_to_reference(&shapes[i]);
        for (unsigned input = 1; input <= 4; input++)
            not_finite_stays(&shapes[i], input, NAN);
        for (uint32_t fewer = 1; fewer < shapes[i].tokens; fewer = 3 * fewer + 2)
            same_bits_with_fewer_tokens(&shapes[i], fewer);
    }
}
