/* SPDX-License-Identifier: MIT */
/* Whatever ends the writing, the old file stays whole; whatever ends the reading, the timeline. */
#define _POSIX_C_SOURCE 200809L /* not sync(), which has another meaning here */
#include "keep.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test_context.h"

static void expect_old_file(void)
{
    size_t         n;
    unsigned char *now = read_whole(kept.path, &n);
    assert_int_equal(n, kept.n_bytes);
    assert_memory_equal(now, kept.bytes, n);
    free(now);
}

/* The disk is full after so many bytes. */
void writing_may_fail_anywhere(void **state)
{
    struct rlimit before, limit;
    dsvk_session *s    = new_session(kept.model);
    size_t        step = kept.n_bytes / (kept.full ? 200 : 25) + 1;
    (void)state;
    sync(s, kept.tokens, N - 1);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (size_t at = 0; at < kept.n_bytes - 4; at += step) {
        limit          = before;
        limit.rlim_cur = at;
        expect_lines();
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        dsvk_status status = dsvk_session_save(s, kept.path, NULL);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(expected_lines(), 1);
        assert_int_equal(status, DSVK_BAD_FILE);
        expect_old_file();
    }
    dsvk_session_free(s);
}

struct stopper {
    uint64_t at;
};

static bool stop_at(void *user, uint64_t done, uint64_t total)
{
    const struct stopper *stopper = user;
    assert_true(done <= total);
    return done < stopper->at;
}

void saving_and_loading_may_be_cancelled(void **state)
{
    struct stopper stopper  = { .at = 1 };
    dsvk_progress  progress = { .report = stop_at, .user = &stopper };
    dsvk_session  *s        = new_session(kept.model);
    uint32_t       token;
    (void)state;
    sync(s, kept.tokens, N);
    for (; stopper.at < kept.n_bytes * 2; stopper.at += kept.n_bytes / 4) {
        expect_lines();
        dsvk_status status = dsvk_session_save(s, kept.path, &progress);
        assert_true(status == DSVK_CANCELLED ||
                    (status == DSVK_OK && stopper.at > kept.n_bytes / 2));
        expect_old_file();
        status = dsvk_session_load(s, kept.path, NULL, 0, &progress);
        assert_true(status == DSVK_CANCELLED || (status == DSVK_OK && stopper.at > kept.n_bytes));
        (void)expected_lines();
        assert_int_equal(dsvk_session_tokens(s), N);
        assert_int_equal(dsvk_session_argmax(s, &token), DSVK_OK);
        assert_int_equal(token, kept.expected[0].ids[0]);
    }
    expect_going_on(s, false);
    dsvk_session_free(s);
}

/* A writer without a device, since those survive no fork of the process. */
static void write_and_die(uint64_t at)
{
    struct dv_test_context test;
    struct dv_keep         keep;
    struct dv_keep_writer  writer;
    dv_test_context_init(&test);
    if (dv_keep_parse(&keep, kept.bytes, kept.n_bytes) ||
        dv_keep_create(&writer, &test.ctx, kept.path, &keep) != DSVK_OK)
        _exit(1);
    for (uint64_t done = 0; done < at; done += 16)
        (void)dv_keep_write(&writer, kept.bytes + DV_KEEP_HEADER + done, 16);
    raise(SIGKILL);
}

void the_process_may_die_while_it_writes(void **state)
{
    (void)state;
    for (uint64_t at = 0; at + 1024 < kept.n_bytes; at += kept.n_bytes / (kept.full ? 100 : 8)) {
        int   status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            write_and_die(at);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        expect_old_file();
    }
}

static bool try_to_save(void *user, uint32_t token, const char *text, size_t n)
{
    (void)token;
    (void)text;
    (void)n;
    assert_int_equal(dsvk_session_save(user, kept.damaged, NULL), DSVK_BUSY);
    assert_int_equal(dsvk_session_load(user, kept.path, NULL, 0, NULL), DSVK_BUSY);
    return false;
}

void wrong_calls_are_refused(void **state)
{
    dsvk_session *s = new_session(kept.model);
    (void)state;
    expect_lines();
    assert_int_equal(dsvk_session_save(s, kept.damaged, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_session_save(NULL, kept.damaged, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_session_load(s, NULL, NULL, 0, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_session_load(s, kept.subject.folder.path, NULL, 0, NULL), DSVK_BAD_FILE);
    assert_int_equal(expected_lines(), 3);
    sync(s, kept.tokens, N);
    expect_lines();
    assert_int_equal(dsvk_session_save(s, "", NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_session_save(s, "/nowhere/at/all", NULL), DSVK_BAD_FILE);
    assert_int_equal(
        dsvk_session_generate(s, &(dsvk_generate_params){ .take = try_to_save, .user = s }, NULL),
        DSVK_OK);
    assert_int_equal(expected_lines(), 4);
    dsvk_session_free(s);
}
