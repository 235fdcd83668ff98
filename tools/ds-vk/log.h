/* SPDX-License-Identifier: MIT */
/* Messages on standard error. The first error of a run is kept and printed once, at its end, so
 * that a failure is exactly one line `ds-vk: ...` whoever reports it again on the way up. */
#ifndef LOG_H
#define LOG_H

#include "host.h"

#include <dsvk/base.h>

#include <stdarg.h>
#include <stdatomic.h>

struct log {
    int         verbosity;  /* -1 quiet: errors only; 0: warnings and notes; 1: info; 2: debug */
    atomic_flag busy;       /* the library may write from several threads */
    char        error[768]; /* "" while there was none */
    bool        at_once;    /* errors of the library are printed when they come: of a server */
};

void log_init(struct log *log);
/* What the library gets. */
dsvk_log log_sink(struct log *log);
/* Keeps the line unless an earlier one is kept. */
void log_error(struct log *log, const char *format, va_list arguments);
/* Puts more behind the kept line; nothing where none is kept. */
void log_error_more(struct log *log, const char *format, ...) HOST_PRINTF(2, 3);
/* Something that the user should know although all is well; silent with --quiet. */
void log_note(struct log *log, const char *format, ...) HOST_PRINTF(2, 3);
void log_info(struct log *log, const char *format, ...) HOST_PRINTF(2, 3);
/* Prints the kept error, if any. */
void log_finish(struct log *log);

#endif
