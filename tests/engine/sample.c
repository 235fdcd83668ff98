/* SPDX-License-Identifier: MIT */
/* dv_sample: the cuts keep exactly what they should, the choice follows the probabilities, and the
 * seed and the position determine it. */
#include "engine/sample.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_context.h"

#define N 8
#define DRAWS 20000

/* Probabilities 8/36, 7/36 ... 1/36, not in the order of the ids. */
static const unsigned shares[N] = { 3, 8, 1, 6, 4, 7, 2, 5 };

static struct dv_test_context test;

static void toy_logits(float *logits)
{
    for (unsigned i = 0; i < N; i++)
        logits[i] = logf((float)shares[i]) + 11.5f;
}

static uint32_t draw(const dsvk_sampling *sampling, uint64_t position)
{
    float    logits[N];
    uint32_t token;
    toy_logits(logits);
    assert_int_equal(dv_sample(&token, &test.ctx, logits, N, sampling, position), DSVK_OK);
    assert_true(token < N);
    return token;
}

static void count(unsigned *counts, const dsvk_sampling *sampling)
{
    memset(counts, 0, N * sizeof *counts);
    for (uint64_t position = 0; position < DRAWS; position++)
        counts[draw(sampling, position)]++;
}

/* The counts against weights[i] / sum: 27.9 is the 0.0002 quantile for 7 degrees of freedom, and
 * the draws are the same in every run. Tokens of weight 0 must never be drawn. */
static void expect_distribution(const dsvk_sampling *sampling, const double *weights)
{
    unsigned counts[N];
    double   sum = 0, chi = 0;
    count(counts, sampling);
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

/* The weights shares^power of the `kept` most likely tokens. */
static void expect_cut(const dsvk_sampling *sampling, unsigned kept, double power)
{
    double weights[N];
    for (unsigned i = 0; i < N; i++)
        weights[i] = shares[i] + kept > N ? pow(shares[i], power) : 0;
    expect_distribution(sampling, weights);
}

static void sample_follows_the_probabilities(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++)
        expect_cut(&(dsvk_sampling){ .temperature = 1, .seed = seed }, N, 1);
    expect_cut(&(dsvk_sampling){ .temperature = 0.5f, .seed = 7 }, N, 2);
    expect_cut(&(dsvk_sampling){ .temperature = 2, .seed = 7 }, N, 0.5);
}

/* Seeds that follow each other must not give related draws at one position either. */
static void sample_follows_the_probabilities_over_seeds(void **state)
{
    unsigned counts[N] = { 0 };
    double   chi       = 0;
    (void)state;
    for (uint64_t seed = 0; seed < DRAWS; seed++)
        counts[draw(&(dsvk_sampling){ .temperature = 1, .seed = seed }, 5)]++;
    for (unsigned i = 0; i < N; i++) {
        double expected = DRAWS * shares[i] / 36.0;
        chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    assert_true(chi < 27.9);
}

static void top_k_keeps_that_many(void **state)
{
    (void)state;
    for (uint32_t k = 1; k <= N + 1; k++)
        expect_cut(&(dsvk_sampling){ .temperature = 1, .top_k = k, .seed = k }, k < N ? k : N, 1);
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
                  { 1, 8 },         { 0, 8 } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_cut(&(dsvk_sampling){ .temperature = 1, .top_p = (float)cases[i].p, .seed = i },
                   cases[i].kept, 1);
}

/* min_p is a part of the largest probability, 8/36. */
static void min_p_drops_what_is_far_below_the_best(void **state)
{
    (void)state;
    for (unsigned kept = 1; kept <= N; kept++) {
        float least = ((float)(N - kept) + 0.5f) / N; /* between the shares kept and dropped */
        expect_cut(&(dsvk_sampling){ .temperature = 1, .min_p = least, .seed = kept }, kept, 1);
    }
    expect_cut(&(dsvk_sampling){ .temperature = 1, .min_p = 1 }, 1, 1);
}

/* Temperature first: with 0.5 the shares are squared, of which top_p then keeps its part, of those
 * that top_k left. */
static void cuts_are_made_in_order(void **state)
{
    (void)state;
    /* 64 + 49 of 204 */
    expect_cut(&(dsvk_sampling){ .temperature = 0.5f, .top_p = 113.0f / 204 - 0.01f }, 2, 2);
    expect_cut(&(dsvk_sampling){ .temperature = 0.5f, .top_p = 113.0f / 204 + 0.01f }, 3, 2);
    /* 8 + 7 of the 21 that top_k 3 leaves */
    expect_cut(&(dsvk_sampling){ .temperature = 1, .top_k = 3, .top_p = 0.7f }, 2, 1);
    expect_cut(&(dsvk_sampling){ .temperature = 1, .top_k = 3, .top_p = 0.72f }, 3, 1);
    expect_cut(&(dsvk_sampling){ .temperature = 1, .top_k = 5, .min_p = 0.7f }, 3, 1);
}

static void seed_and_position_determine_the_choice(void **state)
{
    dsvk_sampling sampling = { .temperature = 1, .seed = 42 };
    unsigned      by_seed = 0, by_position = 0;
    (void)state;
    for (uint64_t position = 0; position < 200; position++) {
        dsvk_sampling other = { .temperature = 1, .seed = 43 };
        uint32_t      token = draw(&sampling, position);
        assert_int_equal(draw(&sampling, position), token);
        by_seed += draw(&other, position) != token;
        by_position += draw(&sampling, position + 1) != token;
    }
    assert_in_range(by_seed, 120, 200);
    assert_in_range(by_position, 120, 200);
}

static void temperature_0_takes_the_first_of_the_best(void **state)
{
    float    logits[] = { 1, 3, -2, 3, 2, 0, 0, 0 };
    uint32_t token;
    (void)state;
    assert_int_equal(dv_sample(&token, &test.ctx, logits, N, &(dsvk_sampling){ 0 }, 3), DSVK_OK);
    assert_int_equal(token, 1);
    assert_int_equal(
        dv_sample(&token, &test.ctx, logits, N, &(dsvk_sampling){ .temperature = -1 }, 3), DSVK_OK);
    assert_int_equal(token, 1);
}

static void odd_logits_are_survived(void **state)
{
    const dsvk_sampling sampling = { .temperature = 1, .top_p = 0.9f, .min_p = 0.1f, .seed = 1 };
    (void)state;
    for (uint64_t position = 0; position < 50; position++) {
        float    some[] = { NAN, -INFINITY, 2, NAN, INFINITY, 1, -INFINITY, NAN };
        float    none[] = { NAN, -INFINITY, NAN, NAN, INFINITY, NAN, -INFINITY, NAN };
        float    far[]  = { -3e38f, 3e38f, 0, 0, 0, 0, 0, 0 };
        uint32_t token;
        assert_int_equal(dv_sample(&token, &test.ctx, some, N, &sampling, position), DSVK_OK);
        assert_true(token == 2 || token == 5);
        assert_int_equal(dv_sample(&token, &test.ctx, none, N, &sampling, position), DSVK_OK);
        assert_true(token < N);
        assert_int_equal(dv_sample(&token, &test.ctx, far, N, &sampling, position), DSVK_OK);
        assert_int_equal(token, 1);
    }
}

static void no_memory_is_told(void **state)
{
    float    logits[N];
    uint32_t token;
    (void)state;
    toy_logits(logits);
    dv_test_context_reset(&test);
    test.fail_at = 1;
    assert_int_equal(
        dv_sample(&token, &test.ctx, logits, N, &(dsvk_sampling){ .temperature = 1 }, 0),
        DSVK_NO_MEMORY);
    assert_int_equal(test.errors, 1);
    assert_int_equal(test.live, 0);
    dv_test_context_reset(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_follows_the_probabilities),
        cmocka_unit_test(sample_follows_the_probabilities_over_seeds),
        cmocka_unit_test(top_k_keeps_that_many),
        cmocka_unit_test(top_p_keeps_the_fewest_that_reach_it),
        cmocka_unit_test(min_p_drops_what_is_far_below_the_best),
        cmocka_unit_test(cuts_are_made_in_order),
        cmocka_unit_test(seed_and_position_determine_the_choice),
        cmocka_unit_test(temperature_0_takes_the_first_of_the_best),
        cmocka_unit_test(odd_logits_are_survived),
        cmocka_unit_test(no_memory_is_told),
    };
    dv_test_context_init(&test);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
