/* SPDX-License-Identifier: MIT */
/* Moonshot's formats: each message is <|im_ROLE|> ROLE <|im_middle|> text <|im_end|>, then
 * <|im_assistant|> assistant <|im_middle|> opens the answer. Models that think have an empty
 * <think></think> before past answers, and Kimi-K2.5 opens the next one with <think>. */
#include <string.h>

#include "text/chat.h"

#define MIDDLE "<|im_middle|>"
#define END "<|im_end|>"
#define SYSTEM "<|im_system|>system" MIDDLE

static bool thinks(const struct dv_chat_writer *w)
{
    return w->chat->format == DV_CHAT_KIMI_THINK || w->chat->format == DV_CHAT_KIMI_K25;
}

static dsvk_status put_role(struct dv_chat_writer *w, const char *role)
{
    dsvk_status status;
    bool        user = strcmp(role, "user") == 0, system = strcmp(role, "system") == 0;
    TRY(dv_chat_mark(w, user ? "<|im_user|>" : system ? "<|im_system|>" : "<|im_assistant|>"));
    TRY(dv_chat_put(w, role));
    return dv_chat_mark(w, MIDDLE);
}

static dsvk_status put_no_thoughts(struct dv_chat_writer *w)
{
    dsvk_status status;
    TRY(dv_chat_mark(w, DV_THINK));
    return dv_chat_mark(w, DV_THINK_END);
}

/* White space that a template leaves between the default message and what follows. Jinja takes all
 * of it before `{%-`, and before `{%` the blanks of the tag's own line. */
static size_t space_left(const char *text)
{
    size_t n = strspn(text, " \t\r\n");
    if (text[n] != '{' || text[n + 1] == 0 || text[n + 2] == '-')
        return 0;
    if (text[n + 1] == '%')
        while (n && text[n - 1] != '\n')
            n--;
    return n;
}

/* The template's default message: a text without marks of Jinja; the end of it, NULL: none. */
static const char *find_default(const char *template, const char **text)
{
    for (const char *at = template; at && (at = strstr(at, SYSTEM)) != NULL;) {
        *text           = at += strlen(SYSTEM);
        const char *end = strstr(at, END);
        if (end && end > at && !memchr(at, '{', (size_t)(end - at)) &&
            !memchr(at, '\'', (size_t)(end - at)))
            return end;
    }
    return NULL;
}

/* A conversation that begins with no system message gets the one of the template, which differs
 * from release to release. */
static dsvk_status put_default(struct dv_chat_writer *w)
{
    dsvk_status status;
    const char *text = NULL, *end = find_default(w->tokenizer->template, &text);
    if (!end || (w->chat->n_messages > 0 && dv_chat_is(&w->chat->messages[0], "system")))
        return DSVK_OK;
    TRY(put_role(w, "system"));
    TRY(dv_chat_put_bytes(w, text, (size_t)(end - text)));
    TRY(dv_chat_mark(w, END));
    return dv_chat_put_bytes(w, end + strlen(END), space_left(end + strlen(END)));
}

static dsvk_status open_answer(struct dv_chat_writer *w)
{
    dsvk_status status;
    TRY(put_role(w, "assistant"));
    if (thinks(w) && w->chat->think == DV_THINK_OFF)
        return put_no_thoughts(w);
    return w->chat->format == DV_CHAT_KIMI_K25 ? dv_chat_mark(w, DV_THINK) : DSVK_OK;
}

dsvk_status dv_chat_write_kimi(struct dv_chat_writer *w)
{
    dsvk_status status;
    TRY(w->chat->next ? dv_chat_mark(w, END) : put_default(w));
    for (size_t i = 0; i < w->chat->n_messages; i++) {
        const struct dv_chat_message *message = &w->chat->messages[i];
        bool                          answer  = dv_chat_is(message, "assistant");
        TRY(put_role(w, message->role));
        if (answer && thinks(w))
            TRY(put_no_thoughts(w));
        TRY(dv_chat_put(w, answer && thinks(w) ? dv_chat_after_thinking(message->text)
                                               : message->text));
        TRY(dv_chat_mark(w, END));
    }
    return w->chat->generate ? open_answer(w) : DSVK_OK;
}
