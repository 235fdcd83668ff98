/* SPDX-License-Identifier: MIT */
/* The bar on standard error while something takes long. It shows only on a terminal, goes away
 * before any other line is printed, and asks after each step whether a person interrupted. */
#include "progress.h"

#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAR_CELLS 24
#define LEAST_COLUMNS 72  /* of the longest line */
#define FIRST_SECONDS 0.3 /* shorter work shows no bar at all */
#define NEXT_SECONDS 0.1

static bool on_screen; /* a bar is on the terminal's current line */
static bool has_text;

void progress_init(struct progress *progress, const struct log *log, const char *what, bool bytes)
{
    /* A bar is drawn over itself, which takes an escape code and a line that does not wrap. */
    double now = host_seconds();
    *progress  = (struct progress){
         .what  = what,
         .bytes = bytes,
         .rate  = true,
         .shown = log->verbosity >= 0 && host_columns(stderr) >= LEAST_COLUMNS &&
                  host_understands_codes(stderr),
         .start = now,
         .last  = now - NEXT_SECONDS + FIRST_SECONDS,
    };
}

void progress_init_many(struct progress *progress, const struct log *log, const char *what)
{
    progress_init(progress, log, what, false);
    progress->many  = true;
    progress->start = -1;
}

static void draw(const struct progress *progress, uint64_t done, uint64_t total, double now)
{
    double part  = total ? (double)done / (double)total : 0;
    double rate  = (double)done / (now - progress->start + 1e-9);
    int    cells = (int)(part * BAR_CELLS);
    char   bar[BAR_CELLS + 1];

    for (int i = 0; i < BAR_CELLS; i++)
        bar[i] = i < cells ? '#' : '.';
    bar[BAR_CELLS] = 0;
    fprintf(stderr, "\r%-9.9s [%s] %3.0f%% ", progress->what, bar, part * 100);
    if (progress->many)
        fprintf(stderr, "%llu/%llu kernels\033[K", (unsigned long long)done,
                (unsigned long long)total);
    else if (progress->bytes)
        fprintf(stderr, "%.1f/%.1f GB %.2f GB/s\033[K", (double)done / 1e9, (double)total / 1e9,
                rate / 1e9);
    else if (!progress->rate)
        fprintf(stderr, "%llu/%llu tokens\033[K", (unsigned long long)done,
                (unsigned long long)total);
    else
        fprintf(stderr, "%llu/%llu tokens %.0f/s\033[K", (unsigned long long)done,
                (unsigned long long)total, rate);
    fflush(stderr);
    on_screen = true;
}

static bool report(void *user, uint64_t done, uint64_t total)
{
    struct progress *progress = user;
    double           now      = progress->shown ? host_seconds() : 0;

    if (progress->many && progress->start < 0) {
        progress->start = now;
        progress->last  = now - NEXT_SECONDS + FIRST_SECONDS;
    }
    if (progress->shown && !has_text && now - progress->last >= NEXT_SECONDS) {
        progress->last = now;
        draw(progress, done, total, now);
    }
    if (progress->many && done == total) {
        progress_clear();
        progress->start = -1;
    }
    return progress->deaf || host_interrupted() == 0;
}

dsvk_progress progress_sink(struct progress *progress)
{
    return (dsvk_progress){ .report = report, .user = progress };
}

void progress_text(bool begun)
{
    has_text = begun;
}

void progress_clear(void)
{
    if (on_screen)
        fputs("\r\033[K", stderr);
    on_screen = false;
}
