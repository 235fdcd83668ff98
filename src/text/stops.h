/* SPDX-License-Identifier: MIT */
/* Texts that end an answer and are no part of it, also where tokens cut them into pieces. */
#ifndef DV_TEXT_STOPS_H
#define DV_TEXT_STOPS_H

#include "base/context.h"

struct dv_stop_text {
    const char *text; /* the caller's */
    size_t      length;
    size_t     *borders; /* of each beginning: how long the longest is with which it ends, too */
    size_t      matched; /* so many bytes of it were the last that came */
};

struct dv_stops {
    const struct dv_context *ctx;
    struct dv_stop_text     *texts;
    size_t                   n, longest;
    size_t                   held; /* bytes not handed on: the longest beginning of a text */
    bool                     met;  /* whatever comes now is dropped */
};

/* BAD_ARGUMENT for texts that are NULL or empty. The texts are borrowed. */
dsvk_status dv_stops_init(struct dv_stops *stops, const struct dv_context *ctx,
                          const char *const *texts, size_t n);
void        dv_stops_done(struct dv_stops *stops);

/* Hands on what cannot be part of a text any more, and answers how many bytes; `out` has room for n
 * + longest. The text that ends first counts, of those that end there the longest. */
size_t dv_stops_put(struct dv_stops *stops, char *out, const char *bytes, size_t n);
/* What is held is no text any more: at most `longest` bytes. */
size_t dv_stops_end(struct dv_stops *stops, char *out);

#endif
