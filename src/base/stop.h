/* SPDX-License-Identifier: MIT */
/* Whether long work is still wanted: all of the library asks here, and nowhere else. */
#ifndef DV_BASE_STOP_H
#define DV_BASE_STOP_H

#include "base/context.h"

/* Tells how far it is and asks both the caller's report and its stop; NULL: goes on. From the
 * thread that called the library. */
bool dv_goes_on(const dsvk_progress *progress, uint64_t done, uint64_t total);
/* The stop alone, from any thread. */
bool dv_is_stopped(const dsvk_progress *progress);
/* Whether anybody is told or asked. */
bool dv_is_watched(const dsvk_progress *progress);

#endif
