/* SPDX-License-Identifier: MIT */
/* How many slices a pass gets, and where it is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/slices.h"

static void slices_follow_the_time(void **state)
{
    (void)state;
    assert_int_equal(dv_slices_wanted(1, 0, 100, true), 1);
    assert_int_equal(dv_slices_wanted(1, 100, 100, true), 1);
    assert_int_equal(dv_slices_wanted(1, 101, 100, true), 2);
    assert_int_equal(dv_slices_wanted(1, 1000, 100, true), 10);
    assert_int_equal(dv_slices_wanted(1, UINT64_MAX / 2, 1, true), UINT32_MAX);
    /* A little more or less changes nothing. */
    assert_int_equal(dv_slices_wanted(8, 1000, 100, true), 8);
    assert_int_equal(dv_slices_wanted(8, 1001, 100, true), 11);
    assert_int_equal(dv_slices_wanted(10, 601, 100, true), 10);
    assert_int_equal(dv_slices_wanted(10, 600, 100, true), 6);
    assert_int_equal(dv_slices_wanted(10, 0, 100, true), 1);
    assert_int_equal(dv_slices_wanted(2, 70, 100, true), 2);
    assert_int_equal(dv_slices_wanted(2, 60, 100, true), 1);
    assert_int_equal(dv_slices_wanted(10, 0, 100, false), 10);
}

/* Noise of any kind ends in a fixed number: from the fewest to the most and back, few times. */
static void growing_alone_ends(void **state)
{
    uint32_t n = 1, steps = 0;
    (void)state;
    for (uint64_t ns = 0; ns < 549; ns++) {
        uint32_t wanted = dv_slices_wanted(n, ns, 1, false);
        steps += wanted != n;
        n = wanted;
    }
    assert_true(n > 400 && n < 549);
    assert_true(steps < 30);
}

/* What is long is waited for before the next one is queued. */
static void two_slices_are_queued_at_most(void **state)
{
    uint64_t         took[4] = { 40, 60, 70, 10 };
    struct dv_slices s       = { .took = took, .n = 4 };
    (void)state;
    assert_true(dv_slices_may_queue(&s, 0, 100));
    assert_true(dv_slices_may_queue(&s, 1, 100));
    assert_false(dv_slices_may_queue(&s, 2, 100));
    assert_true(dv_slices_may_queue(&s, 3, 100));
    assert_true(dv_slices_may_queue(&s, 2, 0)); /* never cut */
    took[2] = 0;                                /* not known */
    assert_false(dv_slices_may_queue(&s, 2, 100));
    assert_false(dv_slices_may_queue(&s, 3, 100));
}

static uint32_t cut(uint32_t *ends, const uint64_t *costs, uint32_t n, uint32_t slices)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < slices; i++) {
        ends[i] = done += dv_slices_first(costs + done, n - done, slices - i);
        assert_true(ends[i] > (i ? ends[i - 1] : 0));
    }
    return done;
}

static void slices_cost_about_the_same(void **state)
{
    static const uint64_t even[12]  = { 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5 };
    static const uint64_t heavy[12] = { 1, 1, 1, 1, 100, 1, 1, 1, 1, 1, 1, 1 };
    uint32_t              ends[12];
    (void)state;
    assert_int_equal(cut(ends, even, 12, 1), 12);
    assert_int_equal(cut(ends, even, 12, 3), 12);
    assert_int_equal(ends[0], 4);
    assert_int_equal(ends[1], 8);
    assert_int_equal(cut(ends, even, 12, 12), 12);
    /* The heavy one stands alone, but for what is cheap before it. */
    assert_int_equal(cut(ends, heavy, 12, 3), 12);
    assert_int_equal(ends[0], 4);
    assert_int_equal(ends[1], 5);
    assert_int_equal(cut(ends, heavy, 12, 11), 12);
    for (uint32_t slices = 1; slices <= 12; slices++)
        assert_int_equal(cut(ends, heavy, 12, slices), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_follow_the_time),
        cmocka_unit_test(growing_alone_ends),
        cmocka_unit_test(two_slices_are_queued_at_most),
        cmocka_unit_test(slices_cost_about_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
