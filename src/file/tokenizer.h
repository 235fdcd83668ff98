/* SPDX-License-Identifier: MIT */
/* tokenizer.json: byte-level BPE with a Sequence of Split pre-tokenizers (PCRE2) and added
 * tokens; and the chat format of the checkpoint. Untrusted input. Read-only after opening. */
#ifndef DV_FILE_TOKENIZER_H
#define DV_FILE_TOKENIZER_H

#include "base/context.h"

struct dv_tokenizer;

/* FOLDER/tokenizer.json, tokenizer_config.json where there is one. BAD_FILE when absent or
 * malformed, UNSUPPORTED for kinds other than byte-level BPE, each with a sentence. */
dsvk_status dv_tokenizer_open(struct dv_tokenizer **out, const struct dv_context *ctx,
                              const char *folder);
/* The same from text in memory; config may be NULL. */
dsvk_status dv_tokenizer_parse(struct dv_tokenizer **out, const struct dv_context *ctx,
                               const char *where, const char *json, size_t bytes,
                               const char *config_json, size_t config_bytes);
void        dv_tokenizer_free(struct dv_tokenizer *tokenizer);

uint32_t dv_tokenizer_size(const struct dv_tokenizer *tokenizer); /* highest id + 1 */
/* The id of an added token or vocabulary entry by its content; -1 when there is none. */
int64_t dv_tokenizer_find(const struct dv_tokenizer *tokenizer, const char *content);
bool    dv_tokenizer_adds_bos(const struct dv_tokenizer *tokenizer);
int64_t dv_tokenizer_bos(const struct dv_tokenizer *tokenizer); /* -1: none */

/* Encodes UTF-8 text (invalid bytes are encoded as bytes, never refused). With `special` added
 * tokens are recognised in the text, without it they are ordinary text. Appends to *ids (grown
 * with dv_realloc; may start NULL), in time linear in the text times log of a piece. */
dsvk_status dv_tokenizer_encode(const struct dv_tokenizer *tokenizer, const char *text,
                                size_t bytes, bool special, uint32_t **ids, size_t *n,
                                size_t *capacity);
/* The bytes of one token (not always whole UTF-8); added tokens give their content. NULL and 0 for
 * an id without token. Valid as long as the tokenizer. */
const char *dv_tokenizer_bytes(const struct dv_tokenizer *tokenizer, uint32_t id, size_t *bytes);
/* Whether the id is an added token marked special (skipped in displayed text). */
bool dv_tokenizer_is_special(const struct dv_tokenizer *tokenizer, uint32_t id);

/* ---- chat format (spec 10.4 to 10.6) ---- */

enum dv_chat_format { DV_CHAT_NONE, DV_CHAT_V2, DV_CHAT_V3, DV_CHAT_V31 };

/* V3 when the tokenizer has the User and Assistant tokens, V31 when its template also closes
 * thinking at once, V2 for model_type deepseek_v2, else NONE. */
enum dv_chat_format dv_chat_detect(const struct dv_tokenizer *tokenizer, const char *model_type);
const char         *dv_chat_format_name(enum dv_chat_format format);

struct dv_chat_message {
    const char *role; /* "system", "user", "assistant" */
    const char *text;
};

/* Appends the ids of a conversation, BOS included, with the opening of the assistant's next turn
 * when `generate`. Texts are encoded without special tokens, so they cannot forge roles. */
dsvk_status dv_chat_encode(const struct dv_tokenizer *tokenizer, enum dv_chat_format format,
                           const struct dv_chat_message *messages, size_t n_messages, bool generate,
                           uint32_t **ids, size_t *n, size_t *capacity);

#endif
