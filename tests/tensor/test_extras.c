/* SPDX-License-Identifier: MIT */
/* dv_choose with extras: penalties, biases and masks change the choice as probability has it, as a
 * second implementation has it, and greedy choices too. */
#include "tensor/test_choose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 4097
#define N 8
#define DRAWS 20000

static struct dv_context  plain;
static struct dv_chooser *chooser;

static uint32_t step(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* ---- against the second implementation ---- */

struct arrays {
    int32_t  bias[MOST];
    uint32_t counts[MOST], mask[MOST / 32 + 1];
};

static void fill_arrays(struct arrays *a, uint32_t n, uint32_t *random,
                        const struct dv_choose_rule *rule)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t any    = step(random);
        float    bias   = (float)(int32_t)(step(random) % 2001) - 1000;
        uint32_t all    = any % 4 ? 0 : 1 + step(random) % (any % 64 ? 9 : 65535);
        uint32_t answer = all ? step(random) % (all + 1) : 0;
        a->bias[i]      = any / 4 % 8 ? 0 : dv_choose_bias(rule, bias / (any % 3 ? 100 : 1));
        a->bias[i]      = any / 32 % 64 ? a->bias[i] : dv_choose_bias(rule, -INFINITY);
        a->counts[i]    = all + DV_COUNT_ANSWER * answer;
    }
    for (uint32_t i = 0; i <= n / 32; i++)
        a->mask[i] = step(random) << 8 ^ step(random);
    a->mask[0] |= 1;
    a->bias[0] = 0;
}

static void make_random_rule(struct dv_choose_rule *rule, struct dv_choose_extras *x, uint32_t n,
                             struct arrays *arrays, uint32_t *random)
{
    static const float temperatures[] = { 0, 1e-6f, 0.1f, 0.6f, 1, 3, 100, 1e10f };
    static const float tops[]         = { 0, 0.1f, 0.5f, 0.9f, 0.95f };
    static const float repeats[]      = { 0, 1, 1.1f, 1.5f, 0.8f, 100, 0.01f };
    static const float others[]       = { 0, 0.3f, -0.5f, 2, -2, 1 };

    float    temperature = temperatures[step(random) % 8];
    uint32_t top_k       = step(random) % 2 ? step(random) % n : 0;
    if (temperature > 0)
        dv_choose_rule_make(rule, temperature, top_k, tops[step(random) % 5],
                            step(random) % 4 ? 0 : 0.02f, step(random));
    else
        dv_choose_rule_greedy(rule);
    dv_choose_extras_make(x, rule, repeats[step(random) % 7], others[step(random) % 6],
                          others[step(random) % 6]);
    fill_arrays(arrays, n, random, rule);
    x->bias      = step(random) % 4 ? arrays->bias : NULL;
    x->counts    = step(random) % 4 ? arrays->counts : NULL;
    x->mask      = step(random) % 4 ? NULL : arrays->mask;
    rule->extras = x;
}

static uint32_t greatest(const float *logits, uint32_t n, const struct dv_choose_rule *rule)
{
    int64_t  value, most = INT64_MIN;
    uint32_t best = n;
    for (uint32_t i = 0; i < n; i++)
        if (change_logit(&value, logits[i], i, rule) && value > most) {
            most = value;
            best = i;
        }
    return best;
}

static void sorting_gives_the_same(void **state)
{
    struct arrays *arrays = calloc(1, sizeof *arrays);
    uint32_t       random = 5, changed = 0;
    (void)state;
    assert_non_null(arrays);
    for (uint32_t i = 0; i < 3000; i++) {
        struct dv_choose_rule   rule, bare;
        struct dv_choose_extras extras;
        uint32_t                n = 1 + step(&random) % (i % 100 ? 300 : MOST), token, other;
        float *logits             = make_logits(n, i % 97 ? (int)(step(&random) % 8) - 2 : 100, i);
        assert_non_null(logits);
        make_random_rule(&rule, &extras, n, arrays, &random);
        for (uint64_t position = 0; position < 3; position++) {
            assert_true(dv_choose(chooser, &token, logits, n, &rule, position));
            other = rule.factor ? choose_sorted_by(logits, n, &rule, position)
                                : greatest(logits, n, &rule);
            if (token != other)
                fail_msg("case %u, position %u: %u, not %u", i, (unsigned)position, token, other);
            bare        = rule;
            bare.extras = NULL;
            if (rule.factor && dv_choose(chooser, &other, logits, n, &bare, position))
                changed += token != other;
        }
        free(logits);
    }
    assert_true(changed > 3000);
    free(arrays);
}

/* ---- against probabilities ---- */

/* Eight tokens with every kind of change, and what doubles make of them. */
struct shares {
    float    logits[N];
    int32_t  bias[N];
    uint32_t counts[N], mask;
    double   weights[N];
};

static void make_shares(struct shares *s, struct dv_choose_rule *rule, struct dv_choose_extras *x,
                        double t)
{
    static const float    logits[N] = { 1.5f, -0.75f, 2.25f, 0.5f, -1.25f, 1, 2, 0.25f };
    static const float    biases[N] = { 0, 1.5f, 0, -0.5f, 0, 0, -INFINITY, 0 };
    static const unsigned all[N]    = { 0, 2, 3, 0, 1, 0, 1, 5 },
                          answer[N] = { 0, 1, 3, 0, 0, 0, 1, 0 };
    dv_choose_rule_make(rule, (float)t, 0, 0, 0, 11);
    dv_choose_extras_make(x, rule, 1.3f, 0.4f, 0.25f);
    for (unsigned i = 0; i < N; i++) {
        double value = (double)logits[i] + (double)biases[i];
        value        = all[i] == 0 ? value : value > 0 ? value / 1.3 : value * 1.3;
        value -= answer[i] ? 0.4 + 0.25 * answer[i] : 0;
        s->logits[i]  = logits[i];
        s->bias[i]    = dv_choose_bias(rule, biases[i]);
        s->counts[i]  = all[i] + DV_COUNT_ANSWER * answer[i];
        s->weights[i] = i == 5 ? 0 : exp(value / t);
    }
    s->mask      = 0xFFu & ~(1u << 5);
    x->bias      = s->bias;
    x->counts    = s->counts;
    x->mask      = &s->mask;
    rule->extras = x;
}

/* 27.9 is the 0.0002 quantile for 7 degrees of freedom; the draws are the same in every run. */
static void shares_follow_the_probabilities(void **state)
{
    static const double temperatures[] = { 0.5, 0.7, 1, 2.5 };
    (void)state;
    for (size_t k = 0; k < sizeof temperatures / sizeof *temperatures; k++) {
        struct shares           s;
        struct dv_choose_rule   rule;
        struct dv_choose_extras x;
        unsigned                counts[N] = { 0 };
        double                  sum = 0, chi = 0;
        uint32_t                token;
        make_shares(&s, &rule, &x, temperatures[k]);
        for (uint64_t position = 0; position < DRAWS; position++) {
            assert_true(dv_choose(chooser, &token, s.logits, N, &rule, position));
            counts[token]++;
        }
        for (unsigned i = 0; i < N; i++)
            sum += s.weights[i];
        for (unsigned i = 0; i < N; i++) {
            double expected = DRAWS * s.weights[i] / sum;
            if (s.weights[i] > 0)
                chi += (counts[i] - expected) * (counts[i] - expected) / expected;
            else
                assert_int_equal(counts[i], 0);
        }
        if (!(chi < 27.9))
            fail_msg("temperature %g: chi square %.1f", temperatures[k], chi);
    }
}

/* What a choice weighs is what doubles say, to the unit of the fixed point. */
static void values_are_those_of_doubles(void **state)
{
    struct shares           s;
    struct dv_choose_rule   rule;
    struct dv_choose_extras x;
    (void)state;
    make_shares(&s, &rule, &x, 1);
    for (uint32_t i = 0; i < N; i++) {
        int64_t value;
        bool    in = change_logit(&value, s.logits[i], i, &rule);
        assert_int_equal(in, s.weights[i] > 0);
        if (in && fabs(ldexp((double)value, -19) - log(s.weights[i])) > 1e-5)
            fail_msg("token %u: %g, not %g", i, ldexp((double)value, -19), log(s.weights[i]));
    }
}

/* ---- greedy, and edges ---- */

static uint32_t best_of(const float *logits, const struct dv_choose_extras *x)
{
    uint32_t              token;
    struct dv_choose_rule rule;
    dv_choose_rule_greedy(&rule);
    rule.extras = x;
    assert_true(dv_choose(chooser, &token, logits, N, &rule, 3));
    return token;
}

static void greedy_choices_honour_them(void **state)
{
    const float             logits[N] = { 3, 2.5f, 2.5f, -1, 2, 1, 0, -3 };
    int32_t                 bias[N]   = { 0 };
    uint32_t                counts[N] = { 0 }, mask = 0xFF;
    struct dv_choose_rule   rule;
    struct dv_choose_extras x;
    (void)state;
    dv_choose_rule_greedy(&rule);
    dv_choose_extras_make(&x, &rule, 1.5f, 0.75f, 0.5f);
    x.bias   = bias;
    x.counts = counts;
    x.mask   = &mask;
    assert_int_equal(best_of(logits, &x), 0);
    counts[0] = 1; /* 3 / 1.5 = 2 */
    assert_int_equal(best_of(logits, &x), 1);
    counts[0] = 0;
    counts[1] = 1 + DV_COUNT_ANSWER;
    mask      = 0xFE;
    assert_int_equal(best_of(logits, &x), 2);
    bias[7] = dv_choose_bias(&rule, 5.5f); /* a tie with 2 */
    assert_int_equal(best_of(logits, &x), 2);
    bias[7]++;
    assert_int_equal(best_of(logits, &x), 7);
    bias[7] = dv_choose_bias(&rule, -INFINITY);
    bias[2] = bias[7];
    assert_int_equal(best_of(logits, &x), 4);
}

static void none_at_all_is_told(void **state)
{
    const float             logits[N] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    struct dv_choose_rule   rule;
    struct dv_choose_extras x;
    uint32_t                mask = ~0xFFu, token;
    (void)state;
    for (int greedy = 0; greedy < 2; greedy++) {
        if (greedy)
            dv_choose_rule_greedy(&rule);
        else
            dv_choose_rule_make(&rule, 1, 0, 0, 0, 1);
        dv_choose_extras_make(&x, &rule, 0, 0, 0);
        x.mask      = &mask;
        rule.extras = &x;
        mask        = ~0xFFu;
        assert_false(dv_choose(chooser, &token, logits, N, &rule, 0));
        assert_int_equal(token, N);
        mask = 1u << 3;
        assert_true(dv_choose(chooser, &token, logits, N, &rule, 0));
        assert_int_equal(token, 3);
    }
}

/* Extras that change nothing draw as none do, as long as logits are in their range. */
static void nothing_is_changed_by_none(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        struct dv_choose_rule   rule;
        struct dv_choose_extras x;
        uint32_t                token, other, n = 500;
        float                  *logits = make_logits(n, 4, i);
        assert_non_null(logits);
        for (uint32_t k = 0; k < n; k++) /* no bit of which either form cuts off */
            logits[k] = ldexpf(rintf(ldexpf(logits[k], 12)), -12);
        dv_choose_rule_make(&rule, 0.7f, 40, 0.9f, 0, i);
        assert_true(dv_choose(chooser, &other, logits, n, &rule, i));
        dv_choose_extras_make(&x, &rule, 1, 0, 0);
        rule.extras = &x;
        assert_true(dv_choose(chooser, &token, logits, n, &rule, i));
        assert_int_equal(token, other);
        free(logits);
    }
}

static int make_chooser(void **state)
{
    (void)state;
    dv_context_init(&plain, NULL, NULL);
    return dv_chooser_new(&chooser, &plain, MOST) == DSVK_OK ? 0 : -1;
}

static int free_chooser(void **state)
{
    (void)state;
    dv_chooser_free(chooser);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorting_gives_the_same),
        cmocka_unit_test(shares_follow_the_probabilities),
        cmocka_unit_test(values_are_those_of_doubles),
        cmocka_unit_test(greedy_choices_honour_them),
        cmocka_unit_test(none_at_all_is_told),
        cmocka_unit_test(nothing_is_changed_by_none),
    };
    return cmocka_run_group_tests(tests, make_chooser, free_chooser);
}
