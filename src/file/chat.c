/* SPDX-License-Identifier: MIT */
/* The chat formats of the family, written out instead of running the checkpoint's template.
 *
 *   V2    BOS system \n\n User: u \n\n Assistant: a EOS ...        Assistant:
 *   V3    BOS system <User> u <Assistant> a EOS ...                <Assistant>
 *   V3.1  BOS system <User> u <Assistant> </think> a EOS ...       <Assistant> </think>
 *
 * Role marks are pushed as ids and everything else is encoded as plain text, so no text of a
 * message can become a role mark. Text between two marks is encoded in one go, because tokens
 * reach across its parts. */
#include <string.h>

#include "file/tokenizer_parts.h"

#define USER "<｜User｜>"
#define ASSISTANT "<｜Assistant｜>"
#define EOS "<｜end▁of▁sentence｜>"
#define THINK_END "</think>"

enum mark { MARK_USER, MARK_ASSISTANT, MARK_EOS, MARK_THINK_END, MARKS };

static const char *const mark_names[MARKS] = { USER, ASSISTANT, EOS, THINK_END };

struct chat {
    const struct dv_tokenizer *tokenizer;
    enum dv_chat_format        format;
    uint32_t                   marks[MARKS];
    char                      *text; /* since the last mark */
    size_t                     bytes, text_capacity;
    struct dv_ids              ids;
};

enum dv_chat_format dv_chat_detect(const struct dv_tokenizer *tokenizer, const char *model_type)
{
    bool is_v2  = model_type && strcmp(model_type, "deepseek_v2") == 0;
    bool is_v32 = model_type && strcmp(model_type, "deepseek_v32") == 0;
    bool roles =
        dv_tokenizer_find(tokenizer, USER) >= 0 && dv_tokenizer_find(tokenizer, ASSISTANT) >= 0;
    /* V2 vocabularies have the role tokens too, but V2 was not trained on them. */
    if (is_v2 && !tokenizer->template_has_user_token)
        return DV_CHAT_V2;
    if (!roles)
        return is_v2 ? DV_CHAT_V2 : DV_CHAT_NONE;
    /* V3.2 comes without a template; without tools it writes what V3.1 does. */
    if (dv_tokenizer_find(tokenizer, THINK_END) >= 0 &&
        (tokenizer->template_closes_thinking || is_v32))
        return DV_CHAT_V31;
    return DV_CHAT_V3;
}

const char *dv_chat_format_name(enum dv_chat_format format)
{
    static const char *const names[] = { "none", "v2", "v3", "v31" };
    return (size_t)format < sizeof names / sizeof *names ? names[format] : "unknown";
}

/* ---- writing ---- */

static dsvk_status add_bytes(struct chat *chat, const char *text, size_t bytes)
{
    const struct dv_context *ctx = chat->tokenizer->ctx;
    if (bytes > SIZE_MAX / 4 - chat->bytes)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "chat: a text of %zu bytes", bytes);
    if (chat->bytes + bytes > chat->text_capacity) {
        size_t capacity = (chat->bytes + bytes) * 2;
        char  *grown    = dv_realloc(ctx, chat->text, capacity);
        if (!grown)
            return dv_fail(ctx, DSVK_NO_MEMORY, "chat: no room for a text of %zu bytes", capacity);
        chat->text          = grown;
        chat->text_capacity = capacity;
    }
    if (bytes)
        memcpy(chat->text + chat->bytes, text, bytes);
    chat->bytes += bytes;
    return DSVK_OK;
}

static dsvk_status add_text(struct chat *chat, const char *text)
{
    return add_bytes(chat, text, strlen(text));
}

static dsvk_status flush(struct chat *chat)
{
    size_t bytes = chat->bytes;
    chat->bytes  = 0;
    if (bytes == 0)
        return DSVK_OK;
    return dv_tokenizer_encode(chat->tokenizer, chat->text, bytes, false, &chat->ids.ids,
                               &chat->ids.n, &chat->ids.capacity);
}

static dsvk_status add_mark(struct chat *chat, enum mark mark)
{
    dsvk_status status;
    TRY(flush(chat));
    return dv_ids_push(&chat->ids, chat->marks[mark]);
}

/* What a past answer keeps: the text after its thinking. V3.1 looks for the first end of
 * thinking, R1 for the last. */
static const char *after_thinking(const struct chat *chat, const char *text)
{
    const char *kept = text;
    for (const char *end = text; (end = strstr(end, THINK_END)) != NULL;) {
        kept = end += strlen(THINK_END);
        if (chat->format == DV_CHAT_V31)
            break;
    }
    return kept;
}

static dsvk_status open_assistant(struct chat *chat)
{
    dsvk_status status;
    if (chat->format == DV_CHAT_V2)
        return add_text(chat, "Assistant:");
    TRY(add_mark(chat, MARK_ASSISTANT));
    return chat->format == DV_CHAT_V31 ? add_mark(chat, MARK_THINK_END) : DSVK_OK;
}

static dsvk_status add_message(struct chat *chat, const struct dv_chat_message *message)
{
    dsvk_status status;
    bool        v2 = chat->format == DV_CHAT_V2;
    if (strcmp(message->role, "user") == 0) {
        TRY(v2 ? add_text(chat, "User: ") : add_mark(chat, MARK_USER));
        TRY(add_text(chat, message->text));
        return v2 ? add_text(chat, "\n\n") : DSVK_OK;
    }
    if (strcmp(message->role, "assistant") == 0) {
        TRY(open_assistant(chat));
        if (v2)
            TRY(add_text(chat, " "));
        TRY(add_text(chat, after_thinking(chat, message->text)));
        return add_mark(chat, MARK_EOS);
    }
    return DSVK_OK; /* system texts went before */
}

/* All system texts together stand at the beginning, wherever they were. */
static dsvk_status add_system(struct chat *chat, const struct dv_chat_message *messages, size_t n)
{
    dsvk_status status;
    bool        any = false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(messages[i].role, "system") != 0)
            continue;
        if (any)
            TRY(add_text(chat, "\n\n"));
        TRY(add_text(chat, messages[i].text));
        any = true;
    }
    return any && chat->format == DV_CHAT_V2 ? add_text(chat, "\n\n") : DSVK_OK;
}

/* ---- checks ---- */

static dsvk_status check_messages(const struct chat *chat, const struct dv_chat_message *messages,
                                  size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *role = messages[i].role ? messages[i].role : "(none)";
        if (!messages[i].text)
            return dv_fail(chat->tokenizer->ctx, DSVK_BAD_ARGUMENT, "chat: message %zu has no text",
                           i);
        if (strcmp(role, "system") != 0 && strcmp(role, "user") != 0 &&
            strcmp(role, "assistant") != 0)
            return dv_fail(chat->tokenizer->ctx, DSVK_BAD_ARGUMENT,
                           "chat: message %zu has the role '%.60s'", i, role);
    }
    return DSVK_OK;
}

static dsvk_status find_marks(struct chat *chat)
{
    const struct dv_tokenizer *tokenizer = chat->tokenizer;
    if (chat->format != DV_CHAT_V2 && chat->format != DV_CHAT_V3 && chat->format != DV_CHAT_V31)
        return dv_fail(tokenizer->ctx, DSVK_UNSUPPORTED,
                       "chat: this model has no chat format that is known");
    for (int mark = 0; mark < MARKS; mark++) {
        bool needed = mark == MARK_EOS || (mark == MARK_THINK_END && chat->format == DV_CHAT_V31) ||
                      (mark < MARK_EOS && chat->format != DV_CHAT_V2);
        int64_t id = dv_tokenizer_find(tokenizer, mark_names[mark]);
        if (id < 0 && needed)
            return dv_fail(tokenizer->ctx, DSVK_UNSUPPORTED,
                           "chat: the format %s needs the token %s, which the tokenizer lacks",
                           dv_chat_format_name(chat->format), mark_names[mark]);
        chat->marks[mark] = (uint32_t)id;
    }
    return DSVK_OK;
}

static dsvk_status write_chat(struct chat *chat, const struct dv_chat_message *messages, size_t n,
                              bool generate)
{
    dsvk_status status;
    TRY(find_marks(chat));
    TRY(check_messages(chat, messages, n));
    if (chat->tokenizer->bos >= 0)
        TRY(dv_ids_push(&chat->ids, (uint32_t)chat->tokenizer->bos));
    TRY(add_system(chat, messages, n));
    for (size_t i = 0; i < n; i++)
        TRY(add_message(chat, &messages[i]));
    if (generate)
        TRY(open_assistant(chat));
    return flush(chat);
}

dsvk_status dv_chat_encode(const struct dv_tokenizer *tokenizer, enum dv_chat_format format,
                           const struct dv_chat_message *messages, size_t n_messages, bool generate,
                           uint32_t **ids, size_t *n, size_t *capacity)
{
    struct chat chat = {
        .tokenizer = tokenizer,
        .format    = format,
        .ids       = { tokenizer->ctx, *ids, *n, *capacity },
    };
    dsvk_status status = write_chat(&chat, messages, n_messages, generate);
    dv_free(tokenizer->ctx, chat.text);
    *ids      = chat.ids.ids;
    *capacity = chat.ids.capacity;
    if (status == DSVK_OK)
        *n = chat.ids.n;
    return status;
}
