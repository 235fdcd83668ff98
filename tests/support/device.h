/* SPDX-License-Identifier: MIT */
/* The device that a test runs on: the best one, or the one that DSVK_TEST_DEVICE names. With
 * DSVK_TEST_VALIDATE=1, or when VK_INSTANCE_LAYERS names the validation layer, its messages
 * count as warnings and errors. */
#ifndef DV_TESTS_SUPPORT_DEVICE_H
#define DV_TESTS_SUPPORT_DEVICE_H

#include "vk/stream.h"

struct test_device {
    struct dv_context   ctx;
    struct dv_instance *instance;
    struct dv_device   *dev;
    struct dv_stream   *stream;
    unsigned            warnings; /* lines since the last test_device_expect */
    unsigned            errors;
    bool                quiet;         /* the next lines are expected: do not print them */
    bool                ignores_layer; /* what the validation layer says is not counted */
    char                line[512];     /* the last one */
};

/* A context whose log counts in `t`; `t` must stay where it is. */
void test_device_context(struct test_device *t, const dsvk_allocator *allocator);
/* Opens all, or leaves everything NULL and says why. */
bool test_device_open(struct test_device *t);
bool test_device_open_instance(struct test_device *t);
/* Frees what is there; returns false when there were unexpected warnings or errors. */
bool test_device_close(struct test_device *t);

/* A group's teardown ends with the former, main with the latter: for cmocka alone a teardown that
 * fails is no failure of the run. */
int test_teardown(bool clean);
int test_result(int failed);

/* Between these two, lines are not printed; the second returns the number of errors, or
 * UINT_MAX when there were warnings, and forgets them. */
void     test_device_expect(struct test_device *t);
unsigned test_device_expected(struct test_device *t);

#endif
