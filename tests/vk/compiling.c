/* SPDX-License-Identifier: MIT */
/* Compiling that takes long is told, and can be cancelled. */
#include "test.h"

#include "modules.h"
#include "support/device.h"

static struct test_device t;

static int open_device(void **state)
{
    (void)state;
    return test_device_open(&t) ? 0 : -1;
}

static int close_device(void **state)
{
    (void)state;
    return test_teardown(test_device_close(&t));
}

#define N_BATCH 9

/* Each twice but the last; `first` keeps batches apart. */
static void fill_batch(struct dv_pipeline_params params[N_BATCH], uint32_t first)
{
    for (uint32_t i = 0; i < N_BATCH; i++)
        params[i] = (struct dv_pipeline_params){ .module     = &module_scale,
                                                 .spec       = { 64, first + i / 2 },
                                                 .push_bytes = sizeof(struct scale_push) };
}

static uint32_t count_pipelines(void)
{
    uint32_t n = 0;
    for (const struct dv_pipeline *p = t.dev->pipelines; p; p = p->next)
        n++;
    return n;
}

struct told {
    unsigned calls, cancel_at; /* from 1; 0: never */
    uint64_t done, total;
};

static bool tell(void *user, uint64_t done, uint64_t total)
{
    struct told *told = user;
    assert_true(done >= told->done && done <= total);
    told->done  = done;
    told->total = total;
    return ++told->calls != told->cancel_at;
}

static void compiling_is_told_and_can_be_cancelled(void **state)
{
    struct dv_pipeline_params params[N_BATCH];
    struct told               told = { .cancel_at = 1 };
    bool                      late = t.dev->caps.compiles_late;
    (void)state;
    t.dev->caps.compiles_late = false;
    fill_batch(params, 300000);
    uint32_t before = count_pipelines(), n = N_BATCH / 2 + 1;
    test_device_expect(&t);
    assert_int_equal(dv_pipeline_make_all(t.dev, params, sizeof *params, N_BATCH,
                                          &(dsvk_progress){ .report = tell, .user = &told }),
                     DSVK_CANCELLED);
    assert_int_equal(test_device_expected(&t), 0); /* somebody asked for it */
    assert_int_equal(told.done, 0);
    assert_int_equal(count_pipelines(), before);
    told = (struct told){ 0 };
    assert_int_equal(dv_pipeline_make_all(t.dev, params, sizeof *params, N_BATCH,
                                          &(dsvk_progress){ .report = tell, .user = &told }),
                     DSVK_OK);
    assert_true(told.done == n && told.total == n && told.calls >= 2);
    assert_int_equal(count_pipelines(), before + n);
    told = (struct told){ 0 };
    assert_int_equal(dv_pipeline_make_all(t.dev, params, sizeof *params, N_BATCH,
                                          &(dsvk_progress){ .report = tell, .user = &told }),
                     DSVK_OK);
    assert_int_equal(told.calls, 0); /* there is nothing to compile */
    t.dev->caps.compiles_late = late;
}

/* On a driver that compiles at the first dispatch, whether this is one or not. */
static void late_compiling_is_told_and_can_be_cancelled(void **state)
{
    struct dv_pipeline_params params[N_BATCH];
    struct told               told     = { .cancel_at = 2 };
    dsvk_progress             progress = { .report = tell, .user = &told };
    struct dv_stream         *stream;
    uint32_t                  n    = N_BATCH / 2 + 1;
    bool                      late = t.dev->caps.compiles_late;
    (void)state;
    fill_batch(params, 400000);
    assert_int_equal(dv_stream_new(&stream, t.dev), DSVK_OK);
    t.dev->caps.compiles_late = true;
    assert_int_equal(dv_pipeline_make_all(t.dev, params, sizeof *params, N_BATCH, &progress),
                     DSVK_OK);
    assert_int_equal(told.calls, 0);
    test_device_expect(&t);
    assert_int_equal(dv_pipeline_warm_all(stream, params, sizeof *params, N_BATCH, &progress),
                     DSVK_CANCELLED);
    assert_int_equal(test_device_expected(&t), 0); /* somebody asked for it */
    assert_int_equal(stream->completed, stream->submitted);
    told = (struct told){ 0 };
    assert_int_equal(dv_pipeline_warm_all(stream, params, sizeof *params, N_BATCH, &progress),
                     DSVK_OK);
    assert_true(told.done == n - 1 && told.total == n - 1); /* the first stayed */
    told = (struct told){ 0 };
    assert_int_equal(dv_pipeline_warm_all(stream, params, sizeof *params, N_BATCH, &progress),
                     DSVK_OK);
    assert_int_equal(told.calls, 0);
    t.dev->caps.compiles_late = late;
    dv_stream_free(stream);
}

int test_compiling(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compiling_is_told_and_can_be_cancelled),
        cmocka_unit_test(late_compiling_is_told_and_can_be_cancelled),
    };
    return cmocka_run_group_tests_name("compiling", tests, open_device, close_device);
}
