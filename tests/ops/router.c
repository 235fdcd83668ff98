/* SPDX-License-Identifier: MIT */
/* router: every rule of choosing, close to the reference, and experts whose logits are no
 * numbers. */
#include "ops/harness.h"

#include <math.h>

/* sigmoid, group_sums, normalise */
#define V3 true, true, true
#define SOFTMAX false, false, false

static const struct shape {
    const char            *name;
    uint32_t               tokens;
    struct dv_router_shape shape; /* experts, top_k, groups, top_k_groups, rule, scale */
    bool                   bias;
    float                  spread;
    float                  step; /* logits are multiples: ties */
} shapes[] = {
    { "softmax, one group", 33, { 64, 6, 1, 1, SOFTMAX, 1.0f }, false, 8, 0 },
    { "groups by their best", 7, { 160, 6, 8, 3, SOFTMAX, 16.0f }, false, 8, 0 },
    { "groups by two, bias", 64, { 256, 8, 8, 4, V3, 2.5f }, true, 4, 0 },
    { "ties take the lowest", 64, { 256, 8, 8, 4, V3, 2.5f }, false, 4, 1 },
    { "everything equal", 3, { 72, 5, 8, 2, true, false, false, 1.0f }, false, 0, 0 },
    { "softmax of equals", 3, { 36, 16, 1, 1, false, false, true, 1.0f }, false, 0, 0 },
    { "not a power of two", 33, { 20, 3, 5, 2, SOFTMAX, 1.0f }, true, 4, 0 },
    { "one expert", 1, { 1, 1, 1, 1, SOFTMAX, 1.0f }, false, 4, 0 },
    { "all experts", 3, { 5, 5, 1, 1, false, false, true, 1.0f }, false, 4, 0 },
    { "more wanted than groups hold", 7, { 16, 6, 8, 2, V3, 1.0f }, true, 4, 0 },
    { "groups of one", 7, { 64, 8, 64, 16, V3, 1.0f }, true, 4, 0 },
    { "the largest", 3, { 512, 16, 64, 8, V3, 2.5f }, true, 4, 0 },
    { "far apart", 3, { 64, 6, 1, 1, SOFTMAX, 1.0f }, false, 80, 0 },
};

/* Two exp, each off by up to 3 + 2|x| units (|x| up to twice the spread, but terms that small do
 * not count beyond 17), a sum of few terms, two divisions. */
static void check(const struct shape *s)
{
    const struct dv_router_shape *shape = &s->shape;
    struct op_bench               b;
    op_begin(&b, &(struct op_params){ .name = s->name, .tokens = s->tokens });
    dv_tensor logits = op_input(&b, s->tokens, shape->experts);
    for (uint32_t t = 0; t < s->tokens; t++)
        for (uint32_t e = 0; e < shape->experts; e++) {
            float *x = &op_row(&b, logits, t)[e];
            *x *= s->spread;
            *x = s->step > 0 ? roundf(*x / s->step) * s->step : *x;
        }
    dv_weight bias = s->bias ? op_vector(&b, "bias", shape->experts) : 0;
    for (uint32_t e = 0; bias && e < shape->experts; e++) /* of both signs */
        op_weight_values(&b, bias)[e] -= 1.0f;
    dv_tensor route = dv_router(b.graph, logits, bias, shape);
    op_run(&b);
    for (uint32_t t = 0; t < s->tokens; t++)
        for (uint32_t i = 0; i < shape->top_k; i++) {
            const uint32_t *got = op_got_words(&b, route, t), *ids = op_words(&b, route, t);
            double          error = 2 * (2 * (3 + 2 * 17) + 20) * OP_EPS;
            double          one   = op_row(&b, route, t)[shape->top_k + i];
            if (got[i] != ids[i])
                fail_msg("%s: token %u: expert %u, expected %u", s->name, t, got[i], ids[i]);
            if (fabs(op_got_row(&b, route, t)[shape->top_k + i] - one) > error * fabs(one) + 1e-30)
                fail_msg("%s: token %u: weight %.9g, expected %.9g", s->name, t,
                         op_got_row(&b, route, t)[shape->top_k + i], one);
        }
    op_end(&b);
}

/* A logit or a bias that is no finite number: its expert is among the chosen, with NaN. */
static void check_not_finite(const struct shape *s, float bad, bool in_bias)
{
    const struct dv_router_shape *shape = &s->shape;
    struct op_bench               b;
    uint32_t                      at = shape->experts * 2 / 3;
    op_begin(&b, &(struct op_params){ .name = s->name, .tokens = s->tokens });
    dv_tensor logits = op_input(&b, s->tokens, shape->experts);
    dv_weight bias   = s->bias ? op_vector(&b, "bias", shape->experts) : 0;
    for (uint32_t t = 0; t < s->tokens && !in_bias; t += 2)
        op_row(&b, logits, t)[at] = bad;
    if (in_bias)
        op_weight_values(&b, bias)[at] = bad;
    dv_tensor route = dv_router(b.graph, logits, bias, shape);
    op_run(&b);
    for (uint32_t t = 0; t < s->tokens; t++)
        for (uint32_t i = 0; i < shape->top_k; i++) {
            uint32_t id  = op_got_words(&b, route, t)[i];
            float    got = op_got_row(&b, route, t)[shape->top_k + i];
            float    one = op_row(&b, route, t)[shape->top_k + i];
            assert_int_equal(id, op_words(&b, route, t)[i]);
            assert_int_equal(isnan(got), isnan(one));
            assert_true(id != at || t % 2 == 1 || isnan(got));
        }
    op_end(&b);
}

void op_test_router(void **state)
{
    (void)state;
    static const float bad[] = { NAN, -NAN, INFINITY, -INFINITY };
    for (size_t i = 0; i < 4; i++) {
        check_not_finite(&shapes[i], bad[i], false);
        check_not_finite(&shapes[i], bad[3 - i], false);
        check_not_finite(&shapes[2], bad[i], true);
        check_not_finite(&shapes[6], bad[i], true);
    }
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check(&shapes[i]);
}
