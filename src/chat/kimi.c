/* SPDX-License-Identifier: MIT */
/* Moonshot's formats: each message is <|im_ROLE|> ROLE <|im_middle|> text <|im_end|>, then
 * <|im_assistant|> assistant <|im_middle|> opens the answer. Models that think have an empty
 * <think></think> before past answers, and Kimi-K2.5 opens the next one with <think>. */
#include <string.h>

#include "chat/prompt.h"

#define MIDDLE "<|im_middle|>"
#define END "<|im_end|>"
#define SYSTEM "<|im_system|>system" MIDDLE

static bool thinks(const struct dv_prompt *p)
{
    return p->chat->format == DV_CHAT_KIMI_THINK || p->chat->format == DV_CHAT_KIMI_K25;
}

static void put_role(struct dv_prompt *p, const struct dv_chat_message *m)
{
    dv_prompt_mark(p, dv_chat_is(m, "user")        ? "<|im_user|>"
                      : dv_chat_is(m, "assistant") ? "<|im_assistant|>"
                                                   : "<|im_system|>");
    if (m->name && m->name[0])
        dv_prompt_text(p, m->name);
    else
        dv_prompt_put(p, m->role);
    dv_prompt_mark(p, MIDDLE);
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
 * from release to release; where a format is named, that of its last release. */
static void put_default(struct dv_prompt *p)
{
    static const struct dv_chat_message system = { .role = "system" };
    const char                         *text = NULL, *end = find_default(p->template, &text);
    if (p->chat->named) {
        text = p->chat->format == DV_CHAT_MOONLIGHT
                   ? "You are a helpful assistant"
                   : "You are Kimi, an AI assistant created by Moonshot AI.";
        end  = p->chat->format == DV_CHAT_KIMI_K25 ? NULL : text + strlen(text);
    }
    if (!end || dv_chat_at(p->chat, 0, "system"))
        return;
    put_role(p, &system);
    dv_prompt_bytes(p, text, (size_t)(end - text));
    dv_prompt_mark(p, END);
    if (!p->chat->named)
        dv_prompt_bytes(p, end + strlen(END), space_left(end + strlen(END)));
}

/* ---- tools ---- */

static void put_tools(struct dv_prompt *p)
{
    const struct dv_value *tools = dv_prompt_tools(p, p->chat->tools);
    if (!tools)
        return;
    dv_prompt_mark(p, "<|im_system|>");
    dv_prompt_put(p, "tool_declare");
    dv_prompt_mark(p, MIDDLE);
    dv_prompt_json(p, tools);
    dv_prompt_mark(p, END);
}

static void put_calls(struct dv_prompt *p, size_t message)
{
    const struct dv_chat_message *m = &p->chat->messages[message];
    dv_prompt_mark(p, "<|tool_calls_section_begin|>");
    for (size_t i = 0; i < m->n_calls; i++) {
        if (!m->calls[i].id)
            dv_prompt_refuse(p, message, "has a call without an id, which Kimi's formats need");
        dv_prompt_mark(p, "<|tool_call_begin|>");
        dv_prompt_text(p, m->calls[i].id);
        dv_prompt_mark(p, "<|tool_call_argument_begin|>");
        dv_prompt_text(p, m->calls[i].arguments);
        dv_prompt_mark(p, "<|tool_call_end|>");
    }
    dv_prompt_mark(p, "<|tool_calls_section_end|>");
}

/* The id of a result's call: its own, or that of the call that it answers by its place. */
static const char *id_of(const struct dv_prompt *p, size_t result)
{
    size_t caller = result;
    while (caller > 0 && dv_chat_at(p->chat, caller, "tool"))
        caller--;
    const struct dv_chat_message *m = &p->chat->messages[caller];
    if (p->chat->messages[result].call_id)
        return p->chat->messages[result].call_id;
    return result - caller <= m->n_calls && result > caller ? m->calls[result - caller - 1].id
                                                            : NULL;
}

/* ---- messages ---- */

/* Whether a message stands behind the last answer that calls nothing, where thoughts stay. */
static bool is_recent(const struct dv_prompt *p, size_t message)
{
    for (size_t i = message; i < p->chat->n_messages; i++)
        if (dv_chat_at(p->chat, i, "assistant") && p->chat->messages[i].n_calls == 0)
            return false;
    return true;
}

static void put_answer(struct dv_prompt *p, size_t i)
{
    const struct dv_chat_message *m    = &p->chat->messages[i];
    const char                   *text = m->text ? m->text : "";
    if (thinks(p)) {
        dv_prompt_mark(p, DV_THINK);
        if (is_recent(p, i))
            dv_prompt_text(p, m->reasoning);
        dv_prompt_mark(p, DV_THINK_END);
    }
    dv_prompt_text(p, thinks(p) && !m->reasoning ? dv_chat_after_thinking(text) : text);
    if (m->n_calls)
        put_calls(p, i);
}

static void put_message(struct dv_prompt *p, size_t i)
{
    const struct dv_chat_message *m = &p->chat->messages[i];
    put_role(p, m);
    if (dv_chat_is(m, "assistant")) {
        put_answer(p, i);
    } else {
        if (dv_chat_is(m, "tool")) {
            if (!id_of(p, i))
                dv_prompt_refuse(p, i, "is a tool's result, but no call has an id for it");
            dv_prompt_put(p, "## Return of ");
            dv_prompt_text(p, id_of(p, i));
            dv_prompt_put(p, "\n");
        }
        dv_prompt_text(p, m->text);
    }
    dv_prompt_mark(p, END);
}

static void open_answer(struct dv_prompt *p)
{
    static const struct dv_chat_message answer = { .role = "assistant" };
    put_role(p, &answer);
    if (thinks(p) && p->chat->think == DV_THINK_OFF) {
        dv_prompt_mark(p, DV_THINK);
        dv_prompt_mark(p, DV_THINK_END);
    } else if (p->chat->format == DV_CHAT_KIMI_K25) {
        dv_prompt_mark(p, DV_THINK);
    }
}

void dv_chat_write_kimi(struct dv_prompt *p)
{
    if (p->chat->next) {
        dv_prompt_mark(p, END);
    } else {
        put_tools(p);
        put_default(p);
    }
    for (size_t i = 0; i < p->chat->n_messages; i++)
        put_message(p, i);
    if (p->chat->generate)
        open_answer(p);
}
