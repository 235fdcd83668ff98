/* SPDX-License-Identifier: MIT */
/* Each failure in turn, until none is left: a status, exactly one error line, nothing leaked. */
#include "test.h"

#include "modules.h"
#include "support/device.h"
#include "support/fault.h"

#define MOST 400 /* more fallible calls than any sweep makes */

static dsvk_status record(struct dv_commands *commands, const struct dv_pipeline *pipeline,
                          const struct dv_buffer *x, const struct dv_buffer *y)
{
    dsvk_status status;
    TRY(dv_commands_begin(commands));
    TRY(dv_commands_timestamp(commands, 2, 0));
    dv_commands_dispatch(commands, pipeline, &(struct scale_push){ x->address, y->address, 64, 1 },
                         1, 1, 1);
    TRY(dv_commands_timestamp(commands, 2, 1));
    dv_commands_barrier_all(commands);
    return dv_commands_end(commands);
}

dsvk_status use_device(struct dv_device *dev)
{
    struct dv_stream         *stream = NULL;
    struct dv_buffer         *x = NULL, *y = NULL;
    struct dv_commands       *commands = NULL;
    struct dv_pipeline       *pipeline;
    struct dv_statistic      *list = NULL;
    dsvk_status               status;
    uint32_t                  n, data[64] = { 1, 2, 3 };
    uint64_t                  value, ns[2];
    struct dv_pipeline_params params = { .module     = &module_scale,
                                         .spec       = { 64, 3 },
                                         .push_bytes = sizeof(struct scale_push) };
    TRY_OR(fail, dv_stream_new(&stream, dev));
    TRY_OR(fail, dv_buffer_new(&x, dev, sizeof data, DV_MEMORY_DEVICE, "x"));
    TRY_OR(fail, dv_buffer_new(&y, dev, sizeof data, DV_MEMORY_READBACK, "y"));
    x->mapped = NULL; /* takes the way through staging memory */
    TRY_OR(fail, dv_stream_upload(stream, x, 0, data, sizeof data));
    TRY_OR(fail, dv_pipeline_get(&pipeline, dev, &params));
    TRY_OR(fail, dv_pipeline_statistics(&list, &n, dev, &params));
    TRY_OR(fail, dv_commands_new(&commands, dev));
    TRY_OR(fail, record(commands, pipeline, x, y));
    TRY_OR(fail, dv_stream_submit(stream, commands, &value));
    TRY_OR(fail, dv_stream_wait(stream, value, 0));
    TRY_OR(fail, dv_commands_read_timestamps(commands, 2, ns));
    TRY_OR(fail, dv_stream_download(stream, data, x, 0, sizeof data));
    if (((uint32_t *)y->mapped)[2] != 10)
        status = DSVK_BAD_ARGUMENT;
fail:
    dv_free(dev->ctx, list);
    dv_commands_free(commands);
    dv_buffer_free(x);
    dv_buffer_free(y);
    dv_stream_free(stream);
    return status;
}

static void sweep(VkResult result, dsvk_status expected)
{
    unsigned nth;
    for (nth = 1; nth < MOST; nth++) {
        struct test_device t;
        assert_true(test_device_open(&t));
        test_device_expect(&t);
        fault_arm(t.dev, nth, result);
        dsvk_status status = use_device(t.dev);
        bool        fired  = fault_fired();
        if (fired && status == DSVK_OK)
            print_error("%s failed unnoticed\n", fault_call());
        assert_int_equal(status, fired ? expected : DSVK_OK);
        if (test_device_expected(&t) != (fired ? 1 : 0))
            fail_msg("%s: not one line", fault_call());
        assert_true(t.dev->lost == (fired && result == VK_ERROR_DEVICE_LOST));
        assert_true(t.dev->bytes_used == 0);
        if (t.dev->lost) { /* for good */
            test_device_expect(&t);
            assert_int_equal(use_device(t.dev), DSVK_DEVICE_LOST);
            assert_int_equal(test_device_expected(&t), 1);
        }
        fault_disarm(t.dev);
        assert_true(test_device_close(&t));
        if (!fired)
            break;
    }
    print_message("  %u calls failed in turn\n", nth - 1);
    assert_in_range(nth, 20, MOST - 1);
}

static void every_call_may_run_out_of_device_memory(void **state)
{
    (void)state;
    sweep(VK_ERROR_OUT_OF_DEVICE_MEMORY, DSVK_NO_VRAM);
}

static void every_call_may_run_out_of_host_memory(void **state)
{
    (void)state;
    sweep(VK_ERROR_OUT_OF_HOST_MEMORY, DSVK_NO_MEMORY);
}

static void every_call_may_lose_the_device(void **state)
{
    (void)state;
    sweep(VK_ERROR_DEVICE_LOST, DSVK_DEVICE_LOST);
}

static void every_allocation_may_fail(void **state)
{
    size_t at;
    (void)state;
    for (at = 1; at < MOST; at++) {
        struct test_device     t = { 0 };
        struct fault_allocator memory;
        uint32_t               index;
        dsvk_allocator         allocator = fault_allocator(&memory, at);
        test_device_context(&t, &allocator);
        test_device_expect(&t);
        dsvk_status status = dv_instance_new(&t.instance, &t.ctx, false);
        if (status == DSVK_OK)
            status = dv_instance_find(&index, t.instance, getenv("DSVK_TEST_DEVICE"));
        if (status == DSVK_OK)
            status = dv_device_new(&t.dev, t.instance, index);
        if (status == DSVK_OK)
            status = use_device(t.dev);
        unsigned lines = test_device_expected(&t);
        assert_true(test_device_close(&t));
        assert_int_equal(memory.live, 0);
        if (!memory.fired) {
            assert_int_equal(status, DSVK_OK);
            break;
        }
        assert_int_equal(status, DSVK_NO_MEMORY);
        assert_int_equal(lines, 1);
    }
    print_message("  %zu allocations failed in turn\n", at - 1);
    assert_in_range(at, 10, MOST - 1);
}

/* An instance and a device with call number nth failing. */
static dsvk_status create_all(struct test_device *t, bool validate, unsigned nth, VkResult result)
{
    uint32_t                  index;
    PFN_vkGetInstanceProcAddr entry = fault_entry(nth, result);
    assert_non_null(entry);
    dsvk_status status = dv_instance_new_with(&t->instance, &t->ctx, validate, entry);
    if (status == DSVK_OK)
        status = dv_instance_find(&index, t->instance, getenv("DSVK_TEST_DEVICE"));
    if (status == DSVK_OK)
        status = dv_device_new(&t->dev, t->instance, index);
    return status;
}

/* What is listed may be missing, so that a driver which does not tell is one without extensions, or
 * without matrix units. */
static bool is_expected(dsvk_status status, VkResult result)
{
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY)
        return status == DSVK_NO_MEMORY;
    bool lists = strstr(fault_call(), "LayerProperties") ||
                 strstr(fault_call(), "nsionProperties") ||
                 strstr(fault_call(), "MatrixProperties");
    return lists ? status == DSVK_OK || status == DSVK_UNSUPPORTED
                 : status == DSVK_NO_DEVICE || status == DSVK_UNSUPPORTED;
}

/* The calls that failed in turn; 0 where there is no validation layer to make one with. */
static unsigned sweep_creation(bool validate, VkResult result)
{
    unsigned nth;
    for (nth = 1; nth < MOST; nth++) {
        struct test_device     t = { 0 };
        struct fault_allocator memory;
        dsvk_allocator         allocator = fault_allocator(&memory, 0);
        test_device_context(&t, &allocator);
        test_device_expect(&t);
        t.ignores_layer    = validate; /* which may be older than the driver, and says so */
        dsvk_status status = create_all(&t, validate, nth, result);
        bool        fired  = fault_fired();
        unsigned    lines  = test_device_expected(&t);
        if ((fired ? !is_expected(status, result) : status != DSVK_OK && !validate) ||
            lines != (status == DSVK_OK ? 0 : 1))
            fail_msg("%s, VkResult %d: status %d, %u lines", fault_call(), (int)result, (int)status,
                     lines);
        assert_true(test_device_close(&t));
        assert_int_equal(memory.live, 0);
        if (!fired)
            return status == DSVK_OK ? nth - 1 : 0;
    }
    fail_msg("no end");
    return 0;
}

static void every_call_of_creation_may_fail(void **state)
{
    static const VkResult results[] = { VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_INITIALIZATION_FAILED,
                                        (VkResult)-7777 };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof results / sizeof *results; i++) {
        unsigned calls = sweep_creation(i % 2, results[i / 2]);
        print_message("  VkResult %d%s: %u calls of creation failed in turn\n", (int)results[i / 2],
                      i % 2 ? ", with validation" : "", calls);
        assert_true(calls >= 8 || (i % 2 && calls == 0));
    }
}

int test_fault(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_of_creation_may_fail),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(every_call_may_run_out_of_device_memory),
        cmocka_unit_test(every_call_may_run_out_of_host_memory),
        cmocka_unit_test(every_call_may_lose_the_device),
    };
    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
