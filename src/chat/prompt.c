/* SPDX-License-Identifier: MIT */
/* A prompt as spans of bytes, and these as token ids. */
#include "chat/prompt.h"

#include <string.h>

/* ---- writing ---- */

static void put_span(struct dv_prompt *p, enum dv_span_kind kind, const char *text, size_t bytes)
{
    if (p->n_spans == p->span_capacity) {
        size_t          capacity = p->span_capacity * 2 + 32;
        struct dv_span *grown    = dv_realloc(p->ctx, p->spans, capacity * sizeof *grown);
        if (!grown) {
            if (p->bytes.status == DSVK_OK)
                p->bytes.status =
                    dv_fail(p->ctx, DSVK_NO_MEMORY, "chat: no room for %zu parts", capacity);
            return;
        }
        p->spans         = grown;
        p->span_capacity = capacity;
    }
    dv_bytes_put(&p->bytes, text, bytes);
    p->spans[p->n_spans++] = (struct dv_span){ kind, p->bytes.n };
}

void dv_prompt_put(struct dv_prompt *p, const char *words)
{
    put_span(p, DV_SPAN_WORDS, words, strlen(words));
}

void dv_prompt_mark(struct dv_prompt *p, const char *mark)
{
    put_span(p, DV_SPAN_MARK, mark, strlen(mark));
}

void dv_prompt_begin(struct dv_prompt *p)
{
    size_t      n    = strlen(DV_BOS);
    const char *text = DV_BOS;
    if (p->tokenizer && !p->chat->named) {
        int64_t id = dv_tokenizer_bos(p->tokenizer);
        text       = id < 0 ? NULL : dv_tokenizer_bytes(p->tokenizer, (uint32_t)id, &n);
    }
    if (text)
        put_span(p, DV_SPAN_BOS, text, n);
}

void dv_prompt_bytes(struct dv_prompt *p, const char *text, size_t bytes)
{
    if (bytes)
        put_span(p, DV_SPAN_TEXT, text, bytes);
}

void dv_prompt_text(struct dv_prompt *p, const char *text)
{
    if (text)
        dv_prompt_bytes(p, text, strlen(text));
}

void dv_prompt_json(struct dv_prompt *p, const struct dv_value *value)
{
    struct dv_bytes out = { .ctx = p->ctx };
    dv_value_write(&out, value);
    if (p->bytes.status == DSVK_OK)
        p->bytes.status = out.status;
    dv_prompt_bytes(p, out.data, out.n);
    dv_free(p->ctx, out.data);
}

struct dv_value *dv_prompt_read(struct dv_prompt *p, const char *text, const char *what)
{
    char             why[DV_VALUE_WHY];
    struct dv_value *value = NULL;
    if (p->bytes.status != DSVK_OK)
        return NULL;
    dsvk_status status = dv_value_read(&value, &p->arena, text, strlen(text), why);
    if (status == DSVK_OK)
        return value;
    if (status != DSVK_NO_MEMORY)
        status = dv_fail(p->ctx, DSVK_BAD_ARGUMENT, "chat: %s: %s", what, why);
    p->bytes.status = status;
    return NULL;
}

void dv_prompt_fail(struct dv_prompt *p, dsvk_status status, const char *what)
{
    if (p->bytes.status == DSVK_OK)
        p->bytes.status = dv_fail(p->ctx, status, "chat: %s", what);
}

const struct dv_value *dv_prompt_tools(struct dv_prompt *p, const char *text)
{
    const struct dv_value *tools = text ? dv_prompt_read(p, text, "the tools") : NULL;
    if (!dv_value_truth(tools))
        return NULL;
    if (tools->kind == DV_VALUE_LIST)
        return tools;
    dv_prompt_fail(p, DSVK_BAD_ARGUMENT, "the tools are no JSON list");
    return NULL;
}

void dv_prompt_refuse(struct dv_prompt *p, size_t message, const char *what)
{
    if (p->bytes.status == DSVK_OK)
        p->bytes.status = dv_fail(p->ctx, DSVK_BAD_ARGUMENT, "chat: message %zu %s", message, what);
}

/* ---- token ids ---- */

struct encoder {
    const struct dv_prompt *p;
    size_t                  start, end; /* plain bytes that wait */
    struct dv_ids          *ids;
};

static dsvk_status flush(struct encoder *e)
{
    size_t start = e->start, bytes = e->end - start;
    e->start = e->end;
    return bytes ? dv_tokenizer_encode(e->p->tokenizer, e->p->bytes.data + start, bytes, false,
                                       e->ids)
                 : DSVK_OK;
}

static dsvk_status push(struct encoder *e, uint32_t id, size_t end)
{
    dsvk_status status;
    TRY(flush(e));
    e->start = e->end = end;
    return dv_ids_push(e->p->ctx, e->ids, id);
}

static dsvk_status encode_mark(struct encoder *e, size_t end)
{
    const char *mark     = e->p->bytes.data + e->end;
    size_t      bytes    = end - e->end;
    char        name[64] = "";
    if (bytes < sizeof name)
        memcpy(name, mark, bytes);
    int64_t id = dv_tokenizer_find(e->p->tokenizer, name);
    if (id < 0)
        return dv_fail(e->p->ctx, DSVK_UNSUPPORTED,
                       "chat: the format %s needs the token %s, which the tokenizer lacks",
                       dv_chat_format_name(e->p->chat->format), name);
    return push(e, (uint32_t)id, end);
}

/* Tokens that the vocabulary adds are found in the format's own words. */
static dsvk_status encode_words(struct encoder *e, size_t end)
{
    dsvk_status status;
    while (e->end < end) {
        uint32_t id;
        size_t   n =
            dv_tokenizer_added(e->p->tokenizer, e->p->bytes.data + e->end, end - e->end, &id);
        if (n)
            TRY(push(e, id, e->end + n));
        else
            e->end++;
    }
    return DSVK_OK;
}

static dsvk_status encode_begin(struct encoder *e, size_t end)
{
    dsvk_status status;
    int64_t     id = dv_tokenizer_bos(e->p->tokenizer);
    if (id >= 0)
        return push(e, (uint32_t)id, end);
    TRY(flush(e)); /* a tokenizer without one begins with nothing */
    e->start = e->end = end;
    return DSVK_OK;
}

static dsvk_status encode_span(struct encoder *e, const struct dv_span *span)
{
    switch (span->kind) {
    case DV_SPAN_MARK:
        return encode_mark(e, span->end);
    case DV_SPAN_BOS:
        return encode_begin(e, span->end);
    case DV_SPAN_WORDS:
        return encode_words(e, span->end);
    default:
        e->end = span->end;
        return DSVK_OK;
    }
}

dsvk_status dv_prompt_ids(const struct dv_prompt *p, struct dv_ids *ids)
{
    dsvk_status    status;
    struct encoder e = { .p = p, .ids = ids };
    for (size_t i = 0; i < p->n_spans; i++)
        TRY(encode_span(&e, &p->spans[i]));
    return flush(&e);
}

const struct dv_value *dv_tool_function(const struct dv_value *tool)
{
    const struct dv_value *function = dv_value_get(tool, "function");
    return function ? function : tool;
}
