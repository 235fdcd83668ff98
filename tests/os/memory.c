/* SPDX-License-Identifier: MIT */
/* What a process may still take of the host's memory, on made-up systems: files as the kernel
 * writes them, below a folder of the test's. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/os.h"
#include "support/test_context.h"

#define MAX_FILES 8
#define MEMINFO "proc/meminfo"
#define GROUP "proc/self/cgroup"
#define KIB UINT64_C(1024)

static const struct {
    const char *name;
    struct {
        const char *path, *text;
    } files[MAX_FILES];
    uint64_t free;
} cases[] = {
    { "the page cache counts as free",
      { { MEMINFO, "MemTotal: 9000 kB\nMemFree:  100 kB\nMemAvailable:   7000 kB\n" } },
      7000 * KIB },
    { "a group without a limit",
      { { MEMINFO, "MemAvailable: 7000 kB\n" },
        { GROUP, "0::/a\n" },
        { "sys/fs/cgroup/a/memory.max", "max\n" },
        { "sys/fs/cgroup/a/memory.current", "1024\n" } },
      7000 * KIB },
    { "a group's limit, without its inactive file pages",
      { { MEMINFO, "MemAvailable: 7000 kB\n" },
        { GROUP, "0::/a\n" },
        { "sys/fs/cgroup/a/memory.max", "1000000\n" },
        { "sys/fs/cgroup/a/memory.current", "900000\n" },
        { "sys/fs/cgroup/a/memory.stat", "anon 5\nfile 500000\ninactive_file 400000\n" } },
      500000 },
    { "the least of the groups above",
      { { MEMINFO, "MemAvailable: 7000 kB\n" },
        { GROUP, "0::/a/b\n" },
        { "sys/fs/cgroup/a/b/memory.max", "1000000\n" },
        { "sys/fs/cgroup/a/b/memory.current", "100000\n" },
        { "sys/fs/cgroup/a/memory.max", "300000\n" },
        { "sys/fs/cgroup/a/memory.current", "290000\n" } },
      10000 },
    { "a container that does not see its group's path",
      { { MEMINFO, "MemAvailable: 7000 kB\n" },
        { GROUP, "0::/system.slice/docker-1234.scope\n" },
        { "sys/fs/cgroup/memory.max", "800000\n" },
        { "sys/fs/cgroup/memory.current", "100000\n" } },
      700000 },
    { "more used than allowed",
      { { MEMINFO, "MemAvailable: 7000 kB\n" },
        { GROUP, "0::/a\n" },
        { "sys/fs/cgroup/a/memory.max", "1000\n" },
        { "sys/fs/cgroup/a/memory.current", "2000\n" } },
      0 },
    { "the first version of control groups",
      { { MEMINFO, "MemAvailable: 7000 kB\n" },
        { GROUP, "5:cpu,cpuacct:/a\n4:memory:/a\n1:name=systemd:/a\n" },
        { "sys/fs/cgroup/memory/a/memory.limit_in_bytes", "600000\n" },
        { "sys/fs/cgroup/memory/a/memory.usage_in_bytes", "500000\n" },
        { "sys/fs/cgroup/memory/a/memory.stat", "cache 9\ntotal_inactive_file 50000\n" } },
      150000 },
    { "files that say nothing",
      { { MEMINFO, "MemAvailable: 7000 kB\n" },
        { GROUP, "0::/a\n\nodd\n" },
        { "sys/fs/cgroup/a/memory.max", "" },
        { "sys/fs/cgroup/a/memory.current", "-\n" } },
      7000 * KIB },
};

static void make(const struct dv_context *ctx, const char *root, const char *name, const char *text)
{
    char path[256], folder[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    memcpy(folder, path, sizeof folder);
    *strrchr(folder, '/') = 0;
    assert_int_equal(dv_folder_make(ctx, folder, true), DSVK_OK);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* The file, and the folders above it that are empty then. */
static void unmake(const char *root, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    do {
        if (remove(path) != 0)
            return;
        *strrchr(path, '/') = 0;
    } while (strlen(path) > strlen(root));
}

static void as_the_kernel_says(void **state)
{
    struct dv_test_context test;
    (void)state;
    dv_test_context_init(&test);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char root[] = "/tmp/dsvk-memory-XXXXXX";
        assert_non_null(mkdtemp(root));
        for (int k = 0; k < MAX_FILES && cases[i].files[k].path; k++)
            make(&test.ctx, root, cases[i].files[k].path, cases[i].files[k].text);
        uint64_t found = dv_host_memory_free_at(root);
        for (int k = 0; k < MAX_FILES && cases[i].files[k].path; k++)
            unmake(root, cases[i].files[k].path);
        rmdir(root);
        if (found != cases[i].free)
            fail_msg("%s: %llu bytes, not %llu", cases[i].name, (unsigned long long)found,
                     (unsigned long long)cases[i].free);
    }
}

static void this_system_has_some(void **state)
{
    (void)state;
    assert_true(dv_host_memory_free() > 0);
    assert_true(dv_host_memory_free() <= dv_host_memory_size());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_kernel_says),
        cmocka_unit_test(this_system_has_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
