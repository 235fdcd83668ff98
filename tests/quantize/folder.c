/* SPDX-License-Identifier: MIT */
/* Writing a converted checkpoint: what can be known is known before the first byte, and nothing
 * that is not needed stops it. */
#define _XOPEN_SOURCE 700
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

#include "os/os.h"
#include "os/place.h"
#include "fixture.h"
#include "support/rewrite.h"

static bool never(void *user, uint64_t done, uint64_t total)
{
    (void)user;
    (void)done;
    (void)total;
    fail_msg("something was written");
    return false;
}

/* Refused with one sentence, before a byte of weights. */
static void expect_refusal(struct fixture *f, const char *target, const char *says)
{
    dv_test_context_reset(&f->test);
    dsvk_status status = dv_quantize(&f->test.ctx, f->checkpoint,
                                     &(struct dv_conversion){ DSVK_WEIGHTS_INT4, DSVK_HEAD_AUTO },
                                     target, &(dsvk_progress){ .report = never });
    if (status != DSVK_BAD_FILE || f->test.errors != 1 || !strstr(f->test.line, says))
        fail_msg("%s: status %d, \"%s\"", target, (int)status, f->test.line);
}

static void places_are_looked_at_first(void **state)
{
    struct fixture f;
    char           path[256], link[128];
    (void)state;
    setup(&f, "v3-bf16");
    expect_refusal(&f, f.in.path, "is there already");
    snprintf(path, sizeof path, "%s///", f.in.path);
    expect_refusal(&f, path, "is there already");
    expect_refusal(&f, dv_folder_path(&f.in, "x"), "the folder that is read");
    expect_refusal(&f, dv_folder_path(&f.in, "../nowhere-here/x"), "there is no folder");
    expect_refusal(&f, dv_folder_path(&f.in, "config.json/x"), "there is no folder");
    /* Inside, through a link; a link that leads nowhere has the name, too. */
    snprintf(link, sizeof link, "%s.link", f.in.path);
    assert_int_equal(symlink(f.in.path, link), 0);
    snprintf(path, sizeof path, "%s/x", link);
    expect_refusal(&f, path, "the folder that is read");
    unlink(link);
    assert_int_equal(symlink("nowhere-here", link), 0);
    expect_refusal(&f, link, "is there already");
    unlink(link);
    /* What another run left, or is writing. */
    snprintf(path, sizeof path, "%s.partial", f.out.path);
    assert_int_equal(mkdir(path, 0700), 0);
    expect_refusal(&f, f.out.path, "left by a run that was ended");
    assert_int_equal(rmdir(path), 0);
    assert_false(dv_place_taken(f.out.path));
    teardown(&f);
}

static void rights_are_looked_at_first(void **state)
{
    struct fixture f;
    char           path[128];
    (void)state;
    setup(&f, "v3-bf16");
    assert_int_equal(mkdir(f.out.path, 0500), 0);
    snprintf(path, sizeof path, "%s/x", f.out.path);
    if (!dv_place_writable(f.out.path)) /* as root, everything is */
        expect_refusal(&f, path, "nothing may be written to");
    assert_int_equal(rmdir(f.out.path), 0);
    teardown(&f);
}

static void room_is_looked_at_first(void **state)
{
    struct dv_test_context test;
    struct dv_quantizing   q = {
          .bytes = 3ull << 30, .small_bytes = 1000, .n = 4, .target = "OUT", .parent = "."
    };
    uint64_t all = (3ull << 30) + 1000 + 4 * 256;
    (void)state;
    dv_test_context_init(&test);
    q.ctx = &test.ctx;
    assert_int_equal(dv_quantize_room(&q, all), DSVK_OK);
    assert_int_equal(dv_quantize_room(&q, all - 1), DSVK_BAD_FILE);
    assert_non_null(strstr(test.line, "OUT takes 3.00 GiB (3221227496 bytes), and 3.00 GiB "
                                      "(3221227495 bytes) are free in ."));
}

static void slashes_at_the_end_mean_nothing(void **state)
{
    struct fixture f;
    char           path[128];
    (void)state;
    setup(&f, "v3-bf16");
    snprintf(path, sizeof path, "%s//", f.out.path);
    write_folder(&f, DSVK_WEIGHTS_INT4, path);
    dv_checkpoint_close(open_folder(&f.test, f.out.path));
    dv_folder_done(&f.out);
    teardown(&f);
}

/* Links that lead nowhere, folders and pipes with the names of small files, sidecars. */
static void small_files_that_cannot_be_copied_are_warnings(void **state)
{
    struct fixture f;
    size_t         bytes;
    (void)state;
    setup(&f, "v3-bf16");
    dv_folder_write(&f.in, "NOTES.md", "read me", 7);
    dv_folder_write(&f.in, "._NOTES.md", "Mac", 3);
    dv_folder_write(&f.in, "picture.png", "x", 1);
    assert_int_equal(symlink("../../blobs/gone", dv_folder_path(&f.in, "README.md")), 0);
    assert_int_equal(mkdir(dv_folder_path(&f.in, "folder.json"), 0700), 0);
    assert_int_equal(mkfifo(dv_folder_path(&f.in, "pipe.txt"), 0600), 0);
    write_folder(&f, DSVK_WEIGHTS_INT4, f.out.path);
    assert_int_equal(f.test.warnings, 3);
    assert_int_equal(f.test.errors, 0);
    char *text = dv_folder_read(&f.out, "NOTES.md", &bytes);
    assert_string_equal(text, "read me");
    free(text);
    static const char *const absent[] = { "._NOTES.md", "picture.png", "README.md", "folder.json",
                                          "pipe.txt" };
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_false(dv_place_taken(dv_folder_path(&f.out, absent[i])));
    dv_checkpoint_close(open_folder(&f.test, f.out.path));
    dv_folder_remove(&f.in, "._NOTES.md");
    dv_folder_done(&f.out);
    teardown(&f);
}

/* Whoever gives it to another program has to know. */
static void tensors_that_are_not_understood_are_a_warning(void **state)
{
    struct fixture    f;
    struct dv_rewrite rewrite;
    (void)state;
    setup(&f, "odd-fp8");
    dv_checkpoint_close(f.checkpoint);
    dv_rewrite_begin(&rewrite, &f.in);
    struct dv_rewrite_tensor *t = &rewrite.tensors[rewrite.n - 1];
    rewrite.tensors             = realloc(rewrite.tensors, (rewrite.n + 1) * sizeof *t);
    assert_non_null(rewrite.tensors);
    t  = &rewrite.tensors[rewrite.n++];
    *t = (struct dv_rewrite_tensor){ .name = "vision_tower.x" };
    dv_rewrite_data(t, "F64", 3, 0, 24);
    dv_rewrite_end(&rewrite);
    f.checkpoint = open_folder(&f.test, f.in.path);
    write_folder(&f, DSVK_WEIGHTS_BF16, f.out.path);
    assert_int_equal(f.test.warnings, 1);
    assert_non_null(strstr(f.test.line, "1 tensors or entries are not copied"));
    assert_non_null(strstr(f.test.line, "vision_tower.x"));
    dv_checkpoint_close(open_folder(&f.test, f.out.path));
    dv_folder_done(&f.out);
    teardown(&f);
}

/* When only the name is lost, the work is not. */
static bool take_name(void *user, uint64_t done, uint64_t total)
{
    (void)done;
    (void)total;
    mkdir(user, 0700);
    return true;
}

static void a_lost_name_keeps_the_work(void **state)
{
    struct fixture   f;
    struct dv_folder partial;
    (void)state;
    setup(&f, "v3-bf16");
    assert_int_equal(dv_quantize(&f.test.ctx, f.checkpoint,
                                 &(struct dv_conversion){ DSVK_WEIGHTS_FP8, DSVK_HEAD_AUTO },
                                 f.out.path,
                                 &(dsvk_progress){ .report = take_name, .user = f.out.path }),
                     DSVK_BAD_FILE);
    assert_non_null(strstr(f.test.line, "is whole in"));
    assert_true(snprintf(partial.path, sizeof partial.path, "%s.partial", f.out.path) > 0);
    dv_checkpoint_close(open_folder(&f.test, partial.path));
    dv_folder_done(&partial);
    assert_int_equal(rmdir(f.out.path), 0);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_looked_at_first),
        cmocka_unit_test(rights_are_looked_at_first),
        cmocka_unit_test(room_is_looked_at_first),
        cmocka_unit_test(slashes_at_the_end_mean_nothing),
        cmocka_unit_test(small_files_that_cannot_be_copied_are_warnings),
        cmocka_unit_test(tensors_that_are_not_understood_are_a_warning),
        cmocka_unit_test(a_lost_name_keeps_the_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
