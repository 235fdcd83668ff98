/* SPDX-License-Identifier: MIT */
/* dv_choose: fixed draws, the same by sorting, shares as probability has them, and the edges. */
#include "tensor/test_choose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/test_context.h"
#include "tensor/choose.h"

#define MOST 4097
#define N 8
#define DRAWS 20000

static struct dv_context      plain;
static struct dv_test_context test;
static struct dv_chooser     *chooser;

static bool try_choose(uint32_t *token, const float *logits, uint32_t n,
                       const struct settings *sampling, uint64_t position)
{
    struct dv_choose_rule rule;
    dv_choose_rule_make(&rule, sampling->temperature, sampling->top_k, sampling->top_p,
                        sampling->min_p, sampling->seed);
    return dv_choose(chooser, token, logits, n, &rule, position);
}

static uint32_t choose(const float *logits, uint32_t n, const struct settings *sampling,
                       uint64_t position)
{
    uint32_t token;
    assert_true(try_choose(&token, logits, n, sampling, position));
    assert_true(token < n);
    return token;
}

static void draws_are_the_fixed_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_choose_vectors; i++) {
        const struct choose_vector *v      = &choose_vectors[i];
        float                      *logits = make_logits(v->n, v->spread, v->seed);
        assert_non_null(logits);
        uint32_t token = choose(logits, v->n, &v->sampling, v->position);
        if (token != v->token)
            fail_msg("vector %zu: token %u, not %u", i, token, v->token);
        free(logits);
    }
}

static uint32_t step(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Few different values, so that there are ties at every cut, or all that a spread has. */
static void sorting_gives_the_same(void **state)
{
    static const float temperatures[] = { 1e-6f, 0.1f, 0.6f, 1, 3, 1e10f };
    static const float tops[]         = { 0, 1e-7f, 0.1f, 0.5f, 0.9f, 0.95f, 0.999999f };
    static const float mins[]         = { 0, 0, 1e-9f, 0.01f, 0.3f, 1 };
    uint32_t           random         = 1;
    (void)state;
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t n      = 1 + step(&random) % (i % 100 ? 300 : MOST);
        float   *logits = make_logits(n, (int)(step(&random) % 8) - 2, i);
        assert_non_null(logits);
        for (uint32_t k = 0; i % 2 && k < n; k++)
            logits[k] = rintf(logits[k]);
        struct settings sampling = { temperatures[step(&random) % 6],
                                     step(&random) % 2 ? step(&random) % n : 0,
                                     tops[step(&random) % 7], mins[step(&random) % 6], i };
        for (uint64_t position = 0; position < 4; position++) {
            uint32_t token = choose(logits, n, &sampling, position);
            uint32_t other = choose_sorted(logits, n, &sampling, position);
            if (token != other)
                fail_msg("case %u, position %u: %u, not %u", i, (unsigned)position, token, other);
        }
        free(logits);
    }
}

/* ---- shares ---- */

/* Probabilities 8/36, 7/36 ... 1/36, not in the order of the ids. */
static const unsigned shares[N] = { 3, 8, 1, 6, 4, 7, 2, 5 };

/* The counts against weights[i] / sum: 27.9 is the 0.0002 quantile for 7 degrees of freedom, and
 * the draws are the same in every run. Tokens of weight 0 must never be drawn. */
static void expect_counts(const unsigned *counts, const double *weights)
{
    double sum = 0, chi = 0;
    for (unsigned i = 0; i < N; i++)
        sum += weights[i];
    for (unsigned i = 0; i < N; i++) {
        double expected = DRAWS * weights[i] / sum;
        if (weights[i] == 0)
            assert_int_equal(counts[i], 0);
        else
            chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    if (!(chi < 27.9))
        fail_msg("chi square %.1f", chi);
}

static void shares_as_logits(float *logits)
{
    for (unsigned i = 0; i < N; i++)
        logits[i] = logf((float)shares[i]) + 11.5f;
}

/* The weights shares^power of the `kept` most likely tokens. */
static void expect_cut(const struct settings *sampling, unsigned kept, double power)
{
    unsigned counts[N] = { 0 };
    double   weights[N];
    float    logits[N];
    shares_as_logits(logits);
    for (uint64_t position = 0; position < DRAWS; position++)
        counts[choose(logits, N, sampling, position)]++;
    for (unsigned i = 0; i < N; i++)
        weights[i] = shares[i] + kept > N ? pow(shares[i], power) : 0;
    expect_counts(counts, weights);
}

static void shares_follow_the_probabilities(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++)
        expect_cut(&(struct settings){ .temperature = 1, .seed = seed }, N, 1);
    expect_cut(&(struct settings){ .temperature = 0.5f, .seed = 7 }, N, 2);
    expect_cut(&(struct settings){ .temperature = 2, .seed = 7 }, N, 0.5);
    expect_cut(&(struct settings){ .temperature = INFINITY, .seed = 7 }, N, 0);
}

/* Seeds that follow each other must not give related draws at one position either. */
static void shares_follow_the_probabilities_over_seeds(void **state)
{
    unsigned counts[N] = { 0 };
    double   weights[N];
    float    logits[N];
    (void)state;
    shares_as_logits(logits);
    for (uint64_t seed = 0; seed < DRAWS; seed++)
        counts[choose(logits, N, &(struct settings){ .temperature = 1, .seed = seed }, 5)]++;
    for (unsigned i = 0; i < N; i++)
        weights[i] = shares[i];
    expect_counts(counts, weights);
}

/* Among many tokens, in eight classes by id, with the exact probabilities of every one. */
static void shares_of_many_follow_the_probabilities(void **state)
{
    unsigned counts[N]  = { 0 };
    double   weights[N] = { 0 };
    float   *logits     = make_logits(4000, 3, 9);
    (void)state;
    assert_non_null(logits);
    for (uint32_t i = 0; i < 4000; i++)
        weights[i % N] += exp((double)logits[i] / 0.7);
    for (uint64_t position = 0; position < DRAWS; position++)
        counts[choose(logits, 4000, &(struct settings){ .temperature = 0.7f }, position) % N]++;
    expect_counts(counts, weights);
    free(logits);
}

static void top_k_keeps_that_many(void **state)
{
    (void)state;
    for (uint32_t k = 1; k <= N; k++)
        expect_cut(&(struct settings){ .temperature = 1, .top_k = k, .seed = k }, k, 1);
    expect_cut(&(struct settings){ .temperature = 1, .top_k = UINT32_MAX }, N, 1);
}

/* The sums of the largest are 8, 15, 21, 26, 30, 33, 35, 36 of 36: the token that reaches top_p is
 * the last one kept. */
static void top_p_keeps_the_fewest_that_reach_it(void **state)
{
    static const struct {
        double   p;
        unsigned kept;
    } cases[] = { { 1e-6, 1 },      { 7.9 / 36, 1 },  { 8.1 / 36, 2 },  { 14.9 / 36, 2 },
                  { 15.1 / 36, 3 }, { 29.9 / 36, 5 }, { 30.1 / 36, 6 }, { 35.1 / 36, 8 },
                  { 1e-40, 1 },     { 1, 8 },         { 0, 8 },         { -1, 8 },
                  { NAN, 8 } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_cut(&(struct settings){ .temperature = 1, .top_p = (float)cases[i].p, .seed = i },
                   cases[i].kept, 1);
}

/* min_p is a part of the largest probability, 8/36. */
static void min_p_drops_what_is_far_below_the_best(void **state)
{
    (void)state;
    for (unsigned kept = 1; kept <= N; kept++) {
        float least = ((float)(N - kept) + 0.5f) / N; /* between the shares kept and dropped */
        expect_cut(&(struct settings){ .temperature = 1, .min_p = least, .seed = kept }, kept, 1);
    }
    expect_cut(&(struct settings){ .temperature = 1, .min_p = 1 }, 1, 1);
    expect_cut(&(struct settings){ .temperature = 1, .min_p = NAN }, N, 1);
}

/* Temperature first: with 0.5 the shares are squared, of which top_p then keeps its part, of those
 * that top_k left. */
static void cuts_are_made_in_order(void **state)
{
    (void)state;
    /* 64 + 49 of 204 */
    expect_cut(&(struct settings){ .temperature = 0.5f, .top_p = 113.0f / 204 - 0.01f }, 2, 2);
    expect_cut(&(struct settings){ .temperature = 0.5f, .top_p = 113.0f / 204 + 0.01f }, 3, 2);
    /* 8 + 7 of the 21 that top_k 3 leaves */
    expect_cut(&(struct settings){ .temperature = 1, .top_k = 3, .top_p = 0.7f }, 2, 1);
    expect_cut(&(struct settings){ .temperature = 1, .top_k = 3, .top_p = 0.72f }, 3, 1);
    expect_cut(&(struct settings){ .temperature = 1, .top_k = 5, .min_p = 0.7f }, 3, 1);
}

/* ---- edges ---- */

/* Bits of the ids that are drawn. */
static unsigned drawn(const float *logits, uint32_t n, const struct settings *sampling)
{
    unsigned seen = 0;
    for (uint64_t position = 0; position < 500; position++)
        seen |= 1u << choose(logits, n, sampling, position);
    return seen;
}

static void equals_are_taken_by_id(void **state)
{
    const float equal[N] = { 2, 2, 2, 2, 2, 2, 2, 2 }, ties[N] = { 1, 3, 2, 2, 3, 2, 2, 0 };
    const float zeros[] = { -0.0f, 0.0f, -1 };
    (void)state;
    for (uint32_t k = 1; k < N; k++)
        assert_int_equal(drawn(equal, N, &(struct settings){ .temperature = 1, .top_k = k }),
                         (1u << k) - 1);
    assert_int_equal(drawn(equal, N, &(struct settings){ .temperature = 1, .top_p = 0.5f }), 0x0F);
    assert_int_equal(drawn(equal, N, &(struct settings){ .temperature = 1, .top_p = 0.51f }), 0x1F);
    assert_int_equal(drawn(equal, N, &(struct settings){ .temperature = 1, .min_p = 1 }), 0xFF);
    assert_int_equal(drawn(ties, N, &(struct settings){ .temperature = 1, .top_k = 3 }), 0x16);
    assert_int_equal(drawn(ties, N, &(struct settings){ .temperature = 1, .top_k = 5 }), 0x3E);
    assert_int_equal(drawn(ties, N, &(struct settings){ .temperature = 1, .min_p = 1 }), 0x12);
    assert_int_equal(drawn(zeros, 3, &(struct settings){ .temperature = 1e-3f }), 3);
}

static void any_range_of_logits_is_taken(void **state)
{
    const struct settings one   = { .temperature = 1 };
    const float           far[] = { -3e38f, 3e38f, 0, 3e38f }, lonely[] = { -3e38f, -1, -2 };
    const float           deep[] = { -3.4e38f, -3.39e38f, -3.4e38f };
    const float           tiny[] = { 0, 1e-45f, 2e-45f, 1e-45f };
    (void)state;
    assert_int_equal(drawn(far, 4, &one), 0xA);
    assert_int_equal(drawn(lonely, 3, &one), 6); /* what is masked by others' great numbers */
    assert_int_equal(drawn(deep, 3, &one), 2);
    assert_int_equal(drawn(tiny, 4, &one), 0xF);
    assert_int_equal(drawn(far, 1, &(struct settings){ 1, 1, 1e-30f, 1, 5 }), 1);
}

/* A temperature so low tells neighbouring floats apart, a high one nothing. */
static void any_temperature_is_taken(void **state)
{
    const float next[] = { 20, nextafterf(20, 21), nextafterf(20, 0), -20 };
    const float low[]  = { -20, nextafterf(-20, 0), nextafterf(-20, -21) };
    const float step[] = { 1e-45f, 0, 0 };
    (void)state;
    assert_int_equal(drawn(next, 4, &(struct settings){ .temperature = 1e-45f }), 2);
    assert_int_equal(drawn(next, 4, &(struct settings){ .temperature = 1e-7f }), 2);
    assert_int_equal(drawn(next, 4, &(struct settings){ .temperature = 1 }), 7);
    assert_int_equal(drawn(next, 4, &(struct settings){ .temperature = INFINITY }), 15);
    assert_int_equal(drawn(low, 3, &(struct settings){ .temperature = 1e-8f }), 2);
    assert_int_equal(drawn(step, 3, &(struct settings){ .temperature = 1e-45f }), 7);
}

static void what_is_not_finite_is_told(void **state)
{
    static const float bad[] = { NAN, -NAN, INFINITY, -INFINITY };
    (void)state;
    for (uint32_t i = 0; i < 4 * N; i++) {
        float    logits[N];
        uint32_t token;
        shares_as_logits(logits);
        logits[i % N] = bad[i / N];
        logits[N - 1] = i % N == N - 2 ? NAN : logits[N - 1]; /* the first one counts */
        assert_false(try_choose(&token, logits, N, &(struct settings){ .temperature = 1 }, 3));
        assert_int_equal(token, i % N);
    }
}

static void memory_is_taken_once(void **state)
{
    struct dv_chooser *other;
    float              logits[N];
    (void)state;
    shares_as_logits(logits);
    for (unsigned at = 1; at <= 2; at++) {
        dv_test_context_reset(&test);
        test.fail_at = at;
        assert_int_equal(dv_chooser_new(&other, &test.ctx, N), DSVK_NO_MEMORY);
        assert_null(other);
        assert_int_equal(test.errors, 1);
        assert_int_equal(test.live, 0);
    }
    dv_test_context_reset(&test);
    assert_int_equal(dv_chooser_new(&other, &test.ctx, N), DSVK_OK);
    dv_chooser_free(other);
    dv_chooser_free(NULL);
    assert_int_equal(test.live, 0);
}

static int make_chooser(void **state)
{
    (void)state;
    dv_test_context_init(&test);
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
        cmocka_unit_test(draws_are_the_fixed_ones),
        cmocka_unit_test(sorting_gives_the_same),
        cmocka_unit_test(shares_follow_the_probabilities),
        cmocka_unit_test(shares_follow_the_probabilities_over_seeds),
        cmocka_unit_test(shares_of_many_follow_the_probabilities),
        cmocka_unit_test(top_k_keeps_that_many),
        cmocka_unit_test(top_p_keeps_the_fewest_that_reach_it),
        cmocka_unit_test(min_p_drops_what_is_far_below_the_best),
        cmocka_unit_test(cuts_are_made_in_order),
        cmocka_unit_test(equals_are_taken_by_id),
        cmocka_unit_test(any_range_of_logits_is_taken),
        cmocka_unit_test(any_temperature_is_taken),
        cmocka_unit_test(what_is_not_finite_is_told),
        cmocka_unit_test(memory_is_taken_once),
    };
    return cmocka_run_group_tests(tests, make_chooser, free_chooser);
}
