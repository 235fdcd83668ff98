/* SPDX-License-Identifier: MIT */
/* The monitor on POSIX threads: one mutex and one condition. A spurious wake-up goes through to the
 * caller, who asks in a loop. */
#include "os/monitor.h"

#include <pthread.h>

struct dv_monitor {
    const struct dv_context *ctx;
    pthread_mutex_t          mutex;
    pthread_cond_t           changed;
};

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
    if (pthread_cond_init(&monitor->changed, NULL) != 0) {
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

void dv_monitor_wake(struct dv_monitor *monitor)
{
    pthread_cond_broadcast(&monitor->changed);
}

uintptr_t dv_thread_self(void)
{
    return (uintptr_t)pthread_self();
}
