/* SPDX-License-Identifier: MIT */
/* Threads of the command line: for several sessions at once. */
#include "host.h"

#include <pthread.h>
#include <stdlib.h>

struct job {
    void (*work)(void *user, unsigned i);
    void    *user;
    unsigned i;
};

static void *run(void *user)
{
    const struct job *job = user;
    job->work(job->user, job->i);
    return NULL;
}

bool host_threads(unsigned n, void (*work)(void *user, unsigned i), void *user)
{
    pthread_t  *threads = calloc(n, sizeof *threads);
    struct job *jobs    = calloc(n, sizeof *jobs);
    unsigned    started = 0;
    while (threads && jobs && started < n) {
        jobs[started] = (struct job){ work, user, started };
        if (pthread_create(&threads[started], NULL, run, &jobs[started]))
            break;
        started++;
    }
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    free(jobs);
    return started == n;
}
