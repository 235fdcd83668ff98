/* SPDX-License-Identifier: MIT */
/* One call, as it stands between its marks: name, id, and arguments that are JSON already. */
#include <math.h>
#include <string.h>

#include "chat/answer_parts.h"

/* ---- parts of a text ---- */

static struct dv_part part_of(const char *text, size_t bytes)
{
    return (struct dv_part){ text, bytes };
}

bool dv_part_begins(struct dv_part *part, const char *word)
{
    size_t n = strlen(word);
    if (part->bytes < n || memcmp(part->text, word, n) != 0)
        return false;
    part->text += n;
    part->bytes -= n;
    return true;
}

bool dv_part_until(struct dv_part *part, const char *word, struct dv_part *before)
{
    const char *at = part->text, *end = part->text + part->bytes;
    size_t      n = strlen(word);
    while ((at = (size_t)(end - at) >= n ? memchr(at, word[0], (size_t)(end - at) - n + 1)
                                         : NULL) != NULL) {
        if (memcmp(at, word, n) == 0) {
            *before = part_of(part->text, (size_t)(at - part->text));
            *part   = part_of(at + n, (size_t)(end - at) - n);
            return true;
        }
        at++;
    }
    return false;
}

struct dv_part dv_part_strip(struct dv_part part)
{
    while (part.bytes && strchr(" \t\r\n", part.text[0]) && part.text[0])
        part = part_of(part.text + 1, part.bytes - 1);
    while (part.bytes && strchr(" \t\r\n", part.text[part.bytes - 1]) && part.text[part.bytes - 1])
        part.bytes--;
    return part;
}

/* ---- what is kept ---- */

static char *copy_of(struct dv_call_reader *r, struct dv_part text)
{
    char *copy = dv_arena_alloc(r->arena, text.bytes + 1, 1);
    if (!copy && r->status == DSVK_OK)
        r->status = dv_fail(r->arena->ctx, DSVK_NO_MEMORY,
                            "chat: no memory for a call of %zu bytes", text.bytes);
    else if (copy && text.bytes)
        memcpy(copy, text.text, text.bytes);
    return copy;
}

void dv_call_refuse(struct dv_call_reader *r, const char *why)
{
    if (!r->call->why)
        r->call->why = why;
}

/* JSON has no NaN and no Infinity, Python's has. The depth is bounded by the reader's. */
static bool is_json(const struct dv_value *value)
{
    if (value->kind == DV_VALUE_REAL && !isfinite(value->real))
        return false;
    for (const struct dv_value *v = value->first; v; v = v->next)
        if (!is_json(v))
            return false;
    return true;
}

struct dv_value *dv_call_value(struct dv_call_reader *r, struct dv_part text)
{
    char             why[DV_VALUE_WHY];
    struct dv_value *value = NULL;
    if (r->status != DSVK_OK)
        return NULL;
    dsvk_status status = dv_value_read(&value, r->arena, text.text, text.bytes, why);
    if (status == DSVK_NO_MEMORY)
        r->status = status;
    return status == DSVK_OK && is_json(value) ? value : NULL;
}

void dv_call_name(struct dv_call_reader *r, struct dv_part name)
{
    bool bad = name.bytes == 0;
    for (size_t i = 0; i < name.bytes; i++)
        bad = bad || (unsigned char)name.text[i] <= ' ';
    if (bad)
        dv_call_refuse(r, "a call without a name came as text");
    r->call->name = copy_of(r, name);
}

void dv_call_arguments(struct dv_call_reader *r, struct dv_part text)
{
    text = dv_part_strip(text);
    if (text.bytes == 0)
        text = part_of("{}", 2);
    const struct dv_value *value = dv_call_value(r, text);
    if (!value || value->kind != DV_VALUE_OBJECT)
        dv_call_refuse(r, "a call whose arguments are no JSON object came as text");
    r->call->arguments = text.text;
    r->call->bytes     = text.bytes;
}

/* ---- formats ---- */

/* "function" SEP NAME and a fence, as V3 and R1 write it, or NAME SEP JSON as V3.1 does; models
 * mix them up. */
static void read_deepseek(struct dv_call_reader *r)
{
    struct dv_part name, rest = r->rest;
    if (!dv_part_until(&rest, "<｜tool▁sep｜>", &name)) {
        dv_call_refuse(r, "a call without arguments came as text");
        return;
    }
    struct dv_part type = dv_part_strip(name), fenced = rest, line;
    if (dv_part_begins(&type, "function") && type.bytes == 0 &&
        dv_part_until(&fenced, "\n", &line)) {
        dv_call_name(r, dv_part_strip(line));
        fenced = dv_part_strip(fenced);
        if (dv_part_begins(&fenced, "```json") || dv_part_begins(&fenced, "```")) {
            fenced = dv_part_strip(fenced);
            if (fenced.bytes >= 3 && memcmp(fenced.text + fenced.bytes - 3, "```", 3) == 0)
                fenced.bytes -= 3;
        }
        dv_call_arguments(r, fenced);
        return;
    }
    dv_call_name(r, dv_part_strip(name));
    dv_call_arguments(r, rest);
}

/* functions.NAME:N, where all but the name may be missing. */
static struct dv_part name_in(struct dv_part id)
{
    size_t end = id.bytes;
    dv_part_begins(&id, "functions.");
    end = id.bytes;
    while (end && id.text[end - 1] >= '0' && id.text[end - 1] <= '9')
        end--;
    if (end > 1 && end < id.bytes && id.text[end - 1] == ':')
        id.bytes = end - 1;
    return id;
}

static void read_kimi(struct dv_call_reader *r)
{
    struct dv_part id, rest = r->rest;
    if (!dv_part_until(&rest, "<|tool_call_argument_begin|>", &id)) {
        dv_call_refuse(r, "a call without arguments came as text");
        return;
    }
    id          = dv_part_strip(id);
    r->call->id = copy_of(r, id);
    dv_call_name(r, name_in(id));
    dv_call_arguments(r, rest);
}

dsvk_status dv_answer_read_call(struct dv_answer_call *call, const struct dv_answer *answer,
                                struct dv_arena *arena, const char *text, size_t bytes)
{
    struct dv_call_reader r = { .answer = answer, .arena = arena, .call = call };
    *call                   = (struct dv_answer_call){ 0 };
    r.rest                  = part_of(text, bytes);
    switch (answer->format) {
    case DV_CHAT_V32:
    case DV_CHAT_V4:
        dv_call_read_dsml(&r);
        break;
    case DV_CHAT_GLM:
    case DV_CHAT_GLM45:
        dv_call_read_glm(&r);
        break;
    case DV_CHAT_KIMI:
    case DV_CHAT_KIMI_THINK:
    case DV_CHAT_KIMI_K25:
        read_kimi(&r);
        break;
    default:
        read_deepseek(&r);
        break;
    }
    return r.status;
}
