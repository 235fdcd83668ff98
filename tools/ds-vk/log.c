/* SPDX-License-Identifier: MIT */
/* Messages on standard error: one line each, wrapped at the terminal's width, with nothing in it
 * that a terminal would obey. The first error is kept and printed last, where a person looks. */
#include "log.h"

#include "host.h"
#include "progress.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

void log_init(struct log *log)
{
    *log = (struct log){ 0 };
    atomic_flag_clear(&log->busy);
}

static void lock(struct log *log)
{
    while (atomic_flag_test_and_set(&log->busy)) {
    }
}

#define LINE_BYTES 1200

/* One line stays one line, and a file name cannot command the terminal. */
static void disarm(char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t        length = text_character(text + i, n - i);
        unsigned char byte   = (unsigned char)text[i];
        bool          c1     = length == 2 && byte == 0xc2 && (unsigned char)text[i + 1] < 0xa0;
        if (c1 || length == 0 || byte < 0x20 || byte == 0x7f)
            memset(text + i, '?', length ? length : 1);
        i += length ? length : 1;
    }
}

/* Characters, near enough: bytes that begin one. */
static size_t width_of(const char *text, size_t n)
{
    size_t width = 0;
    for (size_t i = 0; i < n; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

/* Breaks lines at blanks; the blank stays, which indents what follows the first. Answers
 * bytes, at most twice n. */
static size_t wrap(char *out, const char *text, size_t n, size_t columns)
{
    size_t column = 0, at = 0;
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && text[end] != ' ')
            end++;
        size_t width = width_of(text + i, end - i);
        if (column + width > columns && column > 2 && text[i] == ' ') {
            out[at++] = '\n';
            column    = 0;
        }
        memcpy(out + at, text + i, end - i);
        at += end - i;
        column += width;
        i = end;
    }
    return at;
}

static void print(const char *kind, const char *line)
{
    char   text[LINE_BYTES], wrapped[2 * LINE_BYTES + 1];
    size_t n = (size_t)snprintf(text, sizeof text, "%s%s", kind, line);
    if (n > sizeof text - 1)
        n = sizeof text - 1;
    disarm(text, n);
    n            = wrap(wrapped, text, n, host_columns(stderr));
    wrapped[n++] = '\n';
    progress_clear();
    fwrite(wrapped, 1, n, stderr); /* at once: standard error is not buffered */
}

static void keep(struct log *log, const char *line)
{
    if (log->error[0])
        return;
    snprintf(log->error, sizeof log->error, "%s", line);
}

static void write_line(void *user, dsvk_log_level level, const char *line)
{
    static const char *const kinds[]  = { "error: ", "warning: ", "", "debug: " };
    static const int         wanted[] = { -1, 0, 1, 2 };
    struct log              *log      = user;

    lock(log);
    if (level == DSVK_LOG_ERROR && !log->at_once)
        keep(log, line);
    else if (log->verbosity >= wanted[level])
        print(kinds[level], line);
    atomic_flag_clear(&log->busy);
}

dsvk_log log_sink(struct log *log)
{
    static const dsvk_log_level levels[] = { DSVK_LOG_ERROR, DSVK_LOG_WARN, DSVK_LOG_INFO,
                                             DSVK_LOG_DEBUG };
    return (dsvk_log){ .write = write_line, .user = log, .level = levels[log->verbosity + 1] };
}

void log_error(struct log *log, const char *format, va_list arguments)
{
    char line[sizeof log->error];
    vsnprintf(line, sizeof line, format, arguments);
    lock(log);
    keep(log, line);
    atomic_flag_clear(&log->busy);
}

void log_error_more(struct log *log, const char *format, ...)
{
    size_t  n = strlen(log->error);
    va_list arguments;
    if (n == 0)
        return;
    va_start(arguments, format);
    vsnprintf(log->error + n, sizeof log->error - n, format, arguments);
    va_end(arguments);
}

void log_note(struct log *log, const char *format, ...)
{
    char    line[sizeof log->error];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    lock(log);
    if (log->verbosity >= 0)
        print("note: ", line);
    atomic_flag_clear(&log->busy);
}

void log_info(struct log *log, const char *format, ...)
{
    char    line[sizeof log->error];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    write_line(log, DSVK_LOG_INFO, line);
}

void log_finish(struct log *log)
{
    if (log->error[0])
        print("ds-vk: ", log->error);
}
