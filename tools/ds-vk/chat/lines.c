/* SPDX-License-Identifier: MIT */
/* Lines become questions. */
#include "lines.h"

#include "history.h"
#include "printer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PROMPT ">>> "
#define PROMPT_MORE "... "
#define QUOTES "\"\"\""
#define MAX_PATH 4096

/* ---- plain lines ---- */

/* What stands before the next line end, or before the end of all. */
static bool take_line(struct lines *lines, struct buffer *line)
{
    struct buffer *ahead = &lines->ahead;
    char          *end   = ahead->n ? memchr(ahead->data, '\n', ahead->n) : NULL;
    if (!end && !(lines->ended && ahead->n > 0))
        return false;
    size_t n = end ? (size_t)(end - ahead->data) : ahead->n, taken = n + (end != NULL);
    buffer_add(line, ahead->data, n > 0 && ahead->data[n - 1] == '\r' ? n - 1 : n);
    ahead->n -= taken;
    memmove(ahead->data, ahead->data + taken, ahead->n);
    return true;
}

/* At a terminal an end is Ctrl-D, behind which more may come. */
static enum line read_plain(struct lines *lines, const char *prompt, struct buffer *line)
{
    if (lines->person)
        fputs(prompt, stderr);
    (void)host_heard();
    while (!take_line(lines, line)) {
        char bytes[4096];
        if (lines->ended || host_interrupted())
            return LINE_END;
        long got = host_read(bytes, sizeof bytes);
        if (got > 0) {
            buffer_add(&lines->ahead, bytes, (size_t)got);
        } else if (got == 0 && lines->person) {
            fputs("\n", stderr);
            return LINE_END;
        } else if (got == 0) {
            lines->ended = true;
        } else if (host_heard() & HOST_HEARD_INTERRUPT) {
            lines->ahead.n = 0;
            fputs("\n", stderr);
            return LINE_STOPPED;
        }
    }
    return LINE_TEXT;
}

static enum line read_line(struct lines *lines, const char *prompt, struct buffer *line)
{
    return lines->edit ? edit_read(lines->edit, prompt, line) : read_plain(lines, prompt, line);
}

/* ---- questions of several lines ---- */

static bool ends_with(const struct buffer *text, size_t from, const char *end)
{
    size_t n = strlen(end);
    return text->n >= from + n && memcmp(text->data + text->n - n, end, n) == 0;
}

/* Lines up to one that ends with """; the first may be that already. */
static enum line read_quoted(struct lines *lines, struct buffer *text)
{
    enum line what = LINE_TEXT;
    size_t    n    = strlen(QUOTES);
    text->n -= n;
    memmove(text->data, text->data + n, text->n);
    while (!ends_with(text, 0, QUOTES)) {
        buffer_add(text, "\n", 1);
        what = read_line(lines, PROMPT_MORE, text);
        if (what != LINE_TEXT || text->failed)
            return what;
    }
    text->n -= n;
    if (text->n > 0 && text->data[0] == '\n')
        memmove(text->data, text->data + 1, --text->n);
    if (text->n > 0 && text->data[text->n - 1] == '\n')
        text->n--;
    return what;
}

static enum line read_continued(struct lines *lines, struct buffer *text)
{
    enum line what = LINE_TEXT;
    while (what == LINE_TEXT && ends_with(text, 0, "\\") && !text->failed) {
        text->data[text->n - 1] = '\n';
        what                    = read_line(lines, PROMPT_MORE, text);
    }
    return what;
}

enum line lines_next(struct lines *lines, struct buffer *text)
{
    text->n          = 0;
    enum line what   = read_line(lines, PROMPT, text);
    bool      quoted = text->n >= strlen(QUOTES) && memcmp(text->data, QUOTES, strlen(QUOTES)) == 0;
    if (lines->person && what == LINE_TEXT) {
        what = quoted ? read_quoted(lines, text) : read_continued(lines, text);
        if (what == LINE_END && !host_interrupted())
            what = LINE_STOPPED; /* Ctrl-D ends the question, not the program */
        while (text->n > 0 && text->data[text->n - 1] == '\n') /* that was pasted with it */
            text->n--;
    }
    buffer_add(text, "", 1);
    text->n -= !text->failed;
    return what;
}

/* ---- history ---- */

static void recall(void *user, const char *entry)
{
    edit_remember(user, entry);
}

void lines_remember(struct lines *lines, const char *text)
{
    if (!lines->edit)
        return;
    edit_remember(lines->edit, text);
    if (!lines->history || history_add(lines->history, text))
        return;
    log_note(&lines->cli->log, "the history is not kept: %s: %s", lines->history, strerror(errno));
    free(lines->history);
    lines->history = NULL;
}

static char *open_history(struct lines *lines)
{
    char path[MAX_PATH];
    if (lines->cli->options.values[OPT_NO_HISTORY].given || !history_path(path, sizeof path))
        return NULL;
    history_load(path, recall, lines->edit);
    char *copy = malloc(strlen(path) + 1);
    return copy ? strcpy(copy, path) : NULL;
}

void lines_open(struct lines *lines, struct cli *cli)
{
    *lines = (struct lines){ .cli = cli, .person = host_is_terminal(stdin) };
    if (lines->person && host_understands_codes(stdout))
        lines->edit = edit_open(printer_may_style(stdout));
    if (lines->edit)
        lines->history = open_history(lines);
}

void lines_close(struct lines *lines)
{
    edit_close(lines->edit);
    buffer_done(&lines->ahead);
    free(lines->history);
    *lines = (struct lines){ 0 };
}
