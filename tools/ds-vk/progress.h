/* SPDX-License-Identifier: MIT */
/* Bars on standard error, on a terminal only, and the way in which an interrupt reaches the
 * library: the report of every bar says whether to go on. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "log.h"

#include <dsvk/base.h>

struct progress {
    const char *what;  /* "loading" */
    bool        bytes; /* done and total are bytes, otherwise tokens */
    bool        shown; /* false: only the interrupt is looked at */
    double      start, last;
};

/* `what` must outlive the bar. */
void progress_init(struct progress *progress, const struct log *log, const char *what, bool bytes);
dsvk_progress progress_sink(struct progress *progress);
/* Removes the bar from the terminal, if there is one. */
void progress_clear(void);

#endif
