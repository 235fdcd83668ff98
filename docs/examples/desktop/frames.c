/* SPDX-License-Identifier: MIT */
/* How long frames took. */
#include <stdio.h>
#include <stdlib.h>

#include "desktop.h"

void frames_add(struct frames *f, double ms)
{
    if (f->n == f->room) {
        uint32_t room = f->room ? 2 * f->room : 1024;
        double  *more = realloc(f->ms, room * sizeof *more);
        if (!more)
            return;
        f->ms   = more;
        f->room = room;
    }
    f->ms[f->n++] = ms;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of a texts's signs those that JSON wants otherwise. */
static void print_text(const char *text)
{
    for (; *text; text++)
        printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
}

void frames_report(struct frames *f, const struct device *d, const char *what, bool json)
{
    uint32_t late = 0;
    if (f->n == 0)
        return;
    qsort(f->ms, f->n, sizeof *f->ms, compare);
    for (uint32_t i = 0; i < f->n; i++)
        late += f->ms[i] > 1000.0 / 60;
    double median = f->ms[f->n / 2], most = f->ms[(f->n - 1) * 95 / 100], worst = f->ms[f->n - 1];
    if (json) {
        printf("{\"device\": \"");
        print_text(d->name);
        printf("\", \"work\": \"%s\", \"frames\": %u, \"late\": %u, \"ms\": "
               "{\"median\": %.2f, \"95\": %.2f, \"worst\": %.2f}}\n",
               what, f->n, late, median, most, worst);
    } else {
        printf("%s: %u frames on %s: median %.2f ms, 95 %% up to %.2f ms, worst %.2f ms; %u took "
               "longer than a sixtieth of a second\n",
               what, f->n, d->name, median, most, worst, late);
    }
    free(f->ms);
    *f = (struct frames){ 0 };
}
