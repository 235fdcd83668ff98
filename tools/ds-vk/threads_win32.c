/* SPDX-License-Identifier: MIT */
/* Threads of the command line on Windows: for several sessions at once. */
#include "host.h"

#include <windows.h>

#include <process.h>
#include <stdlib.h>

struct job {
    void (*work)(void *user, unsigned i);
    void    *user;
    unsigned i;
};

static unsigned __stdcall run(void *user)
{
    const struct job *job = user;
    job->work(job->user, job->i);
    return 0;
}

bool host_threads(unsigned n, void (*work)(void *user, unsigned i), void *user)
{
    HANDLE     *threads = calloc(n, sizeof *threads);
    struct job *jobs    = calloc(n, sizeof *jobs);
    unsigned    started = 0;
    while (threads && jobs && started < n) {
        jobs[started]    = (struct job){ work, user, started };
        uintptr_t thread = _beginthreadex(NULL, 0, run, &jobs[started], 0, NULL);
        if (thread == 0)
            break;
        threads[started++] = (HANDLE)thread;
    }
    for (unsigned i = 0; i < started; i++) {
        WaitForSingleObject(threads[i], INFINITE);
        CloseHandle(threads[i]);
    }
    free(threads);
    free(jobs);
    return started == n;
}
