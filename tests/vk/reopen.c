/* SPDX-License-Identifier: MIT */
/* A device that is lost for good is opened again in place, whatever fails on the way. */
#include "test.h"

#include "modules.h"
#include "support/device.h"
#include "support/fault.h"

#define MOST 400

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

/* Through the device's own stream, which outlives the loss. */
static void expect_works(void)
{
    struct dv_buffer *x;
    uint32_t          data[16] = { 3, 1, 4 }, back[16] = { 0 };
    assert_int_equal(dv_buffer_new(&x, t.dev, sizeof data, DV_MEMORY_DEVICE, "x"), DSVK_OK);
    x->mapped = NULL;
    assert_int_equal(dv_stream_upload(t.stream, x, 0, data, sizeof data), DSVK_OK);
    assert_int_equal(dv_stream_download(t.stream, back, x, 0, sizeof back), DSVK_OK);
    assert_memory_equal(back, data, sizeof data);
    dv_buffer_free(x);
    assert_int_equal(use_device(t.dev), DSVK_OK);
    assert_int_equal(t.dev->bytes_used, 0);
}

/* Whether submission number n is made at all. */
static bool loses(unsigned nth, bool late)
{
    struct dv_buffer *x;
    fault_lose(t.dev, nth, late);
    test_device_expect(&t);
    dsvk_status status = use_device(t.dev);
    if (!fault_fired()) {
        fault_disarm(t.dev);
        assert_int_equal(test_device_expected(&t), 0);
        assert_int_equal(status, DSVK_OK);
        return false;
    }
    assert_int_equal(status, DSVK_DEVICE_LOST);
    assert_true(t.dev->lost && !t.dev->hung);
    assert_int_equal(use_device(t.dev), DSVK_DEVICE_LOST);
    assert_int_equal(test_device_expected(&t), 2);
    dv_device_shut(t.dev);
    test_device_expect(&t);
    assert_int_equal(dv_buffer_new(&x, t.dev, 4, DV_MEMORY_DEVICE, "none"), DSVK_DEVICE_LOST);
    assert_int_equal(test_device_expected(&t), 1);
    assert_int_equal(dv_device_reopen(t.dev), DSVK_OK);
    assert_false(t.dev->lost);
    expect_works();
    return true;
}

static void every_submission_may_be_the_last_one(void **state)
{
    unsigned nth = 1, late = 1;
    (void)state;
    expect_works(); /* makes what the stream keeps */
    while (loses(nth, false))
        nth++;
    while (loses(late, true))
        late++;
    print_message("  %u and %u submissions lost in turn\n", nth - 1, late - 1);
    assert_in_range(nth, 3, MOST);
    assert_int_equal(nth, late);
}

static void every_call_of_reopening_may_fail(void **state)
{
    static const VkResult results[] = { VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_ERROR_DEVICE_LOST };
    unsigned              nth       = 1;
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (nth = 1; nth < MOST; nth++) {
            dv_device_shut(t.dev);
            test_device_expect(&t);
            fault_reopen(t.instance, nth, results[i]);
            dsvk_status status = dv_device_reopen(t.dev);
            bool        fired  = fault_fired();
            fault_reopen(t.instance, 0, VK_SUCCESS);
            assert_int_equal(test_device_expected(&t), fired ? 1 : 0);
            assert_int_equal(status == DSVK_OK, !fired);
            assert_true(t.dev->lost == fired);
            if (!fired)
                break;
            assert_int_equal(dv_device_reopen(t.dev), DSVK_OK);
        }
    print_message("  %u calls failed in turn\n", nth - 1);
    assert_in_range(nth, 5, MOST - 1);
    expect_works();
}

/* As after a driver's crash that took the card with it. */
static void a_device_that_is_gone_is_one_sentence(void **state)
{
    uint8_t first = t.dev->caps.uuid[0];
    (void)state;
    dv_device_shut(t.dev);
    t.dev->caps.uuid[0] ^= 1;
    test_device_expect(&t);
    assert_int_equal(dv_device_reopen(t.dev), DSVK_NO_DEVICE);
    assert_int_equal(test_device_expected(&t), 1);
    assert_non_null(strstr(t.line, "was lost and is not among the"));
    assert_true(t.dev->lost);
    t.dev->caps.uuid[0] = first; /* plugged in again */
    assert_int_equal(dv_device_reopen(t.dev), DSVK_OK);
    expect_works();
}

static VKAPI_ATTR VkResult VKAPI_CALL never(VkDevice device, const VkSemaphoreWaitInfo *info,
                                            uint64_t timeout_ns)
{
    (void)device;
    (void)info;
    (void)timeout_ns;
    return VK_TIMEOUT;
}

static void a_device_that_hangs_is_left_behind(void **state)
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
        assert_int_equal(dv_stream_wait(dead.stream, 1, 1), DSVK_DEVICE_LOST);
        assert_int_equal(test_device_expected(&dead), 1);
        dv_buffer_free(buffer);
        dv_commands_free(commands);
        VkDevice hanging = dead.dev->handle;
        dv_device_shut(dead.dev);
        assert_int_equal(dv_device_reopen(dead.dev), DSVK_OK);
        assert_true(dead.dev->handle != hanging);
        assert_int_equal(use_device(dead.dev), DSVK_OK);
    }
    assert_true(test_device_close(&dead));
}

int test_reopen(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_submission_may_be_the_last_one),
        cmocka_unit_test(every_call_of_reopening_may_fail),
        cmocka_unit_test(a_device_that_is_gone_is_one_sentence),
        cmocka_unit_test(a_device_that_hangs_is_left_behind),
    };
    return cmocka_run_group_tests_name("reopen", tests, open_device, close_device);
}
