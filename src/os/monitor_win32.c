/* SPDX-License-Identifier: MIT */
/* The monitor on Windows: a slim lock and a condition, neither of which can fail or needs to be
 * given back. */
#include "os/monitor.h"

#include "os/win32.h"

#define MS_NS UINT64_C(1000000)
#define LONGEST_MS UINT64_C(3600000)

struct dv_monitor {
    const struct dv_context *ctx;
    SRWLOCK                  lock;
    CONDITION_VARIABLE       changed;
};

dsvk_status dv_monitor_new(struct dv_monitor **out, const struct dv_context *ctx)
{
    struct dv_monitor *monitor = dv_zalloc(ctx, sizeof *monitor);
    *out                       = monitor;
    if (!monitor)
        return dv_fail(ctx, DSVK_NO_MEMORY, "no memory for a lock");
    monitor->ctx = ctx;
    InitializeSRWLock(&monitor->lock);
    InitializeConditionVariable(&monitor->changed);
    return DSVK_OK;
}

void dv_monitor_free(struct dv_monitor *monitor)
{
    if (monitor)
        dv_free(monitor->ctx, monitor);
}

void dv_monitor_enter(struct dv_monitor *monitor)
{
    AcquireSRWLockExclusive(&monitor->lock);
}

void dv_monitor_leave(struct dv_monitor *monitor)
{
    ReleaseSRWLockExclusive(&monitor->lock);
}

void dv_monitor_wait(struct dv_monitor *monitor)
{
    SleepConditionVariableSRW(&monitor->changed, &monitor->lock, INFINITE, 0);
}

/* In whole milliseconds, and at least one, so that who asks again for what is left rests, too. */
void dv_monitor_wait_for(struct dv_monitor *monitor, uint64_t ns)
{
    uint64_t ms = ns / MS_NS + (ns % MS_NS != 0);
    SleepConditionVariableSRW(&monitor->changed, &monitor->lock,
                              (DWORD)(ms < LONGEST_MS ? ms : LONGEST_MS), 0);
}

void dv_monitor_wake(struct dv_monitor *monitor)
{
    WakeAllConditionVariable(&monitor->changed);
}

uintptr_t dv_thread_self(void)
{
    return GetCurrentThreadId();
}
