/* SPDX-License-Identifier: MIT */
/* tiktoken merges any two neighbours whose bytes together are a token, the lowest rank first. All
 * ways to put a token together from two others are looked for once, here: they are the merges of
 * the byte pair encoding that tokenizer.json spells out, and ranks are ids. */
#include "text/tiktoken.h"

#include <stdio.h>
#include <string.h>

#include "text/tokenizer_json.h"

#define TOKENS_MAX (1u << 22)
#define TOKEN_BYTES_MAX 1024 /* finding the parts of a token takes the square of its length */
/* Ids behind the ranks, named by the configuration or else <|reserved_token_ID|>. */
#define SPECIALS 258

static const char *const kimi_regex =
    "[\\p{Han}]+|"
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*"
    "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+"
    "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

static dsvk_status no_room(const struct dv_tokenizer_reader *reader)
{
    return dv_fail(reader->ctx, DSVK_NO_MEMORY, "tokenizer: %s: no room for its tables",
                   reader->where);
}

/* ---- lines ---- */

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Bytes that were written, 0 when the text is no base64. */
static size_t decode_base64(char *to, const char *text, size_t n)
{
    size_t   written = 0, digits = n;
    uint32_t bits = 0;
    while (digits && n - digits < 2 && text[digits - 1] == '=')
        digits--;
    if (n % 4 || digits % 4 == 1)
        return 0;
    for (size_t i = 0; i < digits; i++) {
        int value = base64_value(text[i]);
        if (value < 0)
            return 0;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 > 0) /* 6, then 12, 18, 24 bits less what is written */
            to[written++] = (char)(bits >> (6 - 2 * (i % 4)));
    }
    return written;
}

/* What a line holds; false when it is not a token and its rank. */
static bool read_line(const char *line, const char *end, char *token, size_t *bytes, uint32_t *rank)
{
    const char *space = memchr(line, ' ', (size_t)(end - line));
    if (!space || space + 1 == end || (size_t)(space - line) > TOKEN_BYTES_MAX / 3 * 4 + 4)
        return false;
    *bytes = decode_base64(token, line, (size_t)(space - line));
    *rank  = 0;
    for (const char *c = space + 1; c < end; c++) {
        if (*c < '0' || *c > '9' || *rank > TOKENS_MAX)
            return false;
        *rank = *rank * 10 + (uint32_t)(*c - '0');
    }
    return *bytes > 0;
}

struct lines {
    const char *at, *end;
    size_t      number;
};

/* The next line that is not empty, without its end. */
static bool next_line(struct lines *lines, const char **line, const char **line_end)
{
    while (lines->at < lines->end) {
        size_t      left = (size_t)(lines->end - lines->at);
        const char *stop = memchr(lines->at, '\n', left);
        *line            = lines->at;
        *line_end        = stop ? stop : lines->end;
        lines->at        = stop ? stop + 1 : lines->end;
        lines->number++;
        if (*line_end > *line && (*line_end)[-1] == '\r')
            --*line_end;
        if (*line_end > *line)
            return true;
    }
    return false;
}

/* ---- tokens ---- */

static dsvk_status add_token(struct dv_tokenizer_reader *reader, const struct lines *lines,
                             const char *bytes, size_t n, uint32_t rank)
{
    struct dv_tokenizer   *tokenizer = reader->tokenizer;
    struct dv_token       *token     = &tokenizer->tokens[rank];
    struct dv_strmap_slot *slot      = dv_strmap_slot(&tokenizer->names, bytes, n);
    if (!slot)
        return BAD(reader, "its tokens were made to collide", reader->where);
    if (slot->key || token->bytes)
        return BAD(reader, "line %zu: its token or its rank %u was there before", reader->where,
                   lines->number, rank);
    *slot         = (struct dv_strmap_slot){ bytes, (uint32_t)n, rank };
    token->bytes  = bytes;
    token->length = (uint32_t)n;
    if (n == 1)
        tokenizer->bpe.byte_id[(unsigned char)*bytes] = rank;
    if (n > tokenizer->longest_name)
        tokenizer->longest_name = n;
    return DSVK_OK;
}

static dsvk_status read_tokens(struct dv_tokenizer_reader *reader, const char *text, size_t bytes)
{
    dsvk_status  status;
    struct lines lines = { text, text + bytes, 0 };
    const char  *line, *end;
    uint32_t     rank;
    size_t       n;
    char        *to = dv_arena_alloc(&reader->tokenizer->arena, bytes + TOKEN_BYTES_MAX + 4, 1);
    if (!to)
        return no_room(reader);
    while (next_line(&lines, &line, &end)) {
        if (!read_line(line, end, to, &n, &rank))
            return BAD(reader, "line %zu is not a token in base64 and its rank", reader->where,
                       lines.number);
        if (rank >= reader->tokenizer->base_size || n > TOKEN_BYTES_MAX)
            return BAD(reader, "line %zu: a token of %zu bytes with the rank %u of %u",
                       reader->where, lines.number, n, rank, reader->tokenizer->base_size);
        TRY(add_token(reader, &lines, to, n, rank));
        to += n;
    }
    /* No UTF-8 text has the bytes C0, C1 and F5 .. FF. */
    for (uint32_t byte = 0; byte < 0xf5; byte++)
        if (reader->tokenizer->bpe.byte_id[byte] == DV_NO_ID && byte != 0xc0 && byte != 0xc1)
            return REFUSE(reader, "it has no token for the byte 0x%02x", reader->where, byte);
    return DSVK_OK;
}

/* ---- merges ---- */

/* Counts the ways to make token `id` of two others, and adds them as merges where asked. */
static bool find_pairs(struct dv_tokenizer *tokenizer, uint32_t id, size_t *n, bool add)
{
    const struct dv_token *token = &tokenizer->tokens[id];
    for (uint32_t cut = 1; cut < token->length; cut++) {
        int64_t left = dv_strmap_find(&tokenizer->names, token->bytes, cut);
        int64_t right =
            left < 0 ? -1
                     : dv_strmap_find(&tokenizer->names, token->bytes + cut, token->length - cut);
        if (right < 0)
            continue;
        ++*n;
        if (add && !dv_bpe_add(&tokenizer->bpe, (uint32_t)left, (uint32_t)right, id, id))
            return false;
    }
    return true;
}

static dsvk_status make_merges(struct dv_tokenizer_reader *reader)
{
    struct dv_tokenizer *tokenizer = reader->tokenizer;
    uint32_t             byte_id[256];
    size_t               n = 0, again = 0;
    for (uint32_t id = 0; id < tokenizer->base_size; id++)
        find_pairs(tokenizer, id, &n, false);
    memcpy(byte_id, tokenizer->bpe.byte_id, sizeof byte_id);
    if (!dv_bpe_init(&tokenizer->bpe, &tokenizer->arena, n))
        return no_room(reader);
    memcpy(tokenizer->bpe.byte_id, byte_id, sizeof byte_id);
    for (uint32_t id = 0; id < tokenizer->base_size; id++)
        if (!find_pairs(tokenizer, id, &again, true))
            return BAD(reader, "its tokens were made to collide", reader->where);
    return DSVK_OK;
}

/* ---- special tokens ---- */

static dsvk_status add_special(struct dv_tokenizer_reader *reader, uint32_t id, const json_t *entry)
{
    struct dv_tokenizer *tokenizer = reader->tokenizer;
    struct dv_token     *token     = &tokenizer->tokens[id];
    const json_t        *content   = json_object_get(entry, "content");
    size_t               n         = json_string_length(content);
    char *name = n ? dv_arena_printf(&tokenizer->arena, "%s", json_string_value(content))
                   : dv_arena_printf(&tokenizer->arena, "<|reserved_token_%u|>", id);
    if (!name)
        return no_room(reader);
    token->bytes                = name;
    token->length               = (uint32_t)strlen(name);
    token->special              = !json_is_false(json_object_get(entry, "special"));
    struct dv_strmap_slot *slot = dv_strmap_slot(&tokenizer->names, name, token->length);
    if (!slot || (slot->key && slot->value >= tokenizer->base_size))
        return BAD(reader, "the special token '%.100s' is there twice", reader->where, name);
    *slot = (struct dv_strmap_slot){ name, token->length, id };
    tokenizer->added[0].tokens[tokenizer->added[0].n++] =
        (struct dv_added_token){ name, token->length, id };
    return DSVK_OK;
}

static dsvk_status add_specials(struct dv_tokenizer_reader *reader, const json_t *decoder)
{
    dsvk_status          status;
    struct dv_tokenizer *tokenizer = reader->tokenizer;
    struct dv_added     *added     = &tokenizer->added[0];
    added->tokens = dv_arena_alloc(&tokenizer->arena, SPECIALS, sizeof *added->tokens);
    if (!added->tokens)
        return no_room(reader);
    for (uint32_t id = tokenizer->base_size; id < tokenizer->size; id++) {
        char key[16];
        snprintf(key, sizeof key, "%u", id);
        TRY(add_special(reader, id, json_object_get(decoder, key)));
    }
    dv_added_finish(added);
    return DSVK_OK;
}

static dsvk_status read_specials(const struct dv_tokenizer_reader *reader,
                                 const struct dv_text             *text)
{
    struct dv_tokenizer_reader config = { reader->tokenizer, reader->ctx, text->where,
                                          text->bytes };
    dsvk_status                status;
    json_t                    *root = NULL;
    if (text->data)
        TRY(dv_tokenizer_load_json(&root, reader->ctx, text));
    status = add_specials(&config, dv_json_member(root, "added_tokens_decoder"));
    json_decref(root);
    return status;
}

/* ---- the file ---- */

static dsvk_status make_tables(struct dv_tokenizer_reader *reader, const char *text, size_t bytes)
{
    struct dv_tokenizer *tokenizer = reader->tokenizer;
    struct lines         lines     = { text, text + bytes, 0 };
    const char          *line, *end;
    uint32_t             n = 0;
    while (n <= TOKENS_MAX && next_line(&lines, &line, &end))
        n++;
    if (n == 0 || n > TOKENS_MAX)
        return BAD(reader, "%u lines with tokens", reader->where, n);
    tokenizer->base_size = n;
    tokenizer->size      = n + SPECIALS;
    tokenizer->tokens =
        dv_arena_alloc(&tokenizer->arena, tokenizer->size, sizeof *tokenizer->tokens);
    memset(tokenizer->bpe.byte_id, 0xff, sizeof tokenizer->bpe.byte_id);
    if (!tokenizer->tokens ||
        !dv_strmap_init(&tokenizer->names, &tokenizer->arena, tokenizer->size))
        return no_room(reader);
    return DSVK_OK;
}

dsvk_status dv_tiktoken_read(struct dv_tokenizer *tokenizer, const struct dv_text *words,
                             const struct dv_text *config)
{
    struct dv_tokenizer_reader reader = { tokenizer, tokenizer->ctx, words->where, words->bytes };
    dsvk_status                status;
    TRY(make_tables(&reader, words->data, words->bytes));
    TRY(read_tokens(&reader, words->data, words->bytes));
    TRY(make_merges(&reader));
    tokenizer->ignore_merges = true;
    TRY(read_specials(&reader, config));
    TRY(dv_pretoken_new(&tokenizer->pretoken, tokenizer->ctx));
    return dv_pretoken_add(tokenizer->pretoken, words->where, kimi_regex, strlen(kimi_regex),
                           false);
}
