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

/* ---- chat format (docs/chat.md) ---- */

enum dv_chat_format {
    DV_CHAT_NONE,    /* no template: a base model */
    DV_CHAT_UNKNOWN, /* a template that is none of these */
    DV_CHAT_V2,
    DV_CHAT_V3,
    DV_CHAT_R1,
    DV_CHAT_V31,
    DV_CHAT_GLM,   /* 4.7 */
    DV_CHAT_GLM45, /* 4.5, 4.6 */
    DV_CHAT_MOONLIGHT,
    DV_CHAT_KIMI,
    DV_CHAT_KIMI_THINK,
    DV_CHAT_KIMI_K25,
    DV_CHAT_FORMATS
};

/* AUTO: what the template does when nothing is asked. */
enum dv_think { DV_THINK_AUTO, DV_THINK_ON, DV_THINK_OFF };

/* By the marks in the template's text; V3.2, which comes without one, by its model_type, which may
 * be NULL. */
enum dv_chat_format dv_chat_detect(const struct dv_tokenizer *tokenizer, const char *model_type);
const char         *dv_chat_format_name(enum dv_chat_format format);
enum dv_chat_format dv_chat_format_find(const char *name); /* UNKNOWN: there is no such */

struct dv_chat_message {
    const char *role; /* "system", "user", "assistant" */
    const char *text;
};

/* A conversation and how it is written. */
struct dv_chat {
    enum dv_chat_format           format;
    enum dv_think                 think;
    const struct dv_chat_message *messages;
    size_t                        n_messages;
    bool                          generate; /* opens the assistant's next turn */
    bool next; /* behind an answer that is not closed yet: without beginning */
};

/* Appends the ids of a conversation, BOS included; nothing when it fails. Texts are encoded without
 * special tokens, so they cannot forge roles. */
dsvk_status dv_chat_encode(const struct dv_tokenizer *tokenizer, const struct dv_chat *chat,
                           struct dv_ids *ids);

#endif
