/* SPDX-License-Identifier: MIT */
/* dv_choose_log_sum against doubles, within what choose.h says, and dv_choose_best. */
#include "tensor/test_choose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MOST 163840

static struct dv_context  plain;
static struct dv_chooser *chooser;

static double exact(const float *logits, uint32_t n)
{
    double sum = 0, most = -INFINITY;
    for (uint32_t i = 0; i < n; i++)
        most = fmax(most, (double)logits[i]);
    for (uint32_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - most);
    return most + log(sum);
}

static void expect_near(const float *logits, uint32_t n, double tolerance)
{
    double got = dv_choose_log_sum(chooser, logits, n), wanted = exact(logits, n);
    if (!(fabs(got - wanted) <= tolerance))
        fail_msg("%u logits: %.9f, not %.9f", n, got, wanted);
}

/* Few and many, of spreads up to 2^6; then all tokens but one just inside and outside of what is
 * left out, as far from exact as can be. */
static void sums_are_those_of_doubles(void **state)
{
    static const uint32_t counts[] = { 1, 2, 37, 1000, 4097, MOST };
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (int spread = -6; spread < 7; spread++) {
            float *logits = make_logits(counts[i], spread, (uint32_t)i + 1);
            assert_non_null(logits);
            expect_near(logits, counts[i], 2e-6);
            free(logits);
        }
    float *logits = calloc(MOST, sizeof *logits);
    assert_non_null(logits);
    for (float down = -10; down > -24; down -= 0.25f) {
        for (uint32_t i = 0; i < MOST; i++)
            logits[i] = i == 777 ? 12.5f : 12.5f + down;
        expect_near(logits, MOST, 5e-4);
    }
    logits[5] = NAN;
    assert_true(isnan(dv_choose_log_sum(chooser, logits, MOST)));
    logits[5] = INFINITY;
    assert_true(isnan(dv_choose_log_sum(chooser, logits, MOST)));
    free(logits);
}

static void the_best_come_in_order(void **state)
{
    static const float few[] = { 1, 5, -2, 5, 9, 1, 0.0f, -0.0f };
    uint32_t           ids[20];
    (void)state;
    dv_choose_best(ids, 8, few, 8);
    static const uint32_t order[] = { 4, 1, 3, 0, 5, 6, 7, 2 };
    assert_memory_equal(ids, order, sizeof order);
    ids[0] = 99;
    dv_choose_best(ids, 0, few, 8);
    assert_int_equal(ids[0], 99);
    float *logits = make_logits(MOST, 3, 5);
    assert_non_null(logits);
    for (uint32_t most = 1; most <= 20; most += 19) {
        dv_choose_best(ids, most, logits, MOST);
        uint32_t above = 0;
        for (uint32_t i = 0; i < MOST; i++)
            above += logits[i] > logits[ids[most - 1]] ||
                     (logits[i] == logits[ids[most - 1]] && i < ids[most - 1]);
        assert_int_equal(above, most - 1);
        for (uint32_t k = 1; k < most; k++)
            assert_true(logits[ids[k]] < logits[ids[k - 1]] || ids[k] > ids[k - 1]);
    }
    free(logits);
}

static int setup(void **state)
{
    (void)state;
    dv_context_init(&plain, NULL, NULL);
    return dv_chooser_new(&chooser, &plain, MOST) == DSVK_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    dv_chooser_free(chooser);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_doubles),
        cmocka_unit_test(the_best_come_in_order),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
