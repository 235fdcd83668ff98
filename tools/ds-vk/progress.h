/* SPDX-License-Identifier: MIT */
/* Bars on standard error, on a terminal only, and the way in which an interrupt reaches the
 * library: the report of every bar says whether to go on. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "log.h"

#include <dsvk/base.h>

struct progress {
    const char *what;        /* "loading" */
    bool        bytes;       /* done and total are bytes, otherwise tokens */
    bool        many;        /* of kernels, shown for each time that there are some to compile */
    bool        rate;        /* tokens/s too */
    bool        deaf;        /* goes on after an interrupt */
    bool        shown;       /* false: only the interrupt is looked at */
    double      start, last; /* start < 0: at the next report */
};

/* `what` must outlive the bar. */
void progress_init(struct progress *progress, const struct log *log, const char *what, bool bytes);
void progress_init_many(struct progress *progress, const struct log *log, const char *what);
dsvk_progress progress_sink(struct progress *progress);
/* Text without a line end is on the terminal's line: no bar may be drawn over it. */
void progress_text(bool begun);
/* Removes the bar from the terminal, if there is one. */
void progress_clear(void);

#endif
