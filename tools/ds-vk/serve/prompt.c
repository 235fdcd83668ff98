/* SPDX-License-Identifier: MIT */
/* The ids of what is asked. */
#include "ask.h"

#include <stdlib.h>
#include <string.h>

static bool check_length(const struct ask *ask, const struct server *server, struct refusal *why)
{
    if (ask->n_ids == 0)
        return refuse(why, 400, NULL, "the prompt is empty");
    if (ask->n_ids <= server->engine.context)
        return true;
    why->code = "context_length_exceeded";
    return refuse(why, 400, "messages",
                  "the prompt has %zu tokens, more than the maximum context length of %u",
                  ask->n_ids, server->engine.context);
}

/* Takes over ids that the library made. */
static bool adopt(struct ask *ask, struct server *server, uint32_t *made, size_t n,
                  struct refusal *why)
{
    ask->ids   = malloc(n * sizeof *made + 1);
    ask->n_ids = n;
    if (ask->ids)
        memcpy(ask->ids, made, n * sizeof *made);
    dsvk_model_free_memory(server->cli->model, made);
    return ask->ids ? check_length(ask, server, why)
                    : refuse(why, 503, NULL, "no memory for %zu tokens", n);
}

/* ---- texts ---- */

bool ask_text(struct ask *ask, struct server *server, const char *text, struct refusal *why)
{
    const dsvk_model *model = server->cli->model;
    bool              bos   = dsvk_model_describe(model)->adds_bos;
    uint32_t         *made  = NULL;
    size_t            n     = 0;
    char              reason[512];
    pthread_mutex_lock(&server->encoding);
    dsvk_status status = dsvk_model_tokenize(model, text, strlen(text), false, bos, &made, &n);
    if (status)
        dsvk_model_why(model, reason, sizeof reason);
    pthread_mutex_unlock(&server->encoding);
    return status ? refuse(why, 400, "prompt", "%s", reason) : adopt(ask, server, made, n, why);
}

uint32_t *ids_read(const struct server *server, const json_t *list, size_t *n, struct refusal *why)
{
    uint32_t  vocab = dsvk_model_describe(server->cli->model)->vocab;
    uint32_t *ids   = malloc(json_array_size(list) * sizeof *ids + 1);
    *n              = json_array_size(list);
    for (size_t i = 0; ids && i < *n; i++) {
        const json_t *id = json_array_get(list, i);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= vocab) {
            refuse(why, 400, NULL, "entry %zu of the token ids is no id from 0 to %u", i,
                   vocab - 1);
            free(ids);
            return NULL;
        }
        ids[i] = (uint32_t)json_integer_value(id);
    }
    if (!ids)
        refuse(why, 503, NULL, "no memory for %zu tokens", *n);
    return ids;
}

bool ask_ids(struct ask *ask, struct server *server, const json_t *ids, struct refusal *why)
{
    ask->ids = ids_read(server, ids, &ask->n_ids, why);
    return ask->ids && check_length(ask, server, why);
}

/* ---- messages ---- */

/* As OpenAI's two APIs and Anthropic's call them. */
static bool is_text(const char *type)
{
    return strcmp(type, "text") == 0 || strcmp(type, "input_text") == 0 ||
           strcmp(type, "output_text") == 0;
}

/* A text, or a list of parts that are texts, put together in `text`. */
static bool add_content(const json_t *content, struct buffer *text, struct refusal *why)
{
    if (!content)
        return true;
    if (json_is_string(content)) {
        buffer_text(text, json_string_value(content));
        return true;
    }
    if (!json_is_array(content))
        return refuse(why, 400, "messages",
                      "a message's 'content' takes a text or a list of parts");
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *part = json_array_get(content, i);
        const char   *type = json_string_value(json_object_get(part, "type"));
        const char   *told = json_string_value(json_object_get(part, "text"));
        if (!type || !is_text(type) || !told)
            return refuse(why, 400, "messages",
                          "a message has a part of the type '%.40s'; texts alone are supported",
                          type ? type : "");
        buffer_text(text, told);
    }
    return true;
}

/* The role in the library's words; NULL: it is refused. */
static const char *role_of(const json_t *message, struct refusal *why)
{
    static const char *const roles[] = { "user", "assistant", "system" };
    const char              *role    = json_string_value(json_object_get(message, "role"));
    for (size_t i = 0; role && i < sizeof roles / sizeof *roles; i++)
        if (strcmp(role, roles[i]) == 0)
            return roles[i];
    if (role && strcmp(role, "developer") == 0)
        return "system";
    refuse(why, 400, "messages", "a message has the role '%.40s'; %s", role ? role : "",
           "system, developer, user and assistant are supported");
    return NULL;
}

static bool read_message(const json_t *message, dsvk_message *out, struct buffer *text,
                         struct refusal *why)
{
    out->role = role_of(message, why);
    if (!out->role || !add_content(field(message, "content"), text, why) ||
        !field_absent(why, message, "tool_calls") || !field_absent(why, message, "function_call"))
        return false;
    out->text = text->data ? text->data : "";
    return !text->failed || refuse(why, 503, NULL, "no memory for the messages");
}

static bool encode(struct ask *ask, struct server *server, const dsvk_message *messages, size_t n,
                   struct refusal *why)
{
    const dsvk_model *model  = server->cli->model;
    dsvk_chat_params  params = { .think  = ask->think,
                                 .format = server->cli->options.values[OPT_CHAT_FORMAT].text };
    uint32_t         *made   = NULL;
    size_t            n_made = 0;
    char              reason[512];
    pthread_mutex_lock(&server->encoding);
    dsvk_status status = dsvk_model_chat(model, messages, n, &params, &made, &n_made);
    if (status == DSVK_UNSUPPORTED && params.think && ask->think_is_a_hint) {
        params.think = DSVK_THINK_AUTO;
        status       = dsvk_model_chat(model, messages, n, &params, &made, &n_made);
    }
    if (status)
        dsvk_model_why(model, reason, sizeof reason);
    pthread_mutex_unlock(&server->encoding);
    return status ? refuse(why, 400, "messages", "%s", reason)
                  : adopt(ask, server, made, n_made, why);
}

bool ask_messages(struct ask *ask, struct server *server, const json_t *messages,
                  struct refusal *why)
{
    size_t n = json_array_size(messages);
    if (!json_is_array(messages) || n == 0)
        return refuse(why, 400, "messages", "'messages' takes a list of messages, not empty");
    dsvk_message  *read  = calloc(n, sizeof *read);
    struct buffer *texts = calloc(n, sizeof *texts);
    bool           good  = read && texts;
    if (!good)
        refuse(why, 503, NULL, "no memory for %zu messages", n);
    for (size_t i = 0; i < n && good; i++)
        good = read_message(json_array_get(messages, i), &read[i], &texts[i], why);
    if (good)
        good = encode(ask, server, read, n, why);
    for (size_t i = 0; texts && i < n; i++)
        buffer_done(&texts[i]);
    free(texts);
    free(read);
    return good;
}
