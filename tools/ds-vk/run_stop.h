/* SPDX-License-Identifier: MIT */
/* Texts that end an answer and are not printed, also where tokens cut them into pieces. */
#ifndef RUN_STOP_H
#define RUN_STOP_H

#include <stdbool.h>
#include <stddef.h>

#define STOP_TEXTS 16
#define STOP_BYTES 1024 /* of one text */

struct run_stop {
    const char *const *texts; /* none empty, none of more than STOP_BYTES */
    size_t             n;
    bool (*write)(void *user, const char *bytes, size_t n); /* false: give up */
    void  *user;
    char   held[STOP_BYTES]; /* what may be the beginning of a text */
    size_t n_held;
    bool   met; /* whatever comes now is dropped */
};

bool stop_put(struct run_stop *stop, const char *bytes, size_t n);
/* What is held is no text any more. */
bool stop_end(struct run_stop *stop);

#endif
