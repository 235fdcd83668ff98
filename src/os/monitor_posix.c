/* SPDX-License-Identifier: MIT */
/* The monitor on POSIX threads: one mutex and one condition. A spurious wake-up goes through to the
 * caller, who asks in a loop. */
#define _POSIX_C_SOURCE 200809L
#include "os/monitor.h"

#include <pthread.h>
#include <time.h>

#define SECOND_NS UINT64_C(1000000000)
#define LONGEST_NS (3600 * SECOND_NS)

struct dv_monitor {
    const struct dv_context *ctx;
    pthread_mutex_t          mutex;
    pthread_cond_t           changed;
};

/* By a clock that nobody sets. */
static bool make_condition(pthread_cond_t *condition)
{
    pthread_condattr_t how;
    if (pthread_condattr_init(&how) != 0)
        return false;
    bool made = pthread_condattr_setclock(&how, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(condition, &how) == 0;
    pthread_condattr_destroy(&how);
    return made;
}

dsvk_status dv_monitor_new(struct dv_monitor **out, const struct dv_context *ctx)
{
    struct dv_monitor *monitor = dv_zalloc(ctx, sizeof *monitor);
    *out                       = NULL;
    if (!monitor)
        return dv_fail(ctx, DSVK_NO_MEMORY, "no memory for a lock");
    monitor->ctx = ctx;
    if (pthread_mutex_init(&monitor->mutex, NULL) != 0) {
        dv_free(ctx, monitor);
        return dv_fail(ctx, DSVK_NO_MEMORY, "the system has no room for a lock");
    }
    if (!make_condition(&monitor->changed)) {
        pthread_mutex_destroy(&monitor->mutex);
        dv_free(ctx, monitor);
        return dv_fail(ctx, DSVK_NO_MEMORY, "the system has no room for a condition");
    }
    *out = monitor;
    return DSVK_OK;
}

void dv_monitor_free(struct dv_monitor *monitor)
{
    if (!monitor)
        return;
    pthread_cond_destroy(&monitor->changed);
    pthread_mutex_destroy(&monitor->mutex);
    dv_free(monitor->ctx, monitor);
}

void dv_monitor_enter(struct dv_monitor *monitor)
{
    pthread_mutex_lock(&monitor->mutex);
}

void dv_monitor_leave(struct dv_monitor *monitor)
{
    pthread_mutex_unlock(&monitor->mutex);
}

void dv_monitor_wait(struct dv_monitor *monitor)
{
    pthread_cond_wait(&monitor->changed, &monitor->mutex);
}

void dv_monitor_wait_for(struct dv_monitor *monitor, uint64_t ns)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t at = (uint64_t)until.tv_nsec + (ns < LONGEST_NS ? ns : LONGEST_NS);
    until.tv_sec += (time_t)(at / SECOND_NS);
    until.tv_nsec = (long)(at % SECOND_NS);
    pthread_cond_timedwait(&monitor->changed, &monitor->mutex, &until);
}

void dv_monitor_wake(struct dv_monitor *monitor)
{
    pthread_cond_broadcast(&monitor->changed);
}

uintptr_t dv_thread_self(void)
{
    return (uintptr_t)pthread_self();
}
