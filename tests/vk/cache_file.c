/* SPDX-License-Identifier: MIT */
/* The pipeline cache on disk: what is kept comes back, nothing that was damaged does, and trouble
 * with files or memory is never more than a line. What the driver says and gets is played here,
 * because those on the CPU have nothing to keep. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "modules.h"
#include "support/device.h"
#include "support/folder.h"
#include "vk/cache_file.h"
#include "cache_driver.h"

static struct dv_folder   folder;
static struct test_device t;

static const struct dv_pipeline_params scale = { .module     = &module_scale,
                                                 .spec       = { 64, 3 },
                                                 .push_bytes = sizeof(struct scale_push) };

/* ---- using it ---- */

static int open_all(void **state)
{
    (void)state;
    dv_folder_init(&folder);
    return test_device_open(&t) ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    bool ok = test_device_close(&t);
    dv_folder_done(&folder);
    return test_teardown(ok);
}

/* A device of its own that keeps pipelines in the folder, makes one, and is closed again. */
static void use(const char *path, const struct dv_pipeline_params *params)
{
    struct dv_device   *dev;
    struct dv_pipeline *pipeline;
    uint32_t            index;
    assert_int_equal(dv_instance_find(&index, t.instance, getenv("DSVK_TEST_DEVICE")), DSVK_OK);
    assert_int_equal(dv_device_new(&dev, t.instance, index), DSVK_OK);
    cache_driver_play(dev);
    assert_int_equal(dv_device_keep_pipelines(dev, path), DSVK_OK);
    assert_int_equal(dv_pipeline_get(&pipeline, dev, params), DSVK_OK);
    dv_device_free(dev);
}

static const char *file_name(void)
{
    static char name[DV_CACHE_NAME];
    dv_cache_file_name(name, &t.dev->key);
    return name;
}

static char *read_file(size_t *n)
{
    return dv_folder_read(&folder, file_name(), n);
}

static bool is_whole(const char *file, size_t bytes)
{
    const unsigned char *data;
    size_t               n;
    return dv_cache_file_check(&data, &n, file, bytes, &t.dev->key) == NULL &&
           (const char *)data == file + DV_CACHE_HEADER && n == bytes - DV_CACHE_HEADER;
}

static uint64_t inode(void)
{
    struct stat info;
    assert_int_equal(stat(dv_folder_path(&folder, file_name()), &info), 0);
    return (uint64_t)info.st_ino;
}

static void what_is_kept_comes_back(void **state)
{
    size_t n;
    (void)state;
    use(folder.path, &scale);
    assert_int_equal(cache_driver.handed, 0);
    char *file = read_file(&n);
    assert_int_equal(n, DV_CACHE_HEADER + cache_driver.n);
    assert_true(is_whole(file, n));
    free(file);
    uint64_t before = inode();
    use(folder.path, &scale);
    assert_int_equal(cache_driver.handed, cache_driver.n);
    assert_int_equal(cache_driver.first, 1);
    assert_true(inode() == before); /* nothing new: the file is left alone */
    cache_driver.version = 2;
    use(folder.path, &scale);
    assert_int_equal(cache_driver.first, 1);
    assert_true(inode() != before);
    use(folder.path, &scale);
    assert_int_equal(cache_driver.first, 2);
    cache_driver.version = 1;
}

/* A header alone, half a header, more than the limit. */
static void what_is_not_worth_keeping_is_not_kept(void **state)
{
    static const size_t sizes[] = { 0, 20, 32, DV_CACHE_LIMIT + 1 };
    (void)state;
    dv_folder_remove(&folder, file_name());
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct stat info;
        cache_driver.n = sizes[i];
        use(folder.path, &scale);
        assert_int_not_equal(stat(dv_folder_path(&folder, file_name()), &info), 0);
    }
    cache_driver.n = 300;
}

/* Without a pipeline made there is nothing to write; a lost device is not asked. */
static void an_unused_device_writes_nothing(void **state)
{
    (void)state;
    for (int lost = 0; lost < 2; lost++) {
        struct dv_device   *dev;
        struct dv_pipeline *pipeline;
        struct stat         info;
        uint32_t            index;
        assert_int_equal(dv_instance_find(&index, t.instance, getenv("DSVK_TEST_DEVICE")), DSVK_OK);
        assert_int_equal(dv_device_new(&dev, t.instance, index), DSVK_OK);
        cache_driver_play(dev);
        assert_int_equal(dv_device_keep_pipelines(dev, folder.path), DSVK_OK);
        if (lost)
            assert_int_equal(dv_pipeline_get(&pipeline, dev, &scale), DSVK_OK);
        dev->lost = lost;
        dv_device_free(dev);
        assert_int_not_equal(stat(dv_folder_path(&folder, file_name()), &info), 0);
    }
}

static void only_older_versions_are_removed(void **state)
{
    struct dv_pipeline_key other = t.dev->key;
    char                   name[DV_CACHE_NAME];
    (void)state;
    other.driver_version++;
    dv_cache_file_name(name, &other);
    dv_folder_write(&folder, name, "x", 1);
    other.device++;
    char foreign[DV_CACHE_NAME];
    dv_cache_file_name(foreign, &other);
    dv_folder_write(&folder, foreign, "x", 1);
    dv_folder_write(&folder, "x.pipelines", "x", 1);
    dv_folder_remove(&folder, file_name());
    use(folder.path, &scale);
    struct stat info;
    assert_int_not_equal(stat(dv_folder_path(&folder, name), &info), 0);
    assert_int_equal(stat(dv_folder_path(&folder, foreign), &info), 0);
    assert_int_equal(stat(dv_folder_path(&folder, "x.pipelines"), &info), 0);
    assert_int_equal(stat(dv_folder_path(&folder, file_name()), &info), 0);
}

/* Damage to the file in memory: each is seen. `own` gives the header a sum that fits again. */
static void expect_refusal(const char *file, size_t bytes, bool own, const char *why)
{
    const unsigned char *data;
    size_t               n;
    unsigned char       *copy = malloc(bytes ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, file, bytes);
    if (own) { /* the sum that the header's own fields give */
        uint64_t sum = UINT64_C(0xcbf29ce484222325);
        for (int i = 0; i < 72; i++)
            sum = (sum ^ copy[i]) * UINT64_C(0x100000001b3);
        for (int i = 0; i < 8; i++)
            copy[72 + i] = (unsigned char)(sum >> 8 * i);
    }
    const char *said = dv_cache_file_check(&data, &n, copy, bytes, &t.dev->key);
    if (!said || strcmp(said, why) != 0)
        fail_msg("\"%s\" instead of \"%s\"", said ? said : "taken", why);
    assert_null(data);
    assert_int_equal(n, 0);
    free(copy);
}

static const struct {
    int         at;
    bool        own;
    const char *why;
} damages[] = {
    { 0, true, "it is no pipeline cache of ds-vk" },
    { 8, true, "it is of another version of ds-vk" },
    { 12, true, "it is of another version of ds-vk" },
    { 16, false, "its header was altered" },
    { 16, true, "it is for another device or driver" }, /* vendor */
    { 20, true, "it is for another device or driver" },
    { 24, true, "it is for another device or driver" },
    { 28, true, "it is for another device or driver" }, /* driver version */
    { 32, true, "it is for another device or driver" }, /* uuid */
    { 48, true, "it is for another device or driver" }, /* pointers */
    { 56, true, "its length is not what its header says" },
    { 64, true, "its data were altered" },
    { 72, false, "its header was altered" },
    { DV_CACHE_HEADER, false, "its data were altered" },
    { DV_CACHE_HEADER + 20, false, "its data were altered" },
};

static void every_kind_of_damage_is_seen(void **state)
{
    size_t n;
    char  *file;
    (void)state;
    use(folder.path, &scale);
    file = read_file(&n);
    assert_true(is_whole(file, n));
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        file[damages[i].at] ^= 1;
        expect_refusal(file, n, damages[i].own, damages[i].why);
        file[damages[i].at] ^= 1;
    }
    for (size_t i = 0; i < DV_CACHE_HEADER; i++)
        expect_refusal(file, i, false, "it is shorter than its header");
    for (size_t i = DV_CACHE_HEADER; i < n; i += 1 + i / 16)
        expect_refusal(file, i, false, "its length is not what its header says");
    file[n - 1] ^= 0x40;
    expect_refusal(file, n, false, "its data were altered");
    free(file);
}

/* Data that are whole but not this driver's: its own header says so. */
static void foreign_data_are_seen(void **state)
{
    unsigned char         file[DV_CACHE_HEADER + 40] = { 0 }, *data = file + DV_CACHE_HEADER;
    static const unsigned at[] = { 0, 1, 4, 8, 12, 16, 31 };
    (void)state;
    for (size_t i = 0; i < sizeof at / sizeof *at + 2; i++) {
        memset(data, 0, 40);
        data[0] = 32;
        data[4] = 1;
        for (int b = 0; b < 4; b++) {
            data[8 + b]  = (unsigned char)(t.dev->key.vendor >> 8 * b);
            data[12 + b] = (unsigned char)(t.dev->key.device >> 8 * b);
        }
        memcpy(data + 16, t.dev->key.uuid, 16);
        size_t n = i == sizeof at / sizeof *at + 1 ? 31 : 40; /* shorter than any driver's header */
        if (i < sizeof at / sizeof *at)
            data[at[i]] ^= 4;
        dv_cache_file_header(file, data, n, &t.dev->key);
        if (i == sizeof at / sizeof *at)
            assert_true(is_whole((char *)file, sizeof file));
        else if (at[i % 7] != 0 || n == 31) /* 36 is a length that a driver may have */
            expect_refusal((char *)file, DV_CACHE_HEADER + n, false,
                           "its data are not for this driver");
    }
}

static void a_damaged_file_is_replaced(void **state)
{
    size_t n, again;
    (void)state;
    use(folder.path, &scale);
    char *file = read_file(&n);
    for (int i = 0; i < 3; i++) {
        size_t bytes = i == 0 ? n / 2 : i == 1 ? 0 : n;
        file[n - 1] ^= 1;
        dv_folder_write(&folder, file_name(), file, bytes);
        file[n - 1] ^= 1;
        use(folder.path, &scale);
        assert_int_equal(cache_driver.handed, 0);
        char *made = read_file(&again);
        assert_true(is_whole(made, again));
        free(made);
    }
    free(file);
}

/* A folder that cannot be made, one that is a file, and a file that is a folder. */
static void a_folder_that_cannot_be_used_is_no_failure(void **state)
{
    char path[512], longer[5000];
    (void)state;
    use("/proc/nothing/here", &scale);
    snprintf(path, sizeof path, "%s/x.pipelines/inside", folder.path);
    dv_folder_write(&folder, "x.pipelines", "x", 1);
    use(path, &scale);
    use("", &scale);
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    use(longer, &scale);
    dv_folder_remove(&folder, file_name());
    snprintf(path, sizeof path, "%s", dv_folder_path(&folder, file_name()));
    assert_int_equal(mkdir(path, 0700), 0);
    use(folder.path, &scale);
    assert_int_equal(remove(path), 0);
    use(folder.path, &scale);
    size_t n;
    char  *file = read_file(&n);
    assert_true(is_whole(file, n));
    free(file);
}

int test_cache_file(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_comes_back),
        cmocka_unit_test(what_is_not_worth_keeping_is_not_kept),
        cmocka_unit_test(an_unused_device_writes_nothing),
        cmocka_unit_test(only_older_versions_are_removed),
        cmocka_unit_test(every_kind_of_damage_is_seen),
        cmocka_unit_test(foreign_data_are_seen),
        cmocka_unit_test(a_damaged_file_is_replaced),
        cmocka_unit_test(a_folder_that_cannot_be_used_is_no_failure),
    };
    return cmocka_run_group_tests_name("cache file", tests, open_all, close_all);
}
