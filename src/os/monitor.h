/* SPDX-License-Identifier: MIT */
/* A lock with one condition. */
#ifndef DV_OS_MONITOR_H
#define DV_OS_MONITOR_H

#include "base/context.h"

struct dv_monitor;

dsvk_status dv_monitor_new(struct dv_monitor **out, const struct dv_context *ctx);
void        dv_monitor_free(struct dv_monitor *monitor); /* nobody holds it */
void        dv_monitor_enter(struct dv_monitor *monitor);
void        dv_monitor_leave(struct dv_monitor *monitor);
/* From inside: leaves, sleeps until somebody wakes those who wait, and enters again. It may also
 * return for no reason, so that what is waited for is asked in a loop. */
void dv_monitor_wait(struct dv_monitor *monitor);
/* The same for at most `ns`. */
void dv_monitor_wait_for(struct dv_monitor *monitor, uint64_t ns);
void dv_monitor_wake(struct dv_monitor *monitor);

/* A number of the calling thread that no other living thread has; never 0. */
uintptr_t dv_thread_self(void);

#endif
