/* SPDX-License-Identifier: MIT */
/* A conversation as JSON, in the form of OpenAI's requests. What it asks for and is not known is
 * refused; a key that is no part of a conversation ("name" of a test case) is not looked at. */
#include <string.h>

#include "chat/chat.h"
#include "chat/value.h"

struct reader {
    struct dv_chat  *chat;
    struct dv_arena *arena;
    size_t           message; /* at hand */
    dsvk_status      status;
};

static void refuse(struct reader *r, const char *key, const char *what)
{
    if (r->status == DSVK_OK)
        r->status =
            dv_fail(r->arena->ctx, DSVK_BAD_ARGUMENT,
                    "chat: the conversation, message %zu: \"%s\" is not %s", r->message, key, what);
}

static void no_room(struct reader *r)
{
    if (r->status == DSVK_OK)
        r->status = dv_fail(r->arena->ctx, DSVK_NO_MEMORY, "chat: no memory for a conversation");
}

static void *allot(struct reader *r, size_t n, size_t size)
{
    void *memory = r->status == DSVK_OK ? dv_arena_alloc(r->arena, n + 1, size) : NULL;
    if (!memory)
        no_room(r);
    return memory;
}

/* A copy with a 0 behind it, in place of what was written. */
static const char *keep_bytes(struct reader *r, struct dv_bytes *out)
{
    char *copy = NULL;
    if (r->status == DSVK_OK && (r->status = out->status) == DSVK_OK &&
        !(copy = dv_bytes_keep(out, r->arena)))
        no_room(r);
    dv_free(r->arena->ctx, out->data);
    return copy;
}

/* What is kept of a value: JSON, or a text as it is. Behind texts stands a 0; one within is
 * U+FFFD. */
static const char *keep_json(struct reader *r, const struct dv_value *value)
{
    struct dv_bytes out = { .ctx = r->arena->ctx };
    dv_value_write(&out, value);
    return keep_bytes(r, &out);
}

static void put_text(struct dv_bytes *out, const struct dv_value *value)
{
    for (size_t i = 0; i < value->bytes; i++)
        if (value->text[i])
            dv_bytes_put(out, value->text + i, 1);
        else
            dv_bytes_put(out, "\xEF\xBF\xBD", 3);
}

static const char *keep_text(struct reader *r, const struct dv_value *value, const char *key)
{
    if (!value)
        return NULL;
    if (value->kind != DV_VALUE_TEXT) {
        refuse(r, key, "a text");
        return NULL;
    }
    if (memchr(value->text, 0, value->bytes) == NULL) {
        char *copy = allot(r, value->bytes, 1);
        if (copy)
            memcpy(copy, value->text, value->bytes);
        return copy;
    }
    struct dv_bytes out = { .ctx = r->arena->ctx };
    put_text(&out, value);
    return keep_bytes(r, &out);
}

/* A text, or a list of parts of which each is one. */
static const char *keep_content(struct reader *r, const struct dv_value *value)
{
    struct dv_bytes out = { .ctx = r->arena->ctx };
    if (!value || value->kind != DV_VALUE_LIST)
        return keep_text(r, value, "content");
    for (const struct dv_value *part = value->first; part; part = part->next) {
        const struct dv_value *text = dv_value_get(part, "text");
        if (dv_value_is(dv_value_get(part, "type"), "text") && text && text->kind == DV_VALUE_TEXT)
            put_text(&out, text);
        else
            refuse(r, "content", "a text or a list of texts alone");
    }
    return keep_bytes(r, &out);
}

static const char *get_text(struct reader *r, const struct dv_value *object, const char *key)
{
    return keep_text(r, dv_value_get(object, key), key);
}

static const char *get_json(struct reader *r, const struct dv_value *object, const char *key)
{
    const struct dv_value *value = dv_value_get(object, key);
    return dv_value_truth(value) ? keep_json(r, value) : NULL;
}

static bool get_bool(struct reader *r, const struct dv_value *object, const char *key,
                     bool fallback)
{
    const struct dv_value *value = dv_value_get(object, key);
    if (!value)
        return fallback;
    if (value->kind != DV_VALUE_TRUE && value->kind != DV_VALUE_FALSE)
        refuse(r, key, "true or false");
    return value->kind == DV_VALUE_TRUE;
}

static void read_calls(struct reader *r, const struct dv_value *list, struct dv_chat_message *m)
{
    if (!list)
        return;
    struct dv_chat_call *calls = allot(r, list->n, sizeof *calls);
    if (list->kind != DV_VALUE_LIST)
        refuse(r, "tool_calls", "a list");
    for (const struct dv_value *v = list->first; v && r->status == DSVK_OK; v = v->next) {
        const struct dv_value *function  = dv_value_get(v, "function");
        const struct dv_value *arguments = dv_value_get(function, "arguments");
        if (!function || !arguments || !dv_value_get(function, "name"))
            refuse(r, "tool_calls", "a list of functions with name and arguments");
        if (r->status != DSVK_OK)
            return;
        calls[m->n_calls++] = (struct dv_chat_call){
            .id        = get_text(r, v, "id"),
            .name      = get_text(r, function, "name"),
            .arguments = arguments->kind == DV_VALUE_TEXT ? keep_text(r, arguments, "arguments")
                                                          : keep_json(r, arguments),
        };
    }
    m->calls = calls;
}

static void read_message(struct reader *r, const struct dv_value *value, struct dv_chat_message *m)
{
    if (value->kind != DV_VALUE_OBJECT) {
        refuse(r, "messages", "a list of objects");
        return;
    }
    m->role            = get_text(r, value, "role");
    m->text            = keep_content(r, dv_value_get(value, "content"));
    m->reasoning       = get_text(r, value, "reasoning_content");
    m->call_id         = get_text(r, value, "tool_call_id");
    m->name            = get_text(r, value, "name");
    m->tools           = get_json(r, value, "tools");
    m->response_format = get_json(r, value, "response_format");
    m->task            = get_text(r, value, "task");
    m->open            = get_bool(r, value, "wo_eos", false);
    read_calls(r, dv_value_get(value, "tool_calls"), m);
    if (!m->role)
        refuse(r, "role", "there");
}

static void read_messages(struct reader *r, const struct dv_value *list)
{
    if (!list || list->kind != DV_VALUE_LIST) {
        refuse(r, "messages", "a list");
        return;
    }
    struct dv_chat_message *messages = allot(r, list->n, sizeof *messages);
    for (const struct dv_value *v = list->first; v && r->status == DSVK_OK; v = v->next) {
        r->message = v->at;
        read_message(r, v, &messages[v->at]);
    }
    r->chat->messages   = messages;
    r->chat->n_messages = list->n;
}

/* An option that is not known would change the prompt that was meant. */
static void read_options(struct reader *r, const struct dv_value *options)
{
    static const char *const known[] = { "thinking", "drop_thinking", "reasoning_effort",
                                         "tools",    "think_newline", "add_generation_prompt" };
    struct dv_chat          *chat    = r->chat;
    for (const struct dv_value *v = options->first; v; v = v->next) {
        size_t i = 0;
        while (i < sizeof known / sizeof *known &&
               (strlen(known[i]) != v->key_bytes || memcmp(known[i], v->key, v->key_bytes) != 0))
            i++;
        if (i == sizeof known / sizeof *known)
            refuse(r, "options",
                   "made of thinking, drop_thinking, reasoning_effort, tools, "
                   "think_newline and add_generation_prompt alone");
    }
    bool newline = get_bool(r, options, "think_newline", false);
    bool on      = get_bool(r, options, "thinking", newline);
    if (dv_value_get(options, "thinking") || newline || chat->format == DV_CHAT_R1)
        chat->think = on ? DV_THINK_ON : DV_THINK_OFF;
    chat->keep_reasoning = !get_bool(r, options, "drop_thinking", !chat->keep_reasoning);
    chat->generate       = get_bool(r, options, "add_generation_prompt", chat->generate);
    if (dv_value_get(options, "reasoning_effort"))
        chat->effort = get_text(r, options, "reasoning_effort");
    if (get_json(r, options, "tools"))
        chat->tools = get_json(r, options, "tools");
}

dsvk_status dv_chat_read(struct dv_chat *chat, struct dv_arena *arena, const char *text,
                         size_t bytes)
{
    char             why[DV_VALUE_WHY];
    struct dv_value *root;
    struct reader    r      = { .chat = chat, .arena = arena };
    dsvk_status      status = dv_value_read(&root, arena, text, bytes, why);
    if (status == DSVK_NO_MEMORY)
        return status;
    if (status != DSVK_OK)
        return dv_fail(arena->ctx, DSVK_BAD_ARGUMENT, "chat: the conversation: %s", why);
    bool object = root->kind == DV_VALUE_OBJECT;
    read_messages(&r, object ? dv_value_get(root, "messages") : root);
    const char *tools              = object ? get_json(&r, root, "tools") : NULL;
    chat->tools                    = tools ? tools : chat->tools;
    const struct dv_value *options = dv_value_get(root, "options");
    if (options && options->kind != DV_VALUE_OBJECT)
        refuse(&r, "options", "an object");
    else if (options)
        read_options(&r, options);
    return r.status;
}
