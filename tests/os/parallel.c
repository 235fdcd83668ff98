/* SPDX-License-Identifier: MIT */
/* Work on several threads is done once each, also where the system gives no or few threads. The
 * linker puts the function below in the place of the system's (CMakeLists.txt). */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/os.h"

#define N 100

static unsigned    allowed, created;
static atomic_uint done[N];

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *argument);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *argument)
{
    if (created == allowed)
        return EAGAIN;
    created++;
    return __real_pthread_create(thread, how, run, argument);
}

static void work(void *user, uint32_t i)
{
    atomic_fetch_add(&((atomic_uint *)user)[i], 1);
}

static void work_is_done_on_the_threads_that_there_are(void **state)
{
    (void)state;
    for (allowed = 0; allowed < 8; allowed++) {
        created = 0;
        for (unsigned i = 0; i < N; i++)
            atomic_store(&done[i], 0);
        dv_parallel(6, N, work, done);
        assert_int_equal(created, allowed < 5 ? allowed : 5); /* and the caller's own */
        for (unsigned i = 0; i < N; i++)
            assert_int_equal(atomic_load(&done[i]), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_done_on_the_threads_that_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
