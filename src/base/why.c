/* SPDX-License-Identifier: MIT */
#include "base/why.h"

#include <stdio.h>
#include <string.h>

/* Held for a copy of a line, so nobody waits long. */
static void lock(struct dv_why *why)
{
    while (atomic_exchange(&why->writing, true)) {
    }
}

void dv_why_set(struct dv_why *why, const char *line)
{
    lock(why);
    snprintf(why->line, sizeof why->line, "%s", line);
    atomic_fetch_add(&why->failures, 1);
    atomic_store(&why->writing, false);
}

size_t dv_why_read(struct dv_why *why, char *out, size_t room)
{
    lock(why);
    size_t bytes = strlen(why->line);
    if (room > 0)
        snprintf(out, room, "%s", why->line);
    atomic_store(&why->writing, false);
    return bytes;
}

void dv_why_begin(struct dv_why_call *call, struct dv_why *own, struct dv_why *second,
                  struct dv_why *third)
{
    *call = (struct dv_why_call){ .all = { own, second, third } };
    for (int i = 0; i < 3; i++)
        call->before[i] = atomic_load(&call->all[i]->failures);
}

void dv_why_end(const struct dv_why_call *call, const char *usual)
{
    char line[DV_WHY_BYTES];
    int  i = 0;
    while (i < 3 && atomic_load(&call->all[i]->failures) == call->before[i])
        i++;
    if (i == 3)
        dv_why_set(call->all[0], usual);
    if (i != 1 && i != 2)
        return;
    dv_why_read(call->all[i], line, sizeof line);
    dv_why_set(call->all[0], line);
}
