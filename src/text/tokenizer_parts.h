/* SPDX-License-Identifier: MIT */
/* What the files of the tokenizer share: tokenizer_json.c fills it, tokenizer.c uses it. */
#ifndef DV_TEXT_TOKENIZER_PARTS_H
#define DV_TEXT_TOKENIZER_PARTS_H

#include "base/arena.h"
#include "text/added.h"
#include "text/bpe.h"
#include "text/pretoken.h"
#include "text/strmap.h"
#include "text/tokenizer.h"

struct dv_token {
    const char *bytes; /* what it stands for; NULL: no such id */
    uint32_t    length;
    bool        special;
};

struct dv_tokenizer {
    const struct dv_context *ctx;
    struct dv_arena          arena;
    struct dv_token         *tokens;
    uint32_t                 size;
    struct dv_strmap         names; /* as written in the file: vocabulary and added tokens;
                                     * of tiktoken.model as bytes */
    size_t                   longest_name;
    struct dv_bpe            bpe;
    struct dv_pretoken      *pretoken;
    /* Tokens that the file marks `normalized` are looked for after all others were found. The
     * normalizer itself is empty, so that is the only difference. */
    struct dv_added added[2];
    bool            ignore_merges; /* a piece that is a token stays whole */
    uint32_t        base_size; /* of tiktoken.model: ids below are its ranks; 0: tokenizer.json */
    bool            adds_bos;
    int64_t         bos;
    int64_t         eos;    /* of tokenizer_config.json; -1: none */
    bool            begins; /* tokenizer.json itself puts a token before a text: */
    uint32_t        begin;
    const char *template; /* of chats, as text; NULL: none */
};

/* GPT-2's table: every byte has a printable code point. */
uint32_t dv_byte_sign(unsigned char byte);
/* The byte of a code point, or -1. */
int32_t dv_sign_byte(uint32_t sign);

/* FOLDER/NAME; ended with dv_free(). */
dsvk_status dv_tokenizer_path(char **path, const struct dv_context *ctx, const char *folder,
                              const char *name);
/* Reads tokenizer.json into a zeroed tokenizer. What was made stays for dv_tokenizer_free(). */
dsvk_status dv_tokenizer_read(struct dv_tokenizer *tokenizer, const struct dv_text *text);
/* tokenizer_config.json, after the above; its data may be NULL. */
dsvk_status dv_tokenizer_read_config(struct dv_tokenizer *tokenizer, const struct dv_text *text);

#endif
