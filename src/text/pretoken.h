/* SPDX-License-Identifier: MIT */
/* The Splits of a pre-tokenizer: every regex runs on each piece that the one before it left;
 * its matches and the stretches between them become pieces ("Isolated"). The splits are
 * read-only once added; a run has its own match data, so threads may share the splits. */
#ifndef DV_TEXT_PRETOKEN_H
#define DV_TEXT_PRETOKEN_H

#include "base/context.h"

struct dv_pretoken;

dsvk_status dv_pretoken_new(struct dv_pretoken **out, const struct dv_context *ctx);
void        dv_pretoken_free(struct dv_pretoken *pretoken);

/* Adds a split by a regex in Oniguruma's syntax, or by plain text. UNSUPPORTED when PCRE2 would
 * read the regex differently, and when there are too many. `where` is borrowed for messages. */
dsvk_status dv_pretoken_add(struct dv_pretoken *pretoken, const char *where, const char *pattern,
                            size_t bytes, bool plain);

typedef dsvk_status dv_piece_fn(void *user, const char *piece, size_t bytes);

/* Calls `piece` for each piece in order. Invalid UTF-8 never reaches a regex: a run of invalid
 * bytes is a piece of its own. Fails when a regex gives up and with the status of `piece`. */
dsvk_status dv_pretoken_run(const struct dv_pretoken *pretoken, const char *text, size_t bytes,
                            dv_piece_fn *piece, void *user);

#endif
