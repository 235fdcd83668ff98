/* SPDX-License-Identifier: MIT */
/* From text to ids: added tokens first, then the pre-tokenizer on each stretch between them,
 * then byte pair encoding on each piece. */
#include "text/tokenizer.h"

#include <string.h>

#include "text/tiktoken.h"

/* ---- bytes as printable signs ---- */

static bool shows_itself(uint32_t byte)
{
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

uint32_t dv_byte_sign(unsigned char byte)
{
    uint32_t hidden = 0;
    if (shows_itself(byte))
        return byte;
    for (uint32_t i = 0; i < byte; i++)
        hidden += !shows_itself(i);
    return 0x100 + hidden;
}

int32_t dv_sign_byte(uint32_t sign)
{
    if (sign < 0x100)
        return shows_itself(sign) ? (int32_t)sign : -1;
    if (sign < 0x100 + 33) /* 0 .. 32 */
        return (int32_t)(sign - 0x100);
    if (sign < 0x100 + 33 + 34) /* 127 .. 160 */
        return (int32_t)(sign - 0x100 - 33 + 127);
    return sign == 0x100 + 33 + 34 ? 173 : -1;
}

/* ---- queries ---- */

uint32_t dv_tokenizer_size(const struct dv_tokenizer *tokenizer)
{
    return tokenizer->size;
}

int64_t dv_tokenizer_find(const struct dv_tokenizer *tokenizer, const char *content)
{
    return dv_strmap_find(&tokenizer->names, content, strlen(content));
}

bool dv_tokenizer_adds_bos(const struct dv_tokenizer *tokenizer)
{
    return tokenizer->adds_bos;
}

int64_t dv_tokenizer_bos(const struct dv_tokenizer *tokenizer)
{
    return tokenizer->bos;
}

int64_t dv_tokenizer_eos(const struct dv_tokenizer *tokenizer)
{
    return tokenizer->eos;
}

const char *dv_tokenizer_bytes(const struct dv_tokenizer *tokenizer, uint32_t id, size_t *bytes)
{
    bool known = id < tokenizer->size;
    *bytes     = known ? tokenizer->tokens[id].length : 0;
    return known ? tokenizer->tokens[id].bytes : NULL;
}

size_t dv_tokenizer_longest(const struct dv_tokenizer *tokenizer)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < tokenizer->size; i++)
        if (tokenizer->tokens[i].length > longest)
            longest = tokenizer->tokens[i].length;
    return longest;
}

bool dv_tokenizer_is_special(const struct dv_tokenizer *tokenizer, uint32_t id)
{
    return id < tokenizer->size && tokenizer->tokens[id].special;
}

/* ---- encoding ---- */

struct encoder {
    const struct dv_tokenizer *tokenizer;
    struct dv_bpe_work         work;
    struct dv_ids             *ids;
};

/* The token whose bytes are exactly the piece, or -1. Names hold at most 2 bytes a byte. */
static int64_t find_whole(const struct dv_tokenizer *tokenizer, const char *piece, size_t bytes)
{
    char   name[512];
    size_t n = 0;
    if (bytes > tokenizer->longest_name)
        return -1;
    if (tokenizer->base_size) {
        int64_t id = dv_strmap_find(&tokenizer->names, piece, bytes);
        return id < tokenizer->base_size ? id : -1;
    }
    if (bytes > sizeof name / 2)
        return -1;
    for (size_t i = 0; i < bytes; i++) {
        uint32_t sign = dv_byte_sign((unsigned char)piece[i]);
        if (sign >= 0x80) {
            name[n++] = (char)(0xc0 | sign >> 6);
            name[n++] = (char)(0x80 | (sign & 0x3f));
        } else {
            name[n++] = (char)sign;
        }
    }
    return dv_strmap_find(&tokenizer->names, name, n);
}

static dsvk_status encode_piece(void *user, const char *piece, size_t bytes)
{
    struct encoder            *encoder   = user;
    const struct dv_tokenizer *tokenizer = encoder->tokenizer;
    int64_t whole = tokenizer->ignore_merges ? find_whole(tokenizer, piece, bytes) : -1;
    if (whole >= 0)
        return dv_ids_push(tokenizer->ctx, encoder->ids, (uint32_t)whole);
    return dv_bpe_encode(&tokenizer->bpe, &encoder->work, piece, bytes, encoder->ids);
}

const struct dv_context *dv_tokenizer_context(const struct dv_tokenizer *tokenizer)
{
    return tokenizer->ctx;
}

const char *dv_tokenizer_template(const struct dv_tokenizer *tokenizer)
{
    return tokenizer->template;
}

size_t dv_tokenizer_added(const struct dv_tokenizer *tokenizer, const char *text, size_t bytes,
                          uint32_t *id)
{
    for (size_t round = 0; round < 2; round++) {
        const struct dv_added_token *token = dv_added_match(&tokenizer->added[round], text, bytes);
        if (token) {
            *id = token->id;
            return token->length;
        }
    }
    return 0;
}

/* Rounds 0 and 1 cut the text at added tokens, round 2 encodes what lies between. */
static dsvk_status encode_stretch(struct encoder *encoder, uint32_t round, const char *text,
                                  size_t bytes)
{
    const struct dv_tokenizer *tokenizer = encoder->tokenizer;
    size_t                     done      = 0;
    dsvk_status                status;
    if (bytes == 0)
        return DSVK_OK;
    if (round == 2)
        return dv_pretoken_run(tokenizer->pretoken, text, bytes, encode_piece, encoder);
    for (size_t at = 0; at < bytes;) {
        const struct dv_added_token *token =
            dv_added_match(&tokenizer->added[round], text + at, bytes - at);
        if (!token) {
            at++;
            continue;
        }
        TRY(encode_stretch(encoder, round + 1, text + done, at - done));
        TRY(dv_ids_push(tokenizer->ctx, encoder->ids, token->id));
        done = at += token->length;
    }
    return encode_stretch(encoder, round + 1, text + done, bytes - done);
}

dsvk_status dv_tokenizer_encode(const struct dv_tokenizer *tokenizer, const char *text,
                                size_t bytes, bool special, struct dv_ids *ids)
{
    struct encoder encoder = {
        .tokenizer = tokenizer,
        .work      = { .ctx = tokenizer->ctx },
        .ids       = ids,
    };
    size_t      n      = ids->n;
    dsvk_status status = DSVK_OK;
    for (size_t at = 0, signs = 0, part; at < bytes && status == DSVK_OK; at += part) {
        part   = tokenizer->base_size ? dv_tiktoken_part(text + at, bytes - at, &signs) : bytes;
        status = encode_stretch(&encoder, special ? 0 : 2, text + at, part);
    }
    dv_bpe_work_done(&encoder.work);
    if (status != DSVK_OK)
        ids->n = n;
    return status;
}
