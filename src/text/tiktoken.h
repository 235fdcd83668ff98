/* SPDX-License-Identifier: MIT */
/* tiktoken.model, which Moonlight and Kimi-K2 have instead of tokenizer.json: a token in base64 and
 * its rank a line. Its regex, special tokens and cuts are those of Moonshot's tokenization_kimi.py.
 * Untrusted input. */
#ifndef DV_TEXT_TIKTOKEN_H
#define DV_TEXT_TIKTOKEN_H

#include "text/tokenizer_parts.h"

/* Reads the file into a zeroed tokenizer; what was made stays for dv_tokenizer_free(). The special
 * tokens come from added_tokens_decoder of tokenizer_config.json, whose data may be NULL. */
dsvk_status dv_tiktoken_read(struct dv_tokenizer *tokenizer, const struct dv_text *words,
                             const struct dv_text *config);

/* Bytes of the part of a text that Moonshot encodes in one go: at most 400,000 signs, and at most
 * 25,000 in a row that are all white space or all none. `signs` is how many of the 400,000 the
 * parts before have used, 0 at first. */
size_t dv_tiktoken_part(const char *text, size_t bytes, size_t *signs);

/* Bytes of the first sign, and whether Python, in which templates are written too, takes it for
 * white space. */
size_t dv_python_sign(const char *text, size_t bytes, bool *space);

#endif
