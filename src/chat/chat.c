/* SPDX-License-Identifier: MIT */
/* Names of the formats, what a conversation must be, and which file writes it. */
#include <string.h>

#include "chat/prompt.h"

static const char *const names[DV_CHAT_FORMATS] = {
    [DV_CHAT_NONE]       = "none",
    [DV_CHAT_UNKNOWN]    = "unknown",
    [DV_CHAT_V2]         = "v2",
    [DV_CHAT_V3]         = "v3",
    [DV_CHAT_R1]         = "r1",
    [DV_CHAT_V31]        = "v31",
    [DV_CHAT_V32]        = "v32",
    [DV_CHAT_V4]         = "v4",
    [DV_CHAT_GLM]        = "glm",
    [DV_CHAT_GLM45]      = "glm45",
    [DV_CHAT_MOONLIGHT]  = "moonlight",
    [DV_CHAT_KIMI]       = "kimi",
    [DV_CHAT_KIMI_THINK] = "kimi-think",
    [DV_CHAT_KIMI_K25]   = "kimi-k25",
};

const char *dv_chat_format_name(enum dv_chat_format format)
{
    return (unsigned)format < DV_CHAT_FORMATS ? names[format] : names[DV_CHAT_UNKNOWN];
}

enum dv_chat_format dv_chat_format_find(const char *name)
{
    for (unsigned format = DV_CHAT_V2; format < DV_CHAT_FORMATS; format++)
        if (strcmp(names[format], name) == 0)
            return (enum dv_chat_format)format;
    return strcmp(name, "v3.1") == 0   ? DV_CHAT_V31
           : strcmp(name, "v3.2") == 0 ? DV_CHAT_V32
                                       : DV_CHAT_UNKNOWN;
}

bool dv_chat_is(const struct dv_chat_message *message, const char *role)
{
    return strcmp(message->role, role) == 0;
}

bool dv_chat_at(const struct dv_chat *chat, size_t i, const char *role)
{
    return i < chat->n_messages && dv_chat_is(&chat->messages[i], role);
}

const char *dv_chat_after_thinking(const char *text)
{
    for (const char *end; (end = strstr(text, DV_THINK_END)) != NULL;)
        text = end + strlen(DV_THINK_END);
    return text;
}

/* ---- checks ---- */

static bool is_dsml(enum dv_chat_format format)
{
    return format == DV_CHAT_V32 || format == DV_CHAT_V4;
}

static bool knows_role(enum dv_chat_format format, const char *role)
{
    if (strcmp(role, "tool") == 0)
        return format != DV_CHAT_V2 && format != DV_CHAT_MOONLIGHT;
    if (strcmp(role, "developer") == 0)
        return is_dsml(format);
    if (strcmp(role, "latest_reminder") == 0)
        return format == DV_CHAT_V4;
    return strcmp(role, "system") == 0 || strcmp(role, "user") == 0 ||
           strcmp(role, "assistant") == 0;
}

/* What a message has that its format or its role has no place for. */
static const char *find_fault(enum dv_chat_format format, const struct dv_chat_message *m)
{
    bool answer = dv_chat_is(m, "assistant");
    if (!m->text && !(answer && m->n_calls) && !(is_dsml(format) && dv_chat_is(m, "system")))
        return "has no text";
    if (m->n_calls && !m->calls)
        return "has no calls, but a number of them";
    if (m->n_calls && (!answer || !knows_role(format, "tool")))
        return answer ? "calls tools, which the chat format does not know"
                      : "calls tools, which only the assistant does";
    if ((m->tools || m->response_format) &&
        !(is_dsml(format) && (dv_chat_is(m, "system") || dv_chat_is(m, "developer"))))
        return "has tools or a response format, which have no place there";
    if (m->task && !(format == DV_CHAT_V4 && dv_chat_is(m, "user")))
        return "has a task, which has no place there";
    if (m->open && !(format == DV_CHAT_V4 && answer))
        return "is left open, which has no place there";
    for (size_t i = 0; i < m->n_calls; i++)
        if (!m->calls[i].name || !m->calls[i].arguments)
            return "has a call without name or arguments";
    return NULL;
}

static void check_message(struct dv_prompt *p, size_t i)
{
    const struct dv_chat_message *m    = &p->chat->messages[i];
    const char                   *role = m->role ? m->role : "(none)";
    if (p->bytes.status != DSVK_OK)
        return;
    if (!knows_role(p->chat->format, role))
        p->bytes.status =
            dv_fail(p->ctx, DSVK_BAD_ARGUMENT,
                    "chat: message %zu has the role '%.60s', which the format %s does not know", i,
                    role, dv_chat_format_name(p->chat->format));
    else if (find_fault(p->chat->format, m))
        dv_prompt_refuse(p, i, find_fault(p->chat->format, m));
}

/* Asking for thoughts of a model that was not taught any would be answered with none. */
static void check_think(struct dv_prompt *p)
{
    const struct dv_chat *chat  = p->chat;
    bool                  never = chat->format == DV_CHAT_V2 || chat->format == DV_CHAT_MOONLIGHT ||
                 chat->format == DV_CHAT_KIMI ||
                 (chat->format == DV_CHAT_V3 && p->tokenizer &&
                  dv_tokenizer_find(p->tokenizer, DV_THINK) < 0);
    if ((unsigned)chat->think > DV_THINK_OFF)
        dv_prompt_fail(p, DSVK_BAD_ARGUMENT, "no such kind of thinking");
    if (chat->think == DV_THINK_ON && never && p->bytes.status == DSVK_OK)
        p->bytes.status = dv_fail(p->ctx, DSVK_UNSUPPORTED,
                                  "chat: a model of the chat format %s cannot be asked to think",
                                  dv_chat_format_name(chat->format));
}

static void check_asked(struct dv_prompt *p)
{
    static const char *const efforts[] = { "low", "medium", "high", "max" };
    const struct dv_chat    *chat      = p->chat;
    const char              *name      = dv_chat_format_name(chat->format);
    bool                     known     = !chat->effort;
    for (size_t i = 0; i < sizeof efforts / sizeof *efforts; i++)
        known = known || strcmp(chat->effort, efforts[i]) == 0;
    bool tools = chat->format >= DV_CHAT_V31 && chat->format != DV_CHAT_MOONLIGHT;
    if (p->bytes.status != DSVK_OK)
        return;
    if (!known)
        p->bytes.status = dv_fail(p->ctx, DSVK_BAD_ARGUMENT,
                                  "chat: no effort of reasoning is called '%.40s'", chat->effort);
    else if (chat->effort && chat->format != DV_CHAT_V4)
        p->bytes.status = dv_fail(p->ctx, DSVK_UNSUPPORTED,
                                  "chat: the format %s knows no effort of reasoning", name);
    else if (chat->tools && !tools)
        p->bytes.status =
            dv_fail(p->ctx, DSVK_UNSUPPORTED,
                    "chat: the format %s has no words for tools: describe them in a text", name);
    else if (chat->keep_reasoning && !is_dsml(chat->format))
        p->bytes.status = dv_fail(p->ctx, DSVK_UNSUPPORTED,
                                  "chat: the format %s cannot keep earlier reasoning", name);
}

/* ---- writing ---- */

static void write_format(struct dv_prompt *p)
{
    static void (*const writers[DV_CHAT_FORMATS])(struct dv_prompt * p) = {
        [DV_CHAT_V2] = dv_chat_write_v2,           [DV_CHAT_V3] = dv_chat_write_deepseek,
        [DV_CHAT_R1] = dv_chat_write_deepseek,     [DV_CHAT_V31] = dv_chat_write_deepseek,
        [DV_CHAT_V32] = dv_chat_write_v32,         [DV_CHAT_V4] = dv_chat_write_v4,
        [DV_CHAT_GLM] = dv_chat_write_glm,         [DV_CHAT_GLM45] = dv_chat_write_glm,
        [DV_CHAT_MOONLIGHT] = dv_chat_write_kimi,  [DV_CHAT_KIMI] = dv_chat_write_kimi,
        [DV_CHAT_KIMI_THINK] = dv_chat_write_kimi, [DV_CHAT_KIMI_K25] = dv_chat_write_kimi,
    };
    unsigned format = p->chat->format;
    if (format >= DV_CHAT_FORMATS || !writers[format]) {
        dv_prompt_fail(p, DSVK_UNSUPPORTED,
                       format == DV_CHAT_NONE
                           ? "the model has no chat template, as base models have none"
                           : "the model's chat template is none that is known here");
        return;
    }
    for (size_t i = 0; i < p->chat->n_messages; i++)
        check_message(p, i);
    check_think(p);
    check_asked(p);
    if (p->bytes.status == DSVK_OK)
        writers[format](p);
    if (p->bytes.status == DSVK_OK && p->chat->call && p->chat->generate)
        dv_chat_open_call(p);
}

static void write_prompt(struct dv_prompt *p, const struct dv_context *ctx,
                         const struct dv_tokenizer *tokenizer, const struct dv_chat *chat)
{
    *p           = (struct dv_prompt){ .ctx = ctx, .tokenizer = tokenizer, .chat = chat };
    p->bytes.ctx = ctx;
    if (tokenizer && !chat->named)
        p->template = dv_tokenizer_template(tokenizer);
    dv_arena_init(&p->arena, ctx);
    write_format(p);
}

static void prompt_done(struct dv_prompt *p)
{
    dv_free(p->ctx, p->spans);
    dv_free(p->ctx, p->bytes.data);
    dv_arena_done(&p->arena);
}

dsvk_status dv_chat_encode(const struct dv_tokenizer *tokenizer, const struct dv_chat *chat,
                           struct dv_ids *ids)
{
    struct dv_prompt p;
    size_t           n = ids->n;
    write_prompt(&p, dv_tokenizer_context(tokenizer), tokenizer, chat);
    dsvk_status status = p.bytes.status;
    if (status == DSVK_OK)
        status = dv_prompt_ids(&p, ids);
    if (status != DSVK_OK)
        ids->n = n;
    prompt_done(&p);
    return status;
}

/* Hands the bytes to the caller, and a 0 behind them. */
static dsvk_status give_text(struct dv_prompt *p, char **text, size_t *bytes)
{
    dv_bytes_put(&p->bytes, "", 1);
    dsvk_status status = p->bytes.status;
    if (status == DSVK_OK) {
        *text         = p->bytes.data;
        *bytes        = p->bytes.n - 1;
        p->bytes.data = NULL;
    }
    prompt_done(p);
    return status;
}

dsvk_status dv_chat_text(const struct dv_context *ctx, const struct dv_tokenizer *tokenizer,
                         const struct dv_chat *chat, char **text, size_t *bytes)
{
    struct dv_prompt p;
    *text  = NULL;
    *bytes = 0;
    write_prompt(&p, ctx, tokenizer, chat);
    return give_text(&p, text, bytes);
}

dsvk_status dv_chat_call_text(const struct dv_context *ctx, const struct dv_chat *chat, char **text,
                              size_t *bytes)
{
    struct dv_prompt p = { .ctx = ctx, .chat = chat, .bytes = { .ctx = ctx } };
    *text              = NULL;
    *bytes             = 0;
    dv_arena_init(&p.arena, ctx);
    dv_chat_open_call(&p);
    return give_text(&p, text, bytes);
}
