/* SPDX-License-Identifier: MIT */
#include "base/stop.h"

#include <stdatomic.h>

/* A signal handler may set it. */
_Static_assert(ATOMIC_BOOL_LOCK_FREE == 2, "a stop would need a lock");

struct dsvk_stop {
    struct dv_context ctx;
    atomic_bool       on;
};

dsvk_status dsvk_stop_new(dsvk_stop **out, const dsvk_allocator *allocator)
{
    struct dv_context ctx;
    dv_context_init(&ctx, NULL, allocator);
    *out = dv_zalloc(&ctx, sizeof **out);
    if (!*out)
        return DSVK_NO_MEMORY;
    (*out)->ctx = ctx;
    atomic_init(&(*out)->on, false);
    return DSVK_OK;
}

void dsvk_stop_set(dsvk_stop *stop, bool on)
{
    if (stop)
        atomic_store(&stop->on, on);
}

bool dsvk_stop_is_set(const dsvk_stop *stop)
{
    return stop && atomic_load(&stop->on);
}

void dsvk_stop_free(dsvk_stop *stop)
{
    if (!stop)
        return;
    struct dv_context ctx = stop->ctx;
    dv_free(&ctx, stop);
}

bool dv_is_stopped(const dsvk_progress *progress)
{
    return progress && dsvk_stop_is_set(progress->stop);
}

bool dv_is_watched(const dsvk_progress *progress)
{
    return progress && (progress->report || progress->stop);
}

bool dv_goes_on(const dsvk_progress *progress, uint64_t done, uint64_t total)
{
    bool wanted = !progress || !progress->report || progress->report(progress->user, done, total);
    return wanted && !dv_is_stopped(progress);
}
