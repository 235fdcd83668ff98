/* SPDX-License-Identifier: MIT */
/* The life of a device with a kept pipeline cache, with each call and each allocation failing. */
#include "test.h"

#include "cache_driver.h"
#include "modules.h"
#include "support/device.h"
#include "support/fault.h"
#include "support/folder.h"

static struct dv_folder folder;

static const struct dv_pipeline_params scale = { .module     = &module_scale,
                                                 .spec       = { 64, 3 },
                                                 .push_bytes = sizeof(struct scale_push) };

static int make_folder(void **state)
{
    (void)state;
    dv_folder_init(&folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    dv_folder_done(&folder);
    return 0;
}

/* Leaves a file that opening will find. */
static void leave_file(void)
{
    struct test_device  d;
    struct dv_pipeline *pipeline;
    cache_driver.version = 1;
    assert_true(test_device_open(&d));
    cache_driver_play(d.dev);
    assert_int_equal(dv_device_keep_pipelines(d.dev, folder.path), DSVK_OK);
    assert_int_equal(dv_pipeline_get(&pipeline, d.dev, &scale), DSVK_OK);
    assert_true(test_device_close(&d));
    cache_driver.version = 2; /* so that the next one has something to write */
}

/* Opening with a file that is there, a new pipeline, closing. The first failure. */
static dsvk_status whole_life(struct test_device *d, unsigned nth, VkResult result, bool *fired)
{
    dsvk_status         status;
    struct dv_pipeline *pipeline;
    cache_driver_play(d->dev);
    fault_arm(d->dev, nth, result);
    status = dv_device_keep_pipelines(d->dev, folder.path);
    if (status == DSVK_OK)
        status = dv_pipeline_get(&pipeline, d->dev, &scale);
    dv_stream_free(d->stream);
    d->stream = NULL;
    dv_device_free(d->dev); /* saves, with the failing calls still in place */
    d->dev = NULL;
    *fired = fault_fired();
    return status;
}

static void every_call_may_fail(void **state)
{
    static const VkResult results[] = { VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_OUT_OF_DEVICE_MEMORY,
                                        VK_ERROR_DEVICE_LOST, VK_INCOMPLETE };
    (void)state;
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        unsigned nth   = 1;
        bool     fired = true;
        for (; fired && nth < 50; nth++) {
            struct test_device d;
            leave_file();
            assert_true(test_device_open(&d));
            test_device_expect(&d);
            dsvk_status status = whole_life(&d, nth, results[i], &fired);
            bool        saving = strcmp(fault_call(), "vkGetPipelineCacheData") == 0;
            assert_int_equal(status == DSVK_OK, !fired || saving);
            assert_int_equal(test_device_expected(&d), status == DSVK_OK ? 0 : 1);
            assert_true(test_device_close(&d));
        }
        print_message("  %u calls failed in turn\n", nth - 2);
        assert_in_range(nth, 5, 49);
    }
}

static void every_allocation_may_fail(void **state)
{
    size_t at;
    (void)state;
    for (at = 1; at < 400; at++) {
        struct test_device     d = { 0 };
        struct fault_allocator memory;
        uint32_t               index;
        struct dv_pipeline    *pipeline;
        dsvk_allocator         allocator = fault_allocator(&memory, at);
        leave_file();
        test_device_context(&d, &allocator);
        test_device_expect(&d);
        dsvk_status status = dv_instance_new(&d.instance, &d.ctx, false);
        if (status == DSVK_OK)
            status = dv_instance_find(&index, d.instance, getenv("DSVK_TEST_DEVICE"));
        if (status == DSVK_OK)
            status = dv_device_new(&d.dev, d.instance, index);
        if (status == DSVK_OK) {
            cache_driver_play(d.dev);
            status = dv_device_keep_pipelines(d.dev, folder.path);
        }
        if (status == DSVK_OK)
            status = dv_pipeline_get(&pipeline, d.dev, &scale);
        unsigned lines = test_device_expected(&d);
        assert_true(test_device_close(&d));
        assert_int_equal(memory.live, 0);
        assert_int_equal(lines, status == DSVK_OK ? 0 : 1);
        if (!memory.fired)
            break;
        assert_true(status == DSVK_OK || status == DSVK_NO_MEMORY);
    }
    cache_driver.version = 1;
    print_message("  %zu allocations failed in turn\n", at - 1);
    assert_in_range(at, 10, 399);
}

int test_cache_fault(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_may_fail),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("cache fault", tests, make_folder, remove_folder);
}
