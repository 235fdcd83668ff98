/* SPDX-License-Identifier: MIT */
/* tokenizer.json: byte-level BPE with a Sequence of Split pre-tokenizers (PCRE2) and added
 * tokens; and the chat formats. Untrusted input. Read-only after opening. */
#ifndef DV_TEXT_TOKENIZER_H
#define DV_TEXT_TOKENIZER_H

#include "base/text.h"
#include "text/ids.h"

struct dv_tokenizer;

/* FOLDER/tokenizer.json, or else tiktoken.model; tokenizer_config.json and the chat template where
 * there are any. BAD_FILE when absent or malformed, UNSUPPORTED for kinds other than byte-level
 * BPE, each with a sentence. */
dsvk_status dv_tokenizer_open(struct dv_tokenizer **out, const struct dv_context *ctx,
                              const char *folder);
/* Whether the folder has one of these files. */
bool dv_tokenizer_exists(const char *folder);
/* The same from tokenizer.json and tokenizer_config.json in memory; the latter's data may be
 * NULL. */
dsvk_status dv_tokenizer_parse(struct dv_tokenizer **out, const struct dv_context *ctx,
                               const struct dv_text *words, const struct dv_text *config);
/* The same from tiktoken.model and tokenizer_config.json. */
dsvk_status dv_tokenizer_parse_tiktoken(struct dv_tokenizer **out, const struct dv_context *ctx,
                                        const struct dv_text *words, const struct dv_text *config);
void        dv_tokenizer_free(struct dv_tokenizer *tokenizer);

uint32_t dv_tokenizer_size(const struct dv_tokenizer *tokenizer); /* highest id + 1 */
/* The id of an added token or vocabulary entry by its content; -1 when there is none. */
int64_t dv_tokenizer_find(const struct dv_tokenizer *tokenizer, const char *content);
bool    dv_tokenizer_adds_bos(const struct dv_tokenizer *tokenizer);
int64_t dv_tokenizer_bos(const struct dv_tokenizer *tokenizer); /* -1: none */
int64_t dv_tokenizer_eos(const struct dv_tokenizer *tokenizer); /* -1: none */

/* Encodes UTF-8 text (invalid bytes are encoded as bytes, never refused). With `special` added
 * tokens are recognised in the text, without it they are ordinary text. Appends to `ids`, in time
 * linear in the text times log of a piece; nothing is appended when it fails. */
dsvk_status dv_tokenizer_encode(const struct dv_tokenizer *tokenizer, const char *text,
                                size_t bytes, bool special, struct dv_ids *ids);
/* The bytes of one token (not always whole UTF-8); added tokens give their content. NULL and 0 for
 * an id without token. Valid as long as the tokenizer. */
const char *dv_tokenizer_bytes(const struct dv_tokenizer *tokenizer, uint32_t id, size_t *bytes);
/* The most bytes of a token. */
size_t dv_tokenizer_longest(const struct dv_tokenizer *tokenizer);
/* Whether the id is an added token marked special (skipped in displayed text). */
bool dv_tokenizer_is_special(const struct dv_tokenizer *tokenizer, uint32_t id);

/* What it was made with. */
const struct dv_context *dv_tokenizer_context(const struct dv_tokenizer *tokenizer);
/* The text of its chat template, which is never run; NULL: none. */
const char *dv_tokenizer_template(const struct dv_tokenizer *tokenizer);
/* The longest added token that `text` begins with: its bytes, and its id; 0: none. */
size_t dv_tokenizer_added(const struct dv_tokenizer *tokenizer, const char *text, size_t bytes,
                          uint32_t *id);

#endif
