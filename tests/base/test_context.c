/* SPDX-License-Identifier: MIT */
/* Context, arena, files and threads of base and os: also what a caller's log and allocator see of
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/stop.h"
#include "os/os.h"
#include "support/test_context.h"

static void fail_logs_one_line_and_returns_the_status(void **state)
{
    struct dv_test_context test;
    (void)state;
    dv_test_context_init(&test);
    assert_int_equal(dv_fail(&test.ctx, DSVK_BAD_FILE, "thing: %s is %d", "a\nb\x01", 7),
                     DSVK_BAD_FILE);
    assert_int_equal(test.errors, 1);
    assert_string_equal(test.line, "thing: a b  is 7");
    dv_log(&test.ctx, DSVK_LOG_INFO, "not wanted at this level");
    assert_string_equal(test.line, "thing: a b  is 7");
}

static void long_lines_are_cut(void **state)
{
    struct dv_test_context test;
    char                   text[5000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    dv_test_context_init(&test);
    dv_fail(&test.ctx, DSVK_BAD_FILE, "%s", text);
    assert_int_equal(strlen(test.line), 1023);
}

static void silent_without_log(void **state)
{
    struct dv_context ctx;
    (void)state;
    dv_context_init(&ctx, NULL, NULL);
    assert_int_equal(dv_fail(&ctx, DSVK_NO_MEMORY, "nobody hears"), DSVK_NO_MEMORY);
}

static void allocation_edges(void **state)
{
    struct dv_test_context test;
    (void)state;
    dv_test_context_init(&test);
    assert_null(dv_alloc(&test.ctx, 0));
    assert_null(dv_zalloc_array(&test.ctx, SIZE_MAX / 2, 3));
    assert_int_equal(test.calls, 0);
    dv_free(&test.ctx, NULL);
    char *text = dv_strdup(&test.ctx, "abc");
    assert_string_equal(text, "abc");
    text = dv_realloc(&test.ctx, text, 100);
    assert_string_equal(text, "abc");
    dv_free(&test.ctx, text);
    test.fail_at = test.calls + 1;
    assert_null(dv_strdup(&test.ctx, "abc"));
    assert_int_equal(test.live, 0);
}

static void arena_blocks_are_zeroed_and_aligned(void **state)
{
    struct dv_test_context test;
    struct dv_arena        arena;
    (void)state;
    dv_test_context_init(&test);
    dv_arena_init(&arena, &test.ctx);
    unsigned char *before = NULL;
    for (size_t n = 1; n < 3000; n += 13) {
        unsigned char *memory = dv_arena_alloc(&arena, n, 1);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 16, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xAA, n);
        assert_ptr_not_equal(memory, before);
        before = memory;
    }
    assert_non_null(dv_arena_alloc(&arena, 1 << 20, 3)); /* more than a block */
    assert_non_null(dv_arena_alloc(&arena, 10, 1));
    assert_null(dv_arena_alloc(&arena, SIZE_MAX / 2, 4));
    assert_null(dv_arena_alloc(&arena, SIZE_MAX, 1));
    assert_string_equal(dv_arena_printf(&arena, "%s-%d", "a", 5), "a-5");
    dv_arena_done(&arena);
    assert_int_equal(test.live, 0);
    dv_arena_done(&arena); /* again is harmless */
}

static void arena_reports_exhaustion(void **state)
{
    struct dv_test_context test;
    struct dv_arena        arena;
    (void)state;
    dv_test_context_init(&test);
    dv_arena_init(&arena, &test.ctx);
    test.fail_at = 1;
    assert_null(dv_arena_alloc(&arena, 1, 1));
    test.fail_at = 2 + test.calls;
    assert_non_null(dv_arena_printf(&arena, "x"));
    assert_null(dv_arena_alloc(&arena, 1 << 20, 1));
    assert_string_equal(dv_arena_printf(&arena, "still usable"), "still usable");
    dv_arena_done(&arena);
    assert_int_equal(test.live, 0);
}

static void status_texts(void **state)
{
    (void)state;
    assert_string_equal(dsvk_status_text(DSVK_OK), "success");
    for (int i = 0; i <= DSVK_NOT_FINITE; i++)
        assert_true(strlen(dsvk_status_text((dsvk_status)i)) > 0);
    assert_string_equal(dsvk_status_text((dsvk_status)9999), "unknown status");
    assert_string_equal(dsvk_status_text((dsvk_status)-1), "unknown status");
}

static void files_that_cannot_be_read(void **state)
{
    struct dv_test_context test;
    struct dv_file_map     map;
    char                  *text;
    size_t                 bytes;
    (void)state;
    dv_test_context_init(&test);
    assert_int_equal(dv_file_map_open(&map, &test.ctx, "/no/such/file"), DSVK_BAD_FILE);
    assert_int_equal(dv_file_map_open(&map, &test.ctx, "/"), DSVK_BAD_FILE);
    assert_int_equal(dv_file_read(&text, &bytes, &test.ctx, "/", 10), DSVK_BAD_FILE);
    assert_int_equal(dv_file_read(&text, &bytes, &test.ctx, __FILE__ "x", 10), DSVK_BAD_FILE);
    assert_int_equal(test.errors, 4);
    assert_false(dv_file_exists("/no/such/file"));
    assert_null(text);
}

struct last_line {
    dsvk_log_level level;
    unsigned       n;
};

static void keep_level(void *user, dsvk_log_level level, const char *line)
{
    struct last_line *last = user;
    (void)line;
    last->level = level;
    last->n++;
}

static void cancelling_is_no_error(void **state)
{
    struct dv_context ctx;
    struct last_line  last = { 0 };
    dsvk_log          log  = { .write = keep_level, .user = &last, .level = DSVK_LOG_INFO };
    (void)state;
    dv_context_init(&ctx, &log, NULL);
    assert_int_equal(dv_fail(&ctx, DSVK_CANCELLED, "cancelled"), DSVK_CANCELLED);
    assert_true(last.n == 1 && last.level == DSVK_LOG_INFO);
    assert_int_equal(dv_fail(&ctx, DSVK_BAD_FILE, "broken"), DSVK_BAD_FILE);
    assert_true(last.n == 2 && last.level == DSVK_LOG_ERROR);
}

static bool say_no_at_two(void *user, uint64_t done, uint64_t total)
{
    ++*(int *)user;
    return done != 2 || total != 5;
}

static void progress_asks_both_report_and_stop(void **state)
{
    struct dv_test_context test;
    dsvk_stop             *stop;
    int                    calls = 0;
    (void)state;
    dv_test_context_init(&test);
    assert_int_equal(dsvk_stop_new(&stop, &test.ctx.allocator), DSVK_OK);
    dsvk_progress progress = { .stop = stop };
    assert_true(dv_goes_on(NULL, 0, 1) && dv_goes_on(&progress, 0, 1));
    assert_true(dv_is_watched(&progress) && !dv_is_watched(&(dsvk_progress){ 0 }));
    dsvk_stop_set(stop, true);
    dsvk_stop_set(stop, true);
    assert_true(dsvk_stop_is_set(stop) && dv_is_stopped(&progress));
    assert_false(dv_goes_on(&progress, 0, 1)); /* it stays set */
    assert_false(dv_goes_on(&progress, 1, 1));
    dsvk_stop_set(stop, false);
    progress.report = say_no_at_two;
    progress.user   = &calls;
    assert_true(dv_goes_on(&progress, 0, 5) && !dv_goes_on(&progress, 2, 5));
    dsvk_stop_set(stop, true);
    assert_false(dv_goes_on(&progress, 3, 5));
    assert_int_equal(calls, 3);
    dsvk_stop_free(stop);
    dsvk_stop_set(NULL, true);
    dsvk_stop_free(NULL);
    assert_false(dsvk_stop_is_set(NULL));
    dv_test_context_reset(&test);
    test.fail_at = 1;
    assert_int_equal(dsvk_stop_new(&stop, &test.ctx.allocator), DSVK_NO_MEMORY);
    assert_null(stop);
    assert_int_equal(test.live, 0);
}

static dsvk_status stop_at_second(void *user, const char *name)
{
    (void)name;
    return ++*(int *)user == 2 ? DSVK_CANCELLED : DSVK_OK;
}

static void folder_list_stops_with_the_visitor(void **state)
{
    struct dv_test_context test;
    int                    seen = 0;
    (void)state;
    dv_test_context_init(&test);
    assert_int_equal(dv_folder_list(&test.ctx, DSVK_TEST_DATA, stop_at_second, &seen),
                     DSVK_CANCELLED);
    assert_int_equal(seen, 2);
    assert_int_equal(dv_folder_list(&test.ctx, "/no/such", stop_at_second, &seen), DSVK_BAD_FILE);
    assert_int_equal(test.errors, 1);
}

static atomic_uint marks[1000];

static void mark(void *user, uint32_t i)
{
    (void)user;
    atomic_fetch_add(&marks[i], 1u);
}

static void parallel_runs_each_index_once(void **state)
{
    (void)state;
    for (uint32_t threads = 0; threads < 6; threads++)
        dv_parallel(threads, 1000, mark, NULL);
    dv_parallel(4, 0, mark, NULL);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(atomic_load(&marks[i]), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fail_logs_one_line_and_returns_the_status),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(silent_without_log),
        cmocka_unit_test(allocation_edges),
        cmocka_unit_test(arena_blocks_are_zeroed_and_aligned),
        cmocka_unit_test(cancelling_is_no_error),
        cmocka_unit_test(progress_asks_both_report_and_stop),
        cmocka_unit_test(arena_reports_exhaustion),
        cmocka_unit_test(status_texts),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(folder_list_stops_with_the_visitor),
        cmocka_unit_test(parallel_runs_each_index_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
