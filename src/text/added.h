/* SPDX-License-Identifier: MIT */
/* Added tokens, found in raw text before everything else: leftmost first, longest at each
 * position. */
#ifndef DV_TEXT_ADDED_H
#define DV_TEXT_ADDED_H

#include "base/arena.h"

struct dv_added_token {
    const char *content; /* borrowed, not empty */
    uint32_t    length;
    uint32_t    id;
};

struct dv_added {
    struct dv_added_token *tokens; /* sorted by their bytes once finished */
    uint32_t               n;
    bool                   starts[256]; /* bytes that begin some token */
};

void dv_added_finish(struct dv_added *added);
/* The longest token that `text` starts with, or NULL. */
const struct dv_added_token *dv_added_match(const struct dv_added *added, const char *text,
                                            size_t bytes);

#endif
