/* SPDX-License-Identifier: MIT */
/* Messages in OpenAI's form, with calls, results and reasoning, in the library's terms. */
#include "ask.h"

#include <stdlib.h>
#include <string.h>

/* One message and what it borrows. */
struct said {
    struct buffer   text;
    dsvk_tool_call *calls;
    char          **arguments; /* that were objects */
    size_t          n;
};

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
    static const char *const roles[] = { "user", "assistant", "system", "tool" };
    const char              *role    = json_string_value(json_object_get(message, "role"));
    for (size_t i = 0; role && i < sizeof roles / sizeof *roles; i++)
        if (strcmp(role, roles[i]) == 0)
            return roles[i];
    if (role && strcmp(role, "developer") == 0)
        return "system";
    refuse(why, 400, "messages", "a message has the role '%.40s'; %s", role ? role : "",
           "system, developer, user, assistant and tool are supported");
    return NULL;
}

/* ---- calls ---- */

/* Arguments are a text of JSON; Ollama's are an object. */
static bool read_call(const json_t *given, dsvk_tool_call *call, char **owned, struct refusal *why)
{
    const json_t *function  = json_object_get(given, "function");
    const json_t *arguments = field(function, "arguments");
    call->id                = json_string_value(json_object_get(given, "id"));
    call->name              = json_string_value(json_object_get(function, "name"));
    call->arguments         = arguments ? json_string_value(arguments) : "{}";
    if (json_is_object(arguments))
        call->arguments = *owned = json_dumps(arguments, JSON_COMPACT);
    if (call->arguments && !call->arguments[0]) /* models call without any */
        call->arguments = "{}";
    if (!call->name || !call->arguments)
        return refuse(why, 400, "messages",
                      "'tool_calls' takes a list of {\"function\": {\"name\", \"arguments\"}}");
    return true;
}

static bool read_calls(const json_t *given, struct said *said, struct refusal *why)
{
    size_t n = json_array_size(given);
    if (given && !json_is_array(given))
        return refuse(why, 400, "messages", "'tool_calls' takes a list");
    if (n == 0)
        return true;
    said->calls     = calloc(n, sizeof *said->calls);
    said->arguments = calloc(n, sizeof *said->arguments);
    if (!said->calls || !said->arguments)
        return refuse(why, 503, NULL, "no memory for %zu calls", n);
    said->n   = n;
    bool good = true;
    for (size_t i = 0; good && i < n; i++)
        good = read_call(json_array_get(given, i), &said->calls[i], &said->arguments[i], why);
    return good;
}

static void said_done(struct said *said)
{
    for (size_t i = 0; said->arguments && i < said->n; i++)
        free(said->arguments[i]);
    free(said->arguments);
    free(said->calls);
    buffer_done(&said->text);
}

static bool read_message(const json_t *message, dsvk_message *out, struct said *said,
                         struct refusal *why)
{
    out->role = role_of(message, why);
    if (!out->role || !add_content(field(message, "content"), &said->text, why) ||
        !field_text(why, message, "reasoning_content", &out->reasoning) ||
        !field_text(why, message, "tool_call_id", &out->call_id) ||
        !field_absent(why, message, "function_call") ||
        !field_flag(why, message, "prefix", &out->open) ||
        !read_calls(field(message, "tool_calls"), said, why))
        return false;
    if (!out->reasoning && !field_text(why, message, "reasoning", &out->reasoning))
        return false;
    if (said->n && strcmp(out->role, "assistant") != 0)
        return refuse(why, 400, "messages", "'tool_calls' is for the assistant alone");
    out->calls   = said->calls;
    out->n_calls = said->n;
    out->text    = said->text.data ? said->text.data : "";
    return !said->text.failed || refuse(why, 503, NULL, "no memory for the messages");
}

/* ---- ids ---- */

static bool encode(struct ask *ask, struct server *server, const dsvk_message *messages, size_t n,
                   struct refusal *why)
{
    const dsvk_model *model  = ask->served->model;
    uint32_t         *made   = NULL;
    size_t            n_made = 0;
    char              reason[512];
    ask->chat = (dsvk_chat_params){ .think  = ask->think,
                                    .format = server->cli->options.values[OPT_CHAT_FORMAT].text,
                                    .effort = ask->effort,
                                    .tools  = ask->tools,
                                    .call   = ask->must_call ? ask->call : NULL };
    pthread_mutex_lock(&server->encoding);
    dsvk_status status = dsvk_model_chat(model, messages, n, &ask->chat, &made, &n_made);
    if (status == DSVK_UNSUPPORTED && ask->chat.effort) {
        ask->chat.effort = NULL;
        status           = dsvk_model_chat(model, messages, n, &ask->chat, &made, &n_made);
    }
    if (status == DSVK_UNSUPPORTED && ask->chat.think && ask->think_is_a_hint) {
        ask->chat.think = DSVK_THINK_AUTO;
        status          = dsvk_model_chat(model, messages, n, &ask->chat, &made, &n_made);
    }
    if (status)
        dsvk_model_why(model, reason, sizeof reason);
    pthread_mutex_unlock(&server->encoding);
    return status ? refuse(why, 400, "messages", "%s", reason) : ask_adopt(ask, made, n_made, why);
}

bool ask_messages(struct ask *ask, struct server *server, const json_t *messages,
                  struct refusal *why)
{
    size_t n = json_array_size(messages);
    if (!json_is_array(messages) || n == 0)
        return refuse(why, 400, "messages", "'messages' takes a list of messages, not empty");
    dsvk_message *read = calloc(n, sizeof *read);
    struct said  *said = calloc(n, sizeof *said);
    bool          good = read && said;
    if (!good)
        refuse(why, 503, NULL, "no memory for %zu messages", n);
    for (size_t i = 0; i < n && good; i++)
        good = read_message(json_array_get(messages, i), &read[i], &said[i], why);
    if (good)
        good = encode(ask, server, read, n, why);
    ask->is_talk = true;
    for (size_t i = 0; said && i < n; i++)
        said_done(&said[i]);
    free(said);
    free(read);
    return good;
}
