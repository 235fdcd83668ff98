/* SPDX-License-Identifier: MIT */
/* Types at a program that runs on a pseudo-terminal, as a person does.
 *
 *   typist LOG COLUMNS PROGRAM ARGUMENTS... <SCRIPT
 *
 * A line of the script is one of
 *   type TEXT       with \r, \n, \t, \e, \\ and \xHH; nothing is added
 *   expect TEXT     waits until it is in what the program has written since the last one
 *   resize COLUMNS
 *   signal NUMBER   to the program
 *   fits COLUMNS    no line since the beginning or the last `fits` has more cells
 *   wait            to the end of the program, of which there may be more output
 * All that was written is in LOG. The status is the program's, or 99 where something was not as the
 * script says: that is told on standard error. */
#define _GNU_SOURCE
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>

#define PATIENCE 20000 /* milliseconds */

static char   screen[1 << 20];
static size_t n, mark, fit_mark;
static int    terminal;
static pid_t  program;
static FILE  *log_file;

static void wrong(const char *what, const char *text)
{
    fprintf(stderr, "typist: %s: %s\n  of: %s\n", what, text, screen + mark);
    kill(program, SIGKILL);
    fflush(log_file);
    _exit(99);
}

/* False: nothing more comes, or not now. */
static int hear(int milliseconds)
{
    struct pollfd in = { .fd = terminal, .events = POLLIN };
    if (poll(&in, 1, milliseconds) != 1)
        return 0;
    ssize_t got = read(terminal, screen + n, sizeof screen - n - 1);
    if (got <= 0)
        return 0;
    fwrite(screen + n, 1, (size_t)got, log_file);
    n += (size_t)got;
    screen[n] = 0;
    return 1;
}

static void expect(const char *text)
{
    char *at;
    while ((at = memmem(screen + mark, n - mark, text, strlen(text))) == NULL)
        if (!hear(PATIENCE))
            wrong("does not come", text);
    mark = (size_t)(at - screen) + strlen(text);
}

static void unescape(char *text)
{
    char *to = text;
    for (; *text; text++) {
        if (*text != '\\' || !text[1]) {
            *to++ = *text;
            continue;
        }
        text++;
        if (*text == 'x' && text[1] && text[2]) {
            char hex[3] = { text[1], text[2], 0 };
            *to++       = (char)strtol(hex, NULL, 16);
            text += 2;
        } else {
            static const char names[] = "rnte", signs[] = "\r\n\t\033";
            const char       *name = strchr(names, *text);
            *to++                  = name ? signs[name - names] : *text;
        }
    }
    *to = 0;
}

static void type(const char *text)
{
    for (size_t at = 0, all = strlen(text); at < all;) {
        ssize_t put = write(terminal, text + at, all - at);
        if (put <= 0)
            wrong("cannot be typed", text);
        at += (size_t)put;
    }
}

static void resize(unsigned columns)
{
    struct winsize size = { .ws_row = 24, .ws_col = (unsigned short)columns };
    ioctl(terminal, TIOCSWINSZ, &size);
}

/* Cells by the C library's own table; what begins with an escape takes none. */
static void fits(int columns)
{
    int       cells = 0;
    mbstate_t state = { 0 };
    for (const char *at = screen + fit_mark; *at;) {
        wchar_t sign;
        size_t  bytes = mbrtowc(&sign, at, strlen(at), &state);
        if (bytes == (size_t)-1 || bytes == (size_t)-2)
            wrong("no UTF-8", at);
        if (sign == L'\033') {
            at += strcspn(at, "mKhlJHABCD");
            at += *at != 0;
            continue;
        }
        cells = sign == L'\n' || sign == L'\r' ? 0 : cells + (sign < 32 ? 0 : wcwidth(sign));
        if (cells > columns)
            wrong("is too wide", at - (at - screen > 40 ? 40 : at - screen));
        at += bytes;
    }
    fit_mark = n;
}

static void obey(char *line)
{
    char *text = line + strcspn(line, " ");
    if (*text)
        *text++ = 0;
    unescape(text);
    if (strcmp(line, "type") == 0)
        type(text);
    else if (strcmp(line, "expect") == 0)
        expect(text);
    else if (strcmp(line, "resize") == 0)
        resize((unsigned)atoi(text));
    else if (strcmp(line, "signal") == 0)
        kill(program, atoi(text));
    else if (strcmp(line, "fits") == 0)
        fits(atoi(text));
    else if (strcmp(line, "wait") == 0)
        while (hear(PATIENCE)) {
        }
    else if (*line)
        wrong("is no order", line);
}

int main(int argc, char **argv)
{
    char           line[4096];
    int            status;
    struct winsize size = { .ws_row = 24 };
    if (argc < 4 || !setlocale(LC_CTYPE, "C.UTF-8") || !(log_file = fopen(argv[1], "wb")))
        return 99;
    size.ws_col = (unsigned short)atoi(argv[2]);
    program     = forkpty(&terminal, NULL, NULL, &size);
    if (program == 0) {
        execv(argv[3], argv + 3);
        _exit(99);
    }
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        obey(line);
    }
    while (hear(PATIENCE)) {
    }
    fflush(log_file);
    for (int i = 0; i < PATIENCE / 10 && waitpid(program, &status, WNOHANG) == 0; i++)
        usleep(10000);
    if (kill(program, 0) == 0)
        wrong("goes on", argv[3]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
