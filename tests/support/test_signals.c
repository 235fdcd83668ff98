/* SPDX-License-Identifier: MIT */
/* A crash ends a test program, with its signal, at once. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void crash(void **state)
{
    (void)state;
    raise(SIGILL);
}

static void a_crash_ends_the_program(void **state)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(crash) };
    int                     status;
    pid_t                   child = fork();
    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        close(1); /* what it says is no news */
        _exit(cmocka_run_group_tests(tests, NULL, NULL));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGILL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_crash_ends_the_program) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
