/* SPDX-License-Identifier: MIT */
/* What os.h, place.h and output.h promise of files, on any system: names in UTF-8, paths longer
 * than 260 characters, what is no file, what is replaced. And threads, as far as nothing is
 * replaced for that (parallel.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/monitor.h"
#include "os/os.h"
#include "os/output.h"
#include "os/place.h"
#include "support/folder.h"
#include "support/test_context.h"

#define NAME "Größe 你好 🙂"
#define PART "/a folder with a name of forty bytes or so"

static struct dv_test_context t;
static struct dv_folder       f;

static int set_up(void **state)
{
    (void)state;
    dv_test_context_init(&t);
    dv_folder_init(&f);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dv_folder_done(&f);
    assert_int_equal(t.live, 0);
    return 0;
}

/* What is in a file, by each way to read it. */
static void holds(const char *path, const char *text)
{
    struct dv_file_map map;
    struct dv_file     file;
    size_t             n = strlen(text), bytes;
    char              *data, part[64];
    assert_int_equal(dv_file_read(&data, &bytes, &t.ctx, path, 100), DSVK_OK);
    assert_int_equal(bytes, n);
    assert_string_equal(data, text);
    dv_free(&t.ctx, data);
    assert_int_equal(dv_file_map_open(&map, &t.ctx, path), DSVK_OK);
    assert_int_equal(map.bytes, n);
    dv_memory_will_need(map.data, map.bytes);
    assert_memory_equal(map.data, text, n);
    dv_file_map_close(&map);
    assert_int_equal(dv_file_open(&file, &t.ctx, path), DSVK_OK);
    assert_int_equal(dv_file_bytes(&file), n);
    assert_int_equal(dv_file_read_at(&file, part, sizeof part, 2), n - 2);
    assert_memory_equal(part, text + 2, n - 2);
    assert_int_equal(dv_file_read_at(&file, part, 1, n), 0);
    dv_file_forget(&file, n, 0);
    dv_file_close(&file);
    uint64_t size;
    assert_int_equal(dv_place_kind(path, &size), DV_PLACE_FILE);
    assert_int_equal(size, n);
}

static dsvk_status count_name(void *user, const char *name)
{
    unsigned *found = user;
    *found += strcmp(name, NAME) == 0;
    return DSVK_OK;
}

static void names_are_utf8(void **state)
{
    unsigned    found = 0;
    const char *why;
    char        path[512], other[512];
    (void)state;
    snprintf(path, sizeof path, "%s", dv_folder_path(&f, NAME));
    snprintf(other, sizeof other, "%s", dv_folder_path(&f, "other 名"));
    assert_int_equal(dv_file_replace(&t.ctx, path, "words", 5), DSVK_OK);
    holds(path, "words");
    assert_int_equal(dv_folder_list(&t.ctx, f.path, count_name, &found), DSVK_OK);
    assert_int_equal(found, 1);
    assert_true(dv_file_move(&why, path, other));
    assert_false(dv_file_exists(path));
    holds(other, "words");
    dv_file_remove(other);
    assert_false(dv_place_taken(other));
}

static void paths_may_be_long(void **state)
{
    char        path[1024], file[1100], real[DV_PATH_BYTES];
    const char *why;
    (void)state;
    int n = snprintf(path, sizeof path, "%s", f.path);
    for (int i = 0; i < 10; i++)
        n += snprintf(path + n, sizeof path - (size_t)n, PART "%d", i);
    assert_true(n > 400);
    assert_int_equal(dv_folder_make(&t.ctx, path, false), DSVK_OK);
    assert_int_equal(dv_folder_make(&t.ctx, path, true), DSVK_OK); /* it is there */
    assert_int_equal(dv_place_kind(path, NULL), DV_PLACE_FOLDER);
    assert_true(dv_place_writable(path));
    snprintf(file, sizeof file, "%s/%s", path, NAME);
    assert_int_equal(dv_file_replace(&t.ctx, file, "one", 3), DSVK_OK);
    assert_int_equal(dv_file_replace(&t.ctx, file, "two", 3), DSVK_OK);
    holds(file, "two");
    assert_true(dv_place_real(real, sizeof real, file));
    assert_non_null(strstr(real, PART "9/" NAME));
    assert_true(dv_file_move(&why, file, dv_folder_path(&f, "short")));
    holds(dv_folder_path(&f, "short"), "two");
    for (int i = 0; i < 10; i++) {
        dv_folder_remove_empty(path);
        path[dv_place_parent(path, dv_place_length(path))] = 0;
    }
    assert_string_equal(path, f.path);
}

/* One sentence, which names the path and has the reason. */
static void says(const char *path, const char *reason)
{
    assert_int_equal(t.errors, 1);
    assert_non_null(strstr(t.line, path));
    assert_non_null(strstr(t.line, reason));
    dv_test_context_reset(&t);
}

static void what_is_no_file_is_told(void **state)
{
    struct dv_file_map map;
    struct dv_file     file;
    struct dv_output   output;
    char               path[512], *data;
    const char        *why;
    size_t             bytes;
    (void)state;
    assert_int_equal(dv_file_map_open(&map, &t.ctx, f.path), DSVK_BAD_FILE);
    says(f.path, "not a regular file");
    assert_int_equal(dv_file_open(&file, &t.ctx, f.path), DSVK_BAD_FILE);
    says(f.path, "not a regular file");
    snprintf(path, sizeof path, "%s", dv_folder_path(&f, "none/at/all"));
    assert_int_equal(dv_file_open(&file, &t.ctx, path), DSVK_BAD_FILE);
    says(path, "No such file or directory");
    assert_int_equal(dv_file_replace(&t.ctx, path, "", 0), DSVK_BAD_FILE);
    says(path, "No such file or directory");
    assert_int_equal(dv_output_create(&output, &t.ctx, "module", path, "name"), DSVK_BAD_FILE);
    says(path, "No such file or directory");
    assert_false(dv_file_move(&why, path, f.path));
    assert_string_equal(why, "No such file or directory");
    dv_folder_write(&f, "file", "12345", 5);
    snprintf(path, sizeof path, "%s", dv_folder_path(&f, "file"));
    assert_int_equal(dv_file_read(&data, &bytes, &t.ctx, path, 4), DSVK_BAD_FILE);
    says(path, "5 bytes, more than the 4");
    assert_int_equal(dv_folder_make(&t.ctx, path, false), DSVK_BAD_FILE);
    says(path, "File exists");
    dv_folder_write(&f, "empty", "", 0);
    assert_int_equal(dv_file_map_open(&map, &t.ctx, dv_folder_path(&f, "empty")), DSVK_OK);
    assert_null(map.data);
    dv_file_map_close(&map);
    assert_int_equal(dv_file_read(&data, &bytes, &t.ctx, dv_folder_path(&f, "\xff\xfe"), 9),
                     DSVK_BAD_FILE);
    dv_test_context_reset(&t);
}

static void outputs_come_whole(void **state)
{
    struct dv_output output;
    uint64_t         free;
    char             path[512];
    (void)state;
    snprintf(path, sizeof path, "%s", dv_folder_path(&f, "name"));
    assert_int_equal(dv_output_create(&output, &t.ctx, "test", f.path, "name"), DSVK_OK);
    dv_output_write(&output, "first", 5);
    dv_output_write(&output, " words", 6);
    assert_int_equal(dv_output_close(&output), DSVK_OK);
    holds(path, "first words");
    assert_int_equal(dv_output_create_beside(&output, &t.ctx, "test", path), DSVK_OK);
    dv_output_write(&output, "others\n", 7); /* as they are: no line end is changed */
    holds(path, "first words");
    assert_int_equal(dv_output_put(&output, path), DSVK_OK);
    holds(path, "others\n");
    assert_false(dv_place_taken(output.path));
    assert_int_equal(dv_output_create_beside(&output, &t.ctx, "test", path), DSVK_OK);
    dv_output_drop(&output);
    dv_file_remove(output.path);
    holds(path, "others\n");
    assert_true(dv_place_free(&free, f.path));
    assert_true(free > 0);
}

static void paths_have_parts(void **state)
{
    static const struct {
        const char *path;
        size_t      length, parent;
    } cases[] = {
        { "name", 4, 0 },
        { "name//", 4, 0 },
        { "a/name", 6, 1 },
        { "/name", 5, 1 },
        { "/a/name/", 7, 2 },
        { "/", 1, 1 },
        { "", 0, 0 },
#if defined(_WIN32)
        { "C:\\name\\", 7, 3 },
        { "C:name", 6, 2 },
        { "C:\\a\\name", 9, 4 },
        { "a\\b/c", 5, 3 },
#endif
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(dv_place_length(cases[i].path), cases[i].length);
        assert_int_equal(dv_place_parent(cases[i].path, cases[i].length), cases[i].parent);
    }
}

/* ---- threads ---- */

struct meeting {
    struct dv_monitor *monitor;
    unsigned           here;
    atomic_uint        selves;
};

/* Each waits until all are there, so they are as many threads, each with a number of its own. */
static void meet(void *user, uint32_t i)
{
    struct meeting *m = user;
    (void)i;
    assert_true(dv_thread_self() != 0);
    atomic_fetch_xor(&m->selves, (unsigned)(dv_thread_self() >> 2));
    dv_monitor_enter(m->monitor);
    m->here++;
    dv_monitor_wake(m->monitor);
    while (m->here < 2)
        if (i == 0)
            dv_monitor_wait(m->monitor);
        else
            dv_monitor_wait_for(m->monitor, 1500000);
    dv_monitor_leave(m->monitor);
}

static void threads_meet(void **state)
{
    struct meeting m = { 0 };
    (void)state;
    assert_int_equal(dv_monitor_new(&m.monitor, &t.ctx), DSVK_OK);
    dv_monitor_enter(m.monitor);
    dv_monitor_wait_for(m.monitor, 1); /* nobody comes */
    dv_monitor_leave(m.monitor);
    dv_parallel(2, 2, meet, &m);
    assert_int_equal(m.here, 2);
    assert_true(m.selves != 0);
    dv_monitor_free(m.monitor);
}

static void machines_have_something(void **state)
{
    (void)state;
    uint64_t before = dv_time_ns();
    assert_true(dv_processor_count() > 0);
    assert_true(dv_host_memory_free() > 0);
    assert_true(dv_host_memory_free() <= dv_host_memory_size());
    assert_null(dv_library_function("no-such-library", "name"));
    assert_true(dv_time_ns() >= before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(names_are_utf8),          TEST(paths_may_be_long), TEST(what_is_no_file_is_told),
        TEST(outputs_come_whole),      TEST(paths_have_parts),  TEST(threads_meet),
        TEST(machines_have_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
