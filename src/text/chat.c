/* SPDX-License-Identifier: MIT */
/* Writes a conversation as token ids, in one of the chat formats that are known here. Templates
 * of checkpoints are recognised and never executed; a text of a user cannot become a mark. */
#include "text/chat.h"

#include <string.h>

static const char *const names[DV_CHAT_FORMATS] = {
    [DV_CHAT_NONE]       = "none",
    [DV_CHAT_UNKNOWN]    = "unknown",
    [DV_CHAT_V2]         = "v2",
    [DV_CHAT_V3]         = "v3",
    [DV_CHAT_R1]         = "r1",
    [DV_CHAT_V31]        = "v31",
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
    return DV_CHAT_UNKNOWN;
}

/* ---- writing ---- */

dsvk_status dv_chat_put_bytes(struct dv_chat_writer *w, const char *text, size_t bytes)
{
    const struct dv_context *ctx = w->tokenizer->ctx;
    if (bytes > SIZE_MAX / 4 - w->bytes)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "chat: a text of %zu bytes", bytes);
    if (w->bytes + bytes > w->text_capacity) {
        size_t capacity = (w->bytes + bytes) * 2;
        char  *grown    = dv_realloc(ctx, w->text, capacity);
        if (!grown)
            return dv_fail(ctx, DSVK_NO_MEMORY, "chat: no room for a text of %zu bytes", capacity);
        w->text          = grown;
        w->text_capacity = capacity;
    }
    if (bytes)
        memcpy(w->text + w->bytes, text, bytes);
    w->bytes += bytes;
    return DSVK_OK;
}

dsvk_status dv_chat_put(struct dv_chat_writer *w, const char *text)
{
    return dv_chat_put_bytes(w, text, strlen(text));
}

static dsvk_status flush(struct dv_chat_writer *w)
{
    size_t bytes = w->bytes;
    w->bytes     = 0;
    if (bytes == 0)
        return DSVK_OK;
    return dv_tokenizer_encode(w->tokenizer, w->text, bytes, false, w->ids);
}

dsvk_status dv_chat_mark(struct dv_chat_writer *w, const char *mark)
{
    dsvk_status status;
    int64_t     id = dv_tokenizer_find(w->tokenizer, mark);
    if (id < 0)
        return dv_fail(w->tokenizer->ctx, DSVK_UNSUPPORTED,
                       "chat: the format %s needs the token %s, which the tokenizer lacks",
                       dv_chat_format_name(w->chat->format), mark);
    TRY(flush(w));
    return dv_ids_push(w->tokenizer->ctx, w->ids, (uint32_t)id);
}

bool dv_chat_is(const struct dv_chat_message *message, const char *role)
{
    return strcmp(message->role, role) == 0;
}

const char *dv_chat_after_thinking(const char *text)
{
    for (const char *end; (end = strstr(text, DV_THINK_END)) != NULL;)
        text = end + strlen(DV_THINK_END);
    return text;
}

/* ---- checks ---- */

static dsvk_status check_messages(const struct dv_chat_writer *w)
{
    for (size_t i = 0; i < w->chat->n_messages; i++) {
        const struct dv_chat_message *message = &w->chat->messages[i];
        const char                   *role    = message->role ? message->role : "(none)";
        if (!message->text)
            return dv_fail(w->tokenizer->ctx, DSVK_BAD_ARGUMENT, "chat: message %zu has no text",
                           i);
        if (strcmp(role, "system") != 0 && strcmp(role, "user") != 0 &&
            strcmp(role, "assistant") != 0)
            return dv_fail(w->tokenizer->ctx, DSVK_BAD_ARGUMENT,
                           "chat: message %zu has the role '%.60s'", i, role);
    }
    return DSVK_OK;
}

/* Asking for thoughts of a model that was not taught any would be answered with none. */
static dsvk_status check_think(const struct dv_chat_writer *w)
{
    bool never = w->chat->format == DV_CHAT_V2 || w->chat->format == DV_CHAT_MOONLIGHT ||
                 w->chat->format == DV_CHAT_KIMI ||
                 (w->chat->format == DV_CHAT_V3 && dv_tokenizer_find(w->tokenizer, DV_THINK) < 0);
    if ((unsigned)w->chat->think > DV_THINK_OFF)
        return dv_fail(w->tokenizer->ctx, DSVK_BAD_ARGUMENT, "chat: no such kind of thinking");
    if (w->chat->think == DV_THINK_ON && never)
        return dv_fail(w->tokenizer->ctx, DSVK_UNSUPPORTED,
                       "chat: a model of the chat format %s cannot be asked to think",
                       dv_chat_format_name(w->chat->format));
    return DSVK_OK;
}

static dsvk_status write_chat(struct dv_chat_writer *w)
{
    dsvk_status status;
    TRY(check_messages(w));
    TRY(check_think(w));
    if (w->chat->format == DV_CHAT_V2)
        TRY(dv_chat_write_v2(w));
    else if (w->chat->format == DV_CHAT_V3 || w->chat->format == DV_CHAT_R1 ||
             w->chat->format == DV_CHAT_V31)
        TRY(dv_chat_write_deepseek(w));
    else if (w->chat->format == DV_CHAT_GLM || w->chat->format == DV_CHAT_GLM45)
        TRY(dv_chat_write_glm(w));
    else if (w->chat->format >= DV_CHAT_MOONLIGHT && w->chat->format < DV_CHAT_FORMATS)
        TRY(dv_chat_write_kimi(w));
    else
        return dv_fail(w->tokenizer->ctx, DSVK_UNSUPPORTED,
                       w->chat->format == DV_CHAT_NONE
                           ? "chat: the model has no chat template, as base models have none"
                           : "chat: the model's chat template is none that is known here");
    return flush(w);
}

dsvk_status dv_chat_encode(const struct dv_tokenizer *tokenizer, const struct dv_chat *chat,
                           struct dv_ids *ids)
{
    struct dv_chat_writer w      = { .tokenizer = tokenizer, .chat = chat, .ids = ids };
    size_t                n      = ids->n;
    dsvk_status           status = write_chat(&w);
    dv_free(tokenizer->ctx, w.text);
    if (status != DSVK_OK)
        ids->n = n;
    return status;
}
