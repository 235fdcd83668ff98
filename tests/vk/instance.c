/* SPDX-License-Identifier: MIT */
/* Instances on the drivers of the machine: several at once, none at all, and devices in order of
 * rank. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <sys/wait.h>
#include <unistd.h>

#include "modules.h"
#include "support/device.h"

static void instance_lists_ranked_devices(void **state)
{
    struct test_device t;
    (void)state;
    assert_true(test_device_open_instance(&t));
    assert_true(t.instance->n_physical > 0);
    for (uint32_t i = 0; i < t.instance->n_physical; i++) {
        const struct dv_caps *caps = &t.instance->caps[i];
        print_message("  device %u: %s, %s%s%s\n", i, caps->name, caps->driver,
                      caps->usable ? "" : ", ", caps->why_not);
        assert_true(caps->usable == (caps->why_not[0] == 0));
        if (i > 0)
            assert_true(t.instance->caps[i - 1].usable >= caps->usable);
        if (!caps->usable)
            continue;
        assert_true(caps->subgroup_min <= caps->subgroup && caps->subgroup <= caps->subgroup_max);
        assert_true(caps->memory_total > 0 && caps->max_allocation > 0 && caps->max_buffer > 0);
    }
    assert_true(test_device_close(&t));
}

static void instance_finds_by_uuid_and_name(void **state)
{
    struct test_device t;
    uint32_t           index;
    char               uuid[2 * VK_UUID_SIZE + 1];
    (void)state;
    assert_true(test_device_open_instance(&t));
    if (dv_instance_find(&index, t.instance, NULL) == DSVK_OK) {
        for (size_t i = 0; i < VK_UUID_SIZE; i++)
            snprintf(uuid + 2 * i, 3, "%02x", t.instance->caps[index].uuid[i]);
        assert_int_equal(dv_instance_find(&index, t.instance, uuid), DSVK_OK);
        assert_int_equal(dv_instance_find(&index, t.instance, t.instance->caps[index].name),
                         DSVK_OK);
    }
    assert_true(test_device_close(&t));
}

static void device_refuses_an_index_that_is_not_there(void **state)
{
    struct test_device t;
    (void)state;
    assert_true(test_device_open_instance(&t));
    test_device_expect(&t);
    assert_int_equal(dv_device_new(&t.dev, t.instance, t.instance->n_physical), DSVK_NO_DEVICE);
    assert_null(t.dev);
    assert_int_equal(test_device_expected(&t), 1);
    t.instance->caps[0].usable = false;
    test_device_expect(&t);
    assert_int_equal(dv_device_new(&t.dev, t.instance, 0), DSVK_UNSUPPORTED);
    assert_int_equal(test_device_expected(&t), 1);
    assert_true(test_device_close(&t));
}

static void two_instances_live_side_by_side(void **state)
{
    struct test_device a, b;
    (void)state;
    assert_true(test_device_open(&a));
    assert_true(test_device_open(&b));
    assert_true(test_device_close(&a));
    assert_true(test_device_close(&b));
}

/* In a child, since the loader reads its environment. */
static void instance_without_a_driver_is_no_device(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct test_device t = { 0 };
        setenv("VK_DRIVER_FILES", "/nonexistent", 1);
        setenv("VK_ICD_FILENAMES", "/nonexistent", 1);
        test_device_context(&t, NULL);
        test_device_expect(&t);
        bool right = dv_instance_new(&t.instance, &t.ctx, false) == DSVK_NO_DEVICE && !t.instance &&
                     strstr(t.line, "no Vulkan driver is installed") &&
                     test_device_expected(&t) == 1;
        _exit(right ? 0 : 1);
    }
    int result = 1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
}

int test_instance(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instance_lists_ranked_devices),
        cmocka_unit_test(instance_finds_by_uuid_and_name),
        cmocka_unit_test(device_refuses_an_index_that_is_not_there),
        cmocka_unit_test(two_instances_live_side_by_side),
        cmocka_unit_test(instance_without_a_driver_is_no_device),
    };
    return cmocka_run_group_tests_name("instance", tests, NULL, NULL);
}
