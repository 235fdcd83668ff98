/* SPDX-License-Identifier: MIT */
/* Which device a word of the user names, on an instance with made devices, since no test machine
 * has four. */
#include "test.h"

#include "modules.h"
#include "vk/instance.h"

static char     last[1024];
static unsigned n_lines;

static void keep(void *user, dsvk_log_level level, const char *line)
{
    (void)user;
    (void)level;
    n_lines++;
    snprintf(last, sizeof last, "%s", line);
}

static struct dv_context ctx;
static struct dv_caps    devices[4] = {
       { .name = "Radeon RX 7900", .uuid = { 0xab, 0xcd }, .usable = true },
       { .name = "Arc A770", .uuid = { 0x12 }, .usable = true },
       { .name = "Old GPU", .why_not = "it is too old" },
       { .name = "llvmpipe", .usable = true },
};
static const struct dv_instance instance = { .ctx = &ctx, .n_physical = 4, .caps = devices };

static int set_up(void **state)
{
    (void)state;
    dv_context_init(&ctx, &(dsvk_log){ keep, NULL, DSVK_LOG_ERROR }, NULL);
    return 0;
}

static void find_takes_index_uuid_and_part_of_the_name(void **state)
{
    static const struct {
        const char *which;
        uint32_t    index;
    } cases[] = {
        { NULL, 0 },
        { "", 0 },
        { "0", 0 },
        { "3", 3 },
        { "abcd0000-0000-0000-0000-000000000000", 0 },
        { "12000000000000000000000000000000", 1 },
        { "ABCD0000000000000000000000000000", 0 },
        { "arc", 1 },
        { "RX 7900", 0 },
        { "LLVM", 3 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t index = 99;
        assert_int_equal(dv_instance_find(&index, &instance, cases[i].which), DSVK_OK);
        assert_int_equal(index, cases[i].index);
    }
}

static void find_says_which_devices_there_are(void **state)
{
    uint32_t index;
    (void)state;
    n_lines = 0;
    assert_int_equal(dv_instance_find(&index, &instance, "geforce"), DSVK_NO_DEVICE);
    assert_int_equal(n_lines, 1);
    assert_string_equal(last, "instance: no device \"geforce\"; there are: 0 \"Radeon RX 7900\", "
                              "1 \"Arc A770\", 2 \"Old GPU\" (it is too old), 3 \"llvmpipe\"");
    assert_int_equal(dv_instance_find(&index, &instance, "abcd"), DSVK_NO_DEVICE);
}

static void find_takes_digits_for_an_index_only(void **state)
{
    static const char *const wrong[] = { "4",         "7900", "00",
                                         "003",       "770",  "99999999999999999999",
                                         "4294967296" };
    struct dv_instance       one     = { .ctx = &ctx, .n_physical = 1, .caps = devices };
    uint32_t                 index;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(dv_instance_find(&index, &instance, wrong[i]), DSVK_NO_DEVICE);
    assert_int_equal(dv_instance_find(&index, &one, "9"), DSVK_NO_DEVICE);
    assert_string_equal(last, "instance: no device \"9\"; there is: 0 \"Radeon RX 7900\"");
    one.n_physical = 0;
    assert_int_equal(dv_instance_find(&index, &one, "0"), DSVK_NO_DEVICE);
    assert_string_equal(last, "instance: no device \"0\"; there is no Vulkan device at all");
}

static void find_refuses_what_fits_several(void **state)
{
    static struct dv_caps cards[4] = {
        { .name = "NVIDIA RTX 4090", .uuid = { 1 }, .usable = true },
        { .name = "NVIDIA RTX 4090 D", .uuid = { 2 }, .usable = true },
        { .name = "Arc A770", .uuid = { 3 }, .usable = true },
        { .name = "Arc A770", .uuid = { 4 }, .usable = true },
    };
    struct dv_instance several = { .ctx = &ctx, .n_physical = 4, .caps = cards };
    uint32_t           index;
    (void)state;
    assert_int_equal(dv_instance_find(&index, &several, "nvidia"), DSVK_NO_DEVICE);
    assert_string_equal(last, "instance: device \"nvidia\" fits 2: 0 \"NVIDIA RTX 4090\", "
                              "1 \"NVIDIA RTX 4090 D\"; give an index or more of the name");
    assert_int_equal(dv_instance_find(&index, &several, "arc a770"), DSVK_NO_DEVICE);
    assert_int_equal(dv_instance_find(&index, &several, "nvidia rtx 4090"), DSVK_OK);
    assert_int_equal(index, 0); /* the whole name, though the other begins with it */
    assert_int_equal(dv_instance_find(&index, &several, "4090 d"), DSVK_OK);
    assert_int_equal(index, 1);
    assert_int_equal(dv_instance_find(&index, &several, "04000000-0000-0000-0000-000000000000"),
                     DSVK_OK);
    assert_int_equal(index, 3);
}

static void find_refuses_unusable_devices(void **state)
{
    uint32_t           index;
    struct dv_instance none = { .ctx = &ctx, .n_physical = 1, .caps = &devices[2] };
    (void)state;
    assert_int_equal(dv_instance_find(&index, &instance, "old"), DSVK_NO_DEVICE);
    assert_string_equal(last, "instance: device 2 \"Old GPU\": it is too old");
    assert_int_equal(dv_instance_find(&index, &none, NULL), DSVK_NO_DEVICE);
    assert_string_equal(last, "instance: no usable device among 0 \"Old GPU\" (it is too old)");
}

int test_find(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find_takes_index_uuid_and_part_of_the_name),
        cmocka_unit_test(find_takes_digits_for_an_index_only),
        cmocka_unit_test(find_refuses_what_fits_several),
        cmocka_unit_test(find_says_which_devices_there_are),
        cmocka_unit_test(find_refuses_unusable_devices),
    };
    return cmocka_run_group_tests_name("find", tests, set_up, NULL);
}
