/* SPDX-License-Identifier: MIT */
/* A file system that fails while a converted checkpoint is written: each call that makes, writes or
 * names something fails in turn, and so does each allocation. Every time there is one sentence, and
 * nothing is left behind. The linker puts the functions below in the place of the system's
 * (CMakeLists.txt).
 *   test_quantize_faults [--all] */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/place.h"
#include "quantize/quantize.h"
#include "support/folder.h"
#include "support/make_checkpoint.h"
#include "support/test_context.h"

static struct {
    unsigned    nth, calls; /* the call that fails, from 1; 0: none */
    const char *failed;
} fault;

static bool fails(const char *call)
{
    if (fault.nth == 0 || ++fault.calls != fault.nth)
        return false;
    fault.failed = call;
    errno        = ENOSPC;
    return true;
}

int     __real_open(const char *path, int flags, ...);
int     __wrap_open(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *data, size_t bytes);
ssize_t __wrap_write(int fd, const void *data, size_t bytes);
int     __wrap_fsync(int fd);
int     __real_rename(const char *from, const char *to);
int     __wrap_rename(const char *from, const char *to);
int     __real_mkdir(const char *path, mode_t mode);
int     __wrap_mkdir(const char *path, mode_t mode);

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = flags & O_CREAT ? va_arg(args, int) : 0;
    va_end(args);
    return flags & O_CREAT && fails("open") ? -1 : __real_open(path, flags, mode);
}

/* As a disk that becomes full: the first half is taken, the next call has no room. */
ssize_t __wrap_write(int fd, const void *data, size_t bytes)
{
    if (fault.failed && strcmp(fault.failed, "write") == 0) {
        errno = ENOSPC;
        return -1;
    }
    return __real_write(fd, data, fails("write") ? (bytes + 1) / 2 : bytes);
}

/* What a test writes need not survive the machine: a busy disk takes a second for each. */
int __wrap_fsync(int fd)
{
    (void)fd;
    return fails("fsync") ? -1 : 0;
}

int __wrap_rename(const char *from, const char *to)
{
    return fails("rename") ? -1 : __real_rename(from, to);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    return fails("mkdir") ? -1 : __real_mkdir(path, mode);
}

static bool all; /* failures, and not some of those that are alike */

/* The failure to try after this one: what comes first is different each time, then come hundreds of
 * the same kind. */
static size_t after(size_t nth, size_t step)
{
    return nth + (all || nth < 60 ? 1 : step);
}

struct fixture {
    struct dv_test_context test;
    struct dv_folder       in, out, partial;
    struct dv_checkpoint  *checkpoint;
};

/* Converts with call number n failing; false when there are fewer calls. */
static bool fail_call(struct fixture *f, unsigned n)
{
    dv_test_context_reset(&f->test);
    fault.nth          = n;
    fault.calls        = 0;
    fault.failed       = NULL;
    dsvk_status status = dv_quantize(&f->test.ctx, f->checkpoint,
                                     &(struct dv_conversion){ DSVK_WEIGHTS_INT4, DSVK_HEAD_AUTO },
                                     f->out.path, NULL);
    const char *failed = fault.failed;
    fault.nth          = 0;
    fault.failed       = NULL;
    if (!failed)
        return false;
    if (status == DSVK_OK && strcmp(failed, "mkdir") == 0) { /* of a folder above, which is there */
        dv_folder_done(&f->out);
        return true;
    }
    bool kept = strcmp(failed, "rename") == 0; /* all is written, and only the name is missing */
    if (status != DSVK_BAD_FILE || f->test.errors != 1 || !strstr(f->test.line, strerror(ENOSPC)) ||
        !strstr(f->test.line, f->out.path))
        fail_msg("call %u, %s: status %d, %u errors, \"%s\"", n, failed, (int)status,
                 f->test.errors, f->test.line);
    if (dv_place_taken(f->out.path) || dv_place_taken(f->partial.path) != kept)
        fail_msg("call %u, %s: something is left behind", n, failed);
    if (kept)
        dv_folder_done(&f->partial);
    return true;
}

static void setup(struct fixture *f)
{
    dv_test_context_init(&f->test);
    dv_folder_init(&f->in);
    assert_int_equal(dv_make_checkpoint(&f->test.ctx, "v3-bf16", 1, f->in.path), DSVK_OK);
    assert_true(snprintf(f->out.path, sizeof f->out.path, "%s.out", f->in.path) > 0);
    assert_true(snprintf(f->partial.path, sizeof f->partial.path, "%s.partial", f->out.path) > 0);
    if (dv_checkpoint_open(&f->checkpoint, &f->test.ctx, f->in.path) != DSVK_OK)
        fail_msg("%s", f->test.line);
}

static void teardown(struct fixture *f)
{
    dv_checkpoint_close(f->checkpoint);
    dv_folder_done(&f->in);
    assert_int_equal(f->test.live, 0);
}

static void every_call_may_fail(void **state)
{
    struct fixture f;
    unsigned       n = 1, tries = 0;
    (void)state;
    setup(&f);
    for (; fail_call(&f, n); n = (unsigned)after(n, 7))
        tries++;
    print_message("  %u calls failed in turn\n", tries);
    assert_true(tries > 60); /* folder, files, bytes of each, name */
    dv_folder_done(&f.out);
    teardown(&f);
}

/* ---- memory ---- */

static struct {
    size_t nth, calls, live;
} node;

static void *node_alloc(size_t bytes)
{
    if (++node.calls == node.nth)
        return NULL;
    void *memory = malloc(bytes);
    node.live += memory != NULL;
    return memory;
}

static void node_free(void *memory)
{
    node.live -= memory != NULL;
    free(memory);
}

/* Each node of what is read and written as JSON finds no memory, and each allocation of ours. */
static void memory_may_end_anywhere(struct fixture *f, bool nodes)
{
    size_t nth = 1, tries = 0, live = f->test.live;
    for (bool fired = true; fired; nth = after(nth, nodes ? 97 : 7)) {
        dv_test_context_reset(&f->test);
        node.calls         = 0;
        node.nth           = nodes ? nth : 0;
        f->test.fail_at    = nodes ? 0 : (unsigned)nth;
        dsvk_status status = dv_quantize(
            &f->test.ctx, f->checkpoint,
            &(struct dv_conversion){ DSVK_WEIGHTS_INT4, DSVK_HEAD_AUTO }, f->out.path, NULL);
        fired           = (nodes ? node.calls : f->test.calls) >= nth;
        node.nth        = 0;
        f->test.fail_at = 0;
        if (status != (fired ? DSVK_NO_MEMORY : DSVK_OK) || f->test.errors != fired)
            fail_msg("allocation %zu: status %d, %u errors, \"%s\"", nth, (int)status,
                     f->test.errors, f->test.line);
        assert_int_equal(f->test.live, live);
        assert_int_equal(node.live, 0);
        tries += fired;
        if (fired && (dv_place_taken(f->out.path) || dv_place_taken(f->partial.path)))
            fail_msg("allocation %zu: something is left behind", nth);
    }
    print_message("  %zu %s failed in turn\n", tries, nodes ? "nodes of JSON" : "allocations");
    assert_true(tries > 60);
    dv_folder_done(&f->out);
}

static void every_allocation_may_fail(void **state)
{
    struct fixture f;
    (void)state;
    setup(&f);
    memory_may_end_anywhere(&f, true);
    memory_may_end_anywhere(&f, false);
    teardown(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_may_fail),
        cmocka_unit_test(every_allocation_may_fail),
    };
    all = argc > 1 && strcmp(argv[1], "--all") == 0;
    json_set_alloc_funcs(node_alloc, node_free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
