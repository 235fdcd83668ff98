/* SPDX-License-Identifier: MIT */
/* The sentence of an object's last failure, kept for who asks for it later. Contexts write it from
 * any thread. */
#ifndef DV_BASE_WHY_H
#define DV_BASE_WHY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define DV_WHY_BYTES 1024

/* Zero: there was no failure. */
struct dv_why {
    atomic_bool writing;
    atomic_uint failures; /* so far */
    char        line[DV_WHY_BYTES];
};

void dv_why_set(struct dv_why *why, const char *line);
/* Copies the sentence, cut to `room` with its zero; answers how long it is. */
size_t dv_why_read(struct dv_why *why, char *out, size_t room);

/* A call on one object whose sentence may come from others that it stands on. */
struct dv_why_call {
    struct dv_why *all[3]; /* the object's own, then those of others, the likeliest first */
    unsigned       before[3];
};

void dv_why_begin(struct dv_why_call *call, struct dv_why *own, struct dv_why *second,
                  struct dv_why *third);
/* After a failure: the sentence is the object's own. Where nobody wrote one, it is `usual`. */
void dv_why_end(const struct dv_why_call *call, const char *usual);

#endif
