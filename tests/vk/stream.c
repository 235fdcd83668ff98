/* SPDX-License-Identifier: MIT */
/* Transfers and waiting: exact bytes with and without staging, and devices that answer too late
 * or never. */
#include "test.h"

#include "modules.h"
#include "support/device.h"

#define BIG (((size_t)33 << 20) + 12345) /* three pieces of staging memory, the last one odd */

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

static void check_transfers(bool staged)
{
    struct dv_buffer *buffer;
    unsigned char    *from = malloc(BIG), *to = calloc(1, BIG);
    const void       *seen;
    assert_true(from && to);
    for (size_t i = 0; i < BIG; i++)
        from[i] = (unsigned char)(i * 31 + (i >> 9));
    assert_int_equal(dv_buffer_new(&buffer, t.dev, BIG + 10, DV_MEMORY_DEVICE, "big"), DSVK_OK);
    if (staged)
        buffer->mapped = NULL; /* as on a device with memory of its own */
    assert_int_equal(dv_stream_upload(t.stream, buffer, 7, from, BIG), DSVK_OK);
    assert_int_equal(dv_stream_download(t.stream, to, buffer, 7, BIG), DSVK_OK);
    assert_memory_equal(from, to, BIG);
    assert_int_equal(dv_stream_upload(t.stream, buffer, 100, "abc", 3), DSVK_OK);
    assert_int_equal(dv_stream_download(t.stream, to, buffer, 99, 5), DSVK_OK);
    assert_memory_equal(to + 1, "abc", 3);
    assert_int_equal(dv_stream_see(&seen, t.stream, buffer, 100, BIG - 100), DSVK_OK);
    assert_memory_equal(seen, "abc", 3);
    assert_memory_equal((const char *)seen + 3, from + 96, BIG - 103);
    assert_int_equal(to[0], from[92]);
    assert_int_equal(to[4], from[96]);
    assert_int_equal(dv_stream_upload(t.stream, buffer, BIG + 10, from, 0), DSVK_OK);
    dv_buffer_free(buffer);
    free(from);
    free(to);
}

static void transfers_are_exact(void **state)
{
    (void)state;
    check_transfers(false);
}

static void transfers_through_staging_are_exact(void **state)
{
    (void)state;
    check_transfers(true);
    assert_true(!t.stream->staging[0] || t.stream->staging[0]->bytes <= (uint64_t)16 << 20);
}

static void transfers_outside_are_refused(void **state)
{
    struct dv_buffer *buffer;
    const void       *seen;
    char              byte = 0;
    (void)state;
    assert_int_equal(dv_buffer_new(&buffer, t.dev, 16, DV_MEMORY_DEVICE, "small"), DSVK_OK);
    test_device_expect(&t);
    assert_int_equal(dv_stream_upload(t.stream, buffer, 16, &byte, 1), DSVK_BAD_ARGUMENT);
    assert_int_equal(dv_stream_download(t.stream, &byte, buffer, 1, UINT64_MAX), DSVK_BAD_ARGUMENT);
    assert_int_equal(dv_stream_see(&seen, t.stream, buffer, 8, 9), DSVK_BAD_ARGUMENT);
    assert_int_equal(dv_stream_wait(t.stream, t.stream->submitted + 1, 0), DSVK_BAD_ARGUMENT);
    assert_int_equal(test_device_expected(&t), 4);
    dv_buffer_free(buffer);
}

/* A device that answers too late is lost for good, and everything can still be freed. */
static void wait_ends_in_time(void **state)
{
    struct test_device  slow;
    struct dv_buffer   *y;
    struct dv_commands *commands;
    struct dv_pipeline *pipeline;
    uint64_t            value;
    (void)state;
    assert_true(test_device_open(&slow));
    assert_int_equal(dv_buffer_new(&y, slow.dev, 4, DV_MEMORY_DEVICE, "y"), DSVK_OK);
    assert_int_equal(dv_commands_new(&commands, slow.dev), DSVK_OK);
    struct dv_pipeline_params params = { .module = &module_spin, .spec = { 64 }, .push_bytes = 12 };
    assert_int_equal(dv_pipeline_get(&pipeline, slow.dev, &params), DSVK_OK);
    assert_int_equal(dv_commands_begin(commands), DSVK_OK);
    struct spin_push push = { y->address, 20000 };
    dv_commands_dispatch(commands, pipeline, &push, 64, 1, 1);
    assert_int_equal(dv_commands_end(commands), DSVK_OK);
    assert_int_equal(dv_stream_submit(slow.stream, commands, &value), DSVK_OK);

    test_device_expect(&slow);
    assert_int_equal(dv_stream_wait(slow.stream, value, 1), DSVK_DEVICE_LOST);
    assert_int_equal(dv_stream_wait(slow.stream, value, 0), DSVK_DEVICE_LOST);
    assert_int_equal(dv_stream_submit(slow.stream, commands, NULL), DSVK_DEVICE_LOST);
    struct dv_buffer *none;
    assert_int_equal(dv_buffer_new(&none, slow.dev, 4, DV_MEMORY_DEVICE, "none"), DSVK_DEVICE_LOST);
    assert_null(none);
    assert_int_equal(test_device_expected(&slow), 4);
    dv_stream_free(slow.stream); /* waits, so it goes first */
    slow.stream = NULL;
    dv_commands_free(commands);
    dv_buffer_free(y);
    assert_true(test_device_close(&slow));
}

static VKAPI_ATTR VkResult VKAPI_CALL never(VkDevice device, const VkSemaphoreWaitInfo *info,
                                            uint64_t timeout_ns)
{
    (void)device;
    (void)info;
    (void)timeout_ns;
    return VK_TIMEOUT;
}

/* What may still be in use is given up: destroying it would be the end of the process. */
static void device_that_never_answers_is_given_up(void **state)
{
    struct test_device  dead;
    struct dv_buffer   *buffer;
    struct dv_commands *commands;
    (void)state;
    assert_true(test_device_open(&dead));
    if (!dead.instance->messenger) { /* layers abort a process that leaves objects behind */
        dead.dev->vk.vkWaitSemaphores = never;
        assert_int_equal(dv_buffer_new(&buffer, dead.dev, 4, DV_MEMORY_DEVICE, "it"), DSVK_OK);
        assert_int_equal(dv_commands_new(&commands, dead.dev), DSVK_OK);
        assert_int_equal(dv_commands_begin(commands), DSVK_OK);
        fill(commands, buffer, 0, 4, 1);
        assert_int_equal(dv_commands_end(commands), DSVK_OK);
        assert_int_equal(dv_stream_submit(dead.stream, commands, NULL), DSVK_OK);
        test_device_expect(&dead);
        assert_int_equal(dv_stream_wait(dead.stream, 1, 0), DSVK_DEVICE_LOST);
        assert_int_equal(test_device_expected(&dead), 1);
        assert_true(dead.dev->lost && dead.dev->hung);
        dv_buffer_free(buffer);
        dv_commands_free(commands);
    }
    assert_true(test_device_close(&dead));
}

int test_stream(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transfers_are_exact),
        cmocka_unit_test(transfers_through_staging_are_exact),
        cmocka_unit_test(transfers_outside_are_refused),
        cmocka_unit_test(wait_ends_in_time),
        cmocka_unit_test(device_that_never_answers_is_given_up),
    };
    return cmocka_run_group_tests_name("stream", tests, open_device, close_device);
}
