/* SPDX-License-Identifier: MIT */
/* A process that writes session files is killed at a random time, again and again: what is left
 * under the file's name is always one of its timelines whole, which goes on with the tokens that it
 * has.   api_kill_saves [KILLS]   (itself, with `write`, is the process that is killed) */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHORT 70
#define LONG 150
#define ANSWER 4

static unsigned kills    = 4;
static char     folder[] = "/tmp/dsvk-kills-XXXXXX", path[64];

static void make_tokens(uint32_t *tokens, size_t n, uint32_t vocab)
{
    for (size_t i = 0; i < n; i++)
        tokens[i] = (uint32_t)(i * 37 + n) % vocab;
}

static dsvk_session *open_session(const struct demo *demo)
{
    dsvk_session       *s;
    dsvk_session_params params = { .context = 300, .exact_prefix = true };
    assert_int_equal(dsvk_session_new(&s, demo->model, &params), DSVK_OK);
    return s;
}

static void sync_to(dsvk_session *s, const struct demo *demo, size_t n)
{
    uint32_t tokens[LONG];
    uint32_t vocab = dsvk_model_describe(demo->model)->vocab;
    make_tokens(tokens, n, vocab);
    assert_int_equal(dsvk_session_sync(s, tokens, n, NULL), DSVK_OK);
}

/* Until it is killed. */
static int write_for_ever(const char *to)
{
    struct demo_log log  = { 0 };
    struct demo     demo = demo_open(&log, true);
    dsvk_session   *s[]  = { open_session(&demo), open_session(&demo) };
    sync_to(s[0], &demo, SHORT);
    sync_to(s[1], &demo, LONG);
    for (unsigned i = 0;; i++)
        if (dsvk_session_save(s[i % 2], to, NULL) != DSVK_OK)
            return 1;
}

static void wait_ms(double ms)
{
    struct timespec time = { 0, (long)(ms * 1e6) };
    nanosleep(&time, NULL);
}

static double random_ms(void)
{
    static uint64_t state = 11;
    state                 = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 40) / (double)(1u << 24) * 30;
}

/* Between the file's first appearance, or its next one, and 30 ms later. */
static void kill_writer(const char *program)
{
    struct stat before, now;
    bool        there = stat(path, &before) == 0;
    int         status;
    pid_t       child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl(program, program, "write", path, (char *)NULL);
        _exit(127);
    }
    while (stat(path, &now) != 0 || (there && now.st_ino == before.st_ino)) {
        assert_int_equal(waitpid(child, &status, WNOHANG), 0);
        wait_ms(1);
    }
    wait_ms(random_ms());
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

struct answer {
    uint32_t ids[ANSWER];
    size_t   n;
};

static bool take(void *user, uint32_t token, const char *text, size_t n)
{
    struct answer *a = user;
    (void)text;
    (void)n;
    if (token != DSVK_TEXT_END && a->n < ANSWER)
        a->ids[a->n++] = token;
    return true;
}

static void go_on(dsvk_session *s, struct answer *answer)
{
    dsvk_generate_params params = {
        .limit = ANSWER, .past_end = true, .take = take, .user = answer
    };
    *answer = (struct answer){ .n = 0 };
    assert_int_equal(dsvk_session_generate(s, &params, NULL), DSVK_OK);
}

static const char *this_program;

static void a_killed_writer_leaves_a_whole_file(void **state)
{
    struct demo_log log  = { 0 };
    struct demo     demo = demo_open(&log, true);
    dsvk_session   *s    = open_session(&demo);
    struct answer   expected[2], got;
    unsigned        was[2] = { 0, 0 };
    (void)state;
    for (int i = 0; i < 2; i++) {
        sync_to(s, &demo, i ? LONG : SHORT);
        go_on(s, &expected[i]);
    }
    for (unsigned i = 0; i < kills; i++) {
        kill_writer(this_program);
        assert_int_equal(dsvk_session_load(s, path, NULL, 0, NULL), DSVK_OK);
        size_t n = dsvk_session_tokens(s);
        assert_true(n == SHORT || n == LONG);
        was[n == LONG]++;
        go_on(s, &got);
        assert_memory_equal(&got, &expected[n == LONG], sizeof got);
    }
    print_message("  %u killed: %u short timelines, %u long ones\n", kills, was[0], was[1]);
    assert_int_equal(log.errors, 0);
    dsvk_session_free(s);
    demo_close(&demo);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_killed_writer_leaves_a_whole_file) };
    char                    command[64];
    if (argc == 3 && strcmp(argv[1], "write") == 0)
        return write_for_ever(argv[2]);
    if (argc > 1)
        kills = (unsigned)atoi(argv[1]);
    this_program = argv[0];
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/kept", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command) != 0 || failed;
}
