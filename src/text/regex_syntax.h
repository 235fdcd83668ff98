/* SPDX-License-Identifier: MIT */
/* The regexes in tokenizer.json are written for Oniguruma; PCRE2 reads a few signs
 * differently. */
#ifndef DV_TEXT_REGEX_SYNTAX_H
#define DV_TEXT_REGEX_SYNTAX_H

#include "base/context.h"

/* Rewrites a regex so that PCRE2 (UTF, UCP) means the same. The caller frees *out. UNSUPPORTED,
 * naming the sign, where that cannot be promised. */
dsvk_status dv_regex_translate(char **out, size_t *out_bytes, const struct dv_context *ctx,
                               const char *where, const char *pattern, size_t bytes);

#endif
