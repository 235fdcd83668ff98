/* SPDX-License-Identifier: MIT */
/* tokenizer.json, untrusted: everything that changes ids is either honoured or refused by name,
 * and no table is larger than the file can justify. The JSON tree dies before the return; all
 * texts that stay are copied into the arena. */
#include "text/tokenizer_json.h"

#include <string.h>

#include "base/size.h"
#include "json/load.h"

#define ID_LIMIT (1u << 24)
/* An entry takes several bytes of the file; a higher id than this would make a table that is
 * nearly all gaps. */
#define IDS_PER_BYTE 4

static dsvk_status no_room(const struct dv_tokenizer_reader *reader)
{
    return dv_fail(reader->ctx, DSVK_NO_MEMORY, "tokenizer: %s: no room for its tables",
                   reader->where);
}

dsvk_status dv_tokenizer_load_json(json_t **out, const struct dv_context *ctx,
                                   const struct dv_text *text)
{
    dsvk_status status;
    TRY(dv_json_load(out, ctx, "tokenizer", text->where, text->data, text->bytes));
    if (json_is_object(*out))
        return DSVK_OK;
    json_decref(*out);
    *out = NULL;
    return dv_fail(ctx, DSVK_BAD_FILE, "tokenizer: %s: not a JSON object", text->where);
}

static char *copy_text(struct dv_tokenizer_reader *reader, const char *text, size_t bytes)
{
    char *copy = dv_arena_alloc(&reader->tokenizer->arena, bytes + 1, 1);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

/* ---- vocabulary ---- */

static dsvk_status check_id(const struct dv_tokenizer_reader *reader, const json_t *value,
                            const char *name)
{
    json_int_t id    = json_is_integer(value) ? json_integer_value(value) : -1;
    size_t     limit = reader->bytes * IDS_PER_BYTE;
    if (limit > ID_LIMIT)
        limit = ID_LIMIT;
    if (id < 0 || (size_t)id >= limit)
        return BAD(reader, "the id %lld of the token '%.100s' is outside 0 .. %zu", reader->where,
                   (long long)id, name, limit - 1);
    return DSVK_OK;
}

static dsvk_status count_ids(struct dv_tokenizer_reader *reader, const json_t *vocab,
                             const json_t *added)
{
    dsvk_status status;
    uint32_t    size = 0;
    const char *name;
    json_t     *value;
    size_t      i;
    json_object_foreach((json_t *)vocab, name, value)
    {
        TRY(check_id(reader, value, name));
        if (json_integer_value(value) >= size)
            size = (uint32_t)json_integer_value(value) + 1;
    }
    json_array_foreach(added, i, value)
    {
        const json_t *id      = json_object_get(value, "id");
        const char   *content = json_string_value(json_object_get(value, "content"));
        if (!content || !*content)
            return BAD(reader, "added token %zu has no content", reader->where, i);
        TRY(check_id(reader, id, content));
        if (json_integer_value(id) >= size)
            size = (uint32_t)json_integer_value(id) + 1;
    }
    struct dv_tokenizer *tokenizer = reader->tokenizer;
    tokenizer->size                = size;
    tokenizer->tokens = dv_arena_alloc(&tokenizer->arena, size, sizeof *tokenizer->tokens);
    if (!tokenizer->tokens || !dv_strmap_init(&tokenizer->names, &tokenizer->arena,
                                              json_object_size(vocab) + json_array_size(added)))
        return no_room(reader);
    return DSVK_OK;
}

/* Gives a name its id, both new or both as before: a name has one id, an id one name. */
static dsvk_status name_id(struct dv_tokenizer_reader *reader, const char *name, size_t bytes,
                           uint32_t id, bool *is_new)
{
    struct dv_tokenizer   *tokenizer = reader->tokenizer;
    struct dv_strmap_slot *slot      = dv_strmap_slot(&tokenizer->names, name, bytes);
    if (!slot)
        return BAD(reader, "its names were made to collide", reader->where);
    *is_new = !slot->key;
    if (slot->key && slot->value != id)
        return BAD(reader, "the token '%.100s' has the ids %u and %u", reader->where, name,
                   slot->value, id);
    if (!slot->key && tokenizer->tokens[id].bytes)
        return BAD(reader, "the id %u has two tokens, one is '%.100s'", reader->where, id, name);
    if (slot->key)
        return DSVK_OK;
    *slot = (struct dv_strmap_slot){ copy_text(reader, name, bytes), (uint32_t)bytes, id };
    if (bytes > tokenizer->longest_name)
        tokenizer->longest_name = bytes;
    return slot->key ? DSVK_OK : no_room(reader);
}

/* The next code point of valid UTF-8. */
static uint32_t next_sign(const unsigned char **text)
{
    const unsigned char *t    = *text;
    uint32_t             n    = t[0] < 0x80 ? 1 : t[0] < 0xe0 ? 2 : t[0] < 0xf0 ? 3 : 4;
    uint32_t             sign = n == 1 ? t[0] : t[0] & (0xffu >> (n + 1));
    for (uint32_t i = 1; i < n; i++)
        sign = sign << 6 | (t[i] & 0x3f);
    *text += n;
    return sign;
}

/* A name made of byte signs stands for those bytes; another one, as added tokens have, for
 * itself. false: no memory. */
static bool set_bytes(struct dv_tokenizer_reader *reader, struct dv_token *token, const char *name,
                      size_t bytes)
{
    const unsigned char *from = (const unsigned char *)name, *end = from + bytes;
    char                *to = copy_text(reader, name, bytes);
    uint32_t             n  = 0;
    token->bytes            = to;
    token->length           = (uint32_t)bytes;
    if (!to)
        return false;
    while (from < end) {
        int32_t byte = dv_sign_byte(next_sign(&from));
        if (byte < 0) {
            memcpy(to, name, bytes);
            return true;
        }
        to[n++] = (char)byte;
    }
    token->length = n;
    return true;
}

static dsvk_status read_vocab(struct dv_tokenizer_reader *reader, const json_t *vocab)
{
    struct dv_tokenizer *tokenizer = reader->tokenizer;
    dsvk_status          status;
    const char          *name;
    json_t              *value;
    bool                 is_new;
    json_object_foreach((json_t *)vocab, name, value)
    {
        uint32_t         id    = (uint32_t)json_integer_value(value);
        struct dv_token *token = &tokenizer->tokens[id];
        TRY(name_id(reader, name, strlen(name), id, &is_new));
        if (!set_bytes(reader, token, name, strlen(name)))
            return no_room(reader);
        const unsigned char *sign = (const unsigned char *)name;
        int32_t              byte = *sign ? dv_sign_byte(next_sign(&sign)) : -1;
        if (byte >= 0 && !*sign)
            tokenizer->bpe.byte_id[byte] = id;
    }
    /* C0, C1 and F5 .. FF are in no UTF-8 text, and some vocabularies leave them out. */
    for (uint32_t byte = 0; byte < 0xf5; byte++)
        if (tokenizer->bpe.byte_id[byte] == DV_NO_ID && byte != 0xc0 && byte != 0xc1)
            return REFUSE(reader, "its vocabulary has no token for the byte 0x%02x", reader->where,
                          byte);
    return DSVK_OK;
}

/* ---- merges ---- */

/* "left right" or ["left", "right"]. */
static bool merge_parts(const json_t *merge, const char **left, size_t *left_bytes,
                        const char **right, size_t *right_bytes)
{
    const json_t *a = json_array_get(merge, 0), *b = json_array_get(merge, 1);
    if (json_array_size(merge) == 2 && json_is_string(a) && json_is_string(b)) {
        *left        = json_string_value(a);
        *right       = json_string_value(b);
        *left_bytes  = json_string_length(a);
        *right_bytes = json_string_length(b);
        return true;
    }
    const char *text = json_string_value(merge), *space = text ? strchr(text, ' ') : NULL;
    if (!space || strchr(space + 1, ' '))
        return false;
    *left        = text;
    *left_bytes  = (size_t)(space - text);
    *right       = space + 1;
    *right_bytes = strlen(space + 1);
    return true;
}

static dsvk_status read_merge(struct dv_tokenizer_reader *reader, const json_t *merge,
                              uint32_t rank, char *joined)
{
    struct dv_tokenizer *tokenizer = reader->tokenizer;
    const char          *left, *right;
    size_t               left_bytes, right_bytes;
    if (!merge_parts(merge, &left, &left_bytes, &right, &right_bytes))
        return BAD(reader, "merge %u is not a pair of tokens", reader->where, rank);
    int64_t left_id  = dv_strmap_find(&tokenizer->names, left, left_bytes);
    int64_t right_id = dv_strmap_find(&tokenizer->names, right, right_bytes);
    int64_t id       = -1;
    if (left_id >= 0 && right_id >= 0) { /* then both fit, twice the longest name */
        memcpy(joined, left, left_bytes);
        memcpy(joined + left_bytes, right, right_bytes);
        id = dv_strmap_find(&tokenizer->names, joined, left_bytes + right_bytes);
    }
    if (id < 0)
        return BAD(reader, "merge %u of '%.*s' and '%.*s' is not within the vocabulary",
                   reader->where, rank, (int)dv_min(left_bytes, 100), left,
                   (int)dv_min(right_bytes, 100), right);
    if (!dv_bpe_add(&tokenizer->bpe, (uint32_t)left_id, (uint32_t)right_id, rank, (uint32_t)id))
        return BAD(reader, "its merges were made to collide", reader->where);
    return DSVK_OK;
}

static dsvk_status read_merges(struct dv_tokenizer_reader *reader, const json_t *merges)
{
    dsvk_status   status = DSVK_OK;
    const json_t *merge;
    size_t        i;
    char         *joined = dv_alloc(reader->ctx, reader->tokenizer->longest_name * 2 + 1);
    if (!joined)
        return no_room(reader);
    json_array_foreach(merges, i, merge)
        TRY_OR(fail, read_merge(reader, merge, (uint32_t)i, joined));
fail: /* or done */
    dv_free(reader->ctx, joined);
    return status;
}

static dsvk_status check_model(const struct dv_tokenizer_reader *reader, const json_t *model)
{
    static const char *const affixes[] = { "continuing_subword_prefix", "end_of_word_suffix" };
    if (strcmp(dv_tokenizer_type(model), "BPE") != 0)
        return REFUSE(reader, "the model is of type '%.60s', not BPE", reader->where,
                      dv_tokenizer_type(model));
    if (json_number_value(dv_json_member(model, "dropout")) != 0)
        return REFUSE(reader, "the model has a dropout", reader->where);
    for (size_t i = 0; i < sizeof affixes / sizeof *affixes; i++)
        if (dv_json_member(model, affixes[i]) &&
            json_string_length(dv_json_member(model, affixes[i])))
            return REFUSE(reader, "the model has a %s", reader->where, affixes[i]);
    /* unk_token, fuse_unk and byte_fallback are for text without tokens: bytes all have one. */
    if (!json_is_object(dv_json_member(model, "vocab")) ||
        !json_is_array(dv_json_member(model, "merges")))
        return BAD(reader, "the model has no vocabulary or no merges", reader->where);
    return DSVK_OK;
}

/* ---- added tokens ---- */

static dsvk_status read_added_token(struct dv_tokenizer_reader *reader, const json_t *entry)
{
    static const char *const flags[]   = { "single_word", "lstrip", "rstrip" };
    struct dv_tokenizer     *tokenizer = reader->tokenizer;
    dsvk_status              status;
    const json_t            *content = json_object_get(entry, "content");
    const char              *text    = json_string_value(content);
    uint32_t                 bytes   = (uint32_t)json_string_length(content);
    uint32_t                 id      = (uint32_t)json_integer_value(json_object_get(entry, "id"));
    struct dv_added         *added   = &tokenizer->added[dv_tokenizer_says(entry, "normalized")];
    bool                     is_new;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (dv_tokenizer_says(entry, flags[i]))
            return REFUSE(reader, "the added token '%.100s' has %s", reader->where, text, flags[i]);
    TRY(name_id(reader, text, bytes, id, &is_new));
    struct dv_token *token = &tokenizer->tokens[id];
    token->special         = dv_tokenizer_says(entry, "special");
    token->length          = bytes;
    token->bytes           = copy_text(reader, text, bytes);
    if (!token->bytes)
        return no_room(reader);
    added->tokens[added->n++] = (struct dv_added_token){ token->bytes, bytes, id };
    return DSVK_OK;
}

static dsvk_status read_added(struct dv_tokenizer_reader *reader, const json_t *list)
{
    struct dv_tokenizer *tokenizer = reader->tokenizer;
    dsvk_status          status;
    const json_t        *entry;
    size_t               i, n = json_array_size(list);
    for (i = 0; i < 2; i++) {
        tokenizer->added[i].tokens =
            dv_arena_alloc(&tokenizer->arena, n, sizeof *tokenizer->added[i].tokens);
        if (!tokenizer->added[i].tokens)
            return no_room(reader);
    }
    json_array_foreach(list, i, entry) TRY(read_added_token(reader, entry));
    for (i = 0; i < 2; i++)
        dv_added_finish(&tokenizer->added[i]);
    return DSVK_OK;
}

/* ---- the file ---- */

static dsvk_status read_root(struct dv_tokenizer_reader *reader, const json_t *root)
{
    struct dv_tokenizer *tokenizer = reader->tokenizer;
    const json_t        *model     = dv_json_member(root, "model"),
                 *added            = dv_json_member(root, "added_tokens");
    dsvk_status status;
    TRY(check_model(reader, model));
    TRY(dv_tokenizer_read_steps(reader, root));
    const json_t *vocab = dv_json_member(model, "vocab"), *merges = dv_json_member(model, "merges");
    TRY(count_ids(reader, vocab, added));
    if (!dv_bpe_init(&tokenizer->bpe, &tokenizer->arena, json_array_size(merges)))
        return no_room(reader);
    TRY(read_vocab(reader, vocab));
    TRY(read_merges(reader, merges));
    TRY(read_added(reader, added));
    dv_tokenizer_read_begin(reader, root);
    tokenizer->ignore_merges = dv_tokenizer_says(model, "ignore_merges");
    return DSVK_OK;
}

dsvk_status dv_tokenizer_read(struct dv_tokenizer *tokenizer, const struct dv_text *text)
{
    struct dv_tokenizer_reader reader = { tokenizer, tokenizer->ctx, text->where, text->bytes };
    dsvk_status                status;
    json_t                    *root;
    TRY(dv_tokenizer_load_json(&root, tokenizer->ctx, text));
    status = read_root(&reader, root);
    json_decref(root);
    return status;
}
