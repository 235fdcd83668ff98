/* SPDX-License-Identifier: MIT */
/* /v1/messages and /v1/messages/count_tokens, in the form of Anthropic. */
#include "answer.h"

#include "routes.h"

#include <string.h>

/* ---- what is asked, in messages of OpenAI's form ---- */

/* Its number changes with each request: with it no prompt would begin like the one before. */
#define BILLING "x-anthropic-billing-header:"

static void add_system(json_t *list, const char *text)
{
    while (text && strncmp(text, BILLING, sizeof BILLING - 1) == 0) {
        text = strchr(text, '\n');
        text += text ? strspn(text, "\n") : 0;
    }
    if (text && text[0])
        json_array_append_new(list, json_pack("{s:s, s:s}", "role", "system", "content", text));
}

static bool system_of(json_t *list, const json_t *given, struct refusal *why)
{
    if (json_is_string(given))
        add_system(list, json_string_value(given));
    else if (given && !json_is_array(given))
        return refuse(why, 400, "system", "'system' takes a text or a list of text blocks");
    for (size_t i = 0; i < json_array_size(given); i++)
        add_system(list, json_string_value(json_object_get(json_array_get(given, i), "text")));
    return true;
}

/* Thoughts of earlier answers are no part of a prompt. */
static void add_message(json_t *list, const json_t *message)
{
    const json_t *content = field(message, "content");
    json_t       *copy = json_copy((json_t *)message), *kept = json_array();
    for (size_t i = 0; i < json_array_size(content); i++) {
        json_t     *block = json_array_get(content, i);
        const char *type  = json_string_value(json_object_get(block, "type"));
        if (!type || !strstr(type, "thinking"))
            json_array_append(kept, block);
    }
    if (json_is_array(content))
        json_object_set(copy, "content", kept);
    json_decref(kept);
    json_array_append_new(list, copy);
}

static bool read_prompt(struct ask *ask, struct server *server, struct refusal *why)
{
    const json_t *messages = field(ask->body, "messages");
    const char   *choice =
        json_string_value(json_object_get(field(ask->body, "tool_choice"), "type"));
    bool    no_tools = choice && strcmp(choice, "none") == 0;
    json_t *list     = json_array();
    bool    good = (no_tools || field_absent(why, ask->body, "tools")) && ask_thinking(ask, why) &&
                system_of(list, field(ask->body, "system"), why);
    if (json_array_size(messages) == 0)
        good = refuse(why, 400, "messages", "'messages' takes a list of messages, not empty");
    for (size_t i = 0; i < json_array_size(messages); i++)
        add_message(list, json_array_get(messages, i));
    good = good && ask_messages(ask, server, list, why);
    json_decref(list);
    return good;
}

/* ---- what is answered ---- */

static json_t *usage_of(const struct answer *answer)
{
    struct answer_usage u = answer_usage(answer);
    return json_pack("{s:I, s:I, s:I, s:I}", "input_tokens", (json_int_t)(u.prompt - u.cached),
                     "cache_creation_input_tokens", (json_int_t)0, "cache_read_input_tokens",
                     (json_int_t)u.cached, "output_tokens", (json_int_t)u.generated);
}

static json_t *message_of(const struct answer *answer, json_t *content)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:n, s:n, s:o}", "id", answer->id, "type",
                     "message", "role", "assistant", "model", answer->server->name, "content",
                     content, "stop_reason", "stop_sequence", "usage", usage_of(answer));
}

static const char *reason_of(const struct choice *choice)
{
    if (strcmp(choice_reason(choice), "length") == 0)
        return "max_tokens";
    return choice->job.end == DSVK_END_STOP_TEXT ? "stop_sequence" : "end_turn";
}

/* Which of several it was the library does not say. */
static const char *stop_of(const struct choice *choice)
{
    const struct ask *ask = choice->answer->ask;
    return choice->job.end == DSVK_END_STOP_TEXT && ask->n_stops == 1 ? ask->stops[0] : NULL;
}

static void begin(struct answer *a)
{
    answer_named_event(a, json_pack("{s:s, s:o}", "type", "message_start", "message",
                                    message_of(a, json_array())));
    answer_named_event(a, json_pack("{s:s, s:i, s:{s:s, s:s}}", "type", "content_block_start",
                                    "index", 0, "content_block", "type", "text", "text", ""));
}

static void piece(struct choice *choice, const char *text, size_t n)
{
    answer_named_event(choice->answer,
                       json_pack("{s:s, s:i, s:{s:s, s:s%}}", "type", "content_block_delta",
                                 "index", 0, "delta", "type", "text_delta", "text", text, n));
}

static void end(struct choice *choice)
{
    struct answer *a = choice->answer;
    answer_named_event(a, json_pack("{s:s, s:i}", "type", "content_block_stop", "index", 0));
    answer_named_event(a, json_pack("{s:s, s:{s:s, s:s?}, s:o}", "type", "message_delta", "delta",
                                    "stop_reason", reason_of(choice), "stop_sequence",
                                    stop_of(choice), "usage", usage_of(a)));
}

static void finish(struct answer *a)
{
    answer_named_event(a, json_pack("{s:s}", "type", "message_stop"));
}

static void fail(struct answer *a, const struct refusal *why)
{
    answer_named_event(a, reply_error(ENVELOPE_ANTHROPIC, why));
}

static json_t *whole(struct answer *a)
{
    const struct choice *c        = &a->choices[0];
    json_t              *document = message_of(a, json_pack("[{s:s, s:s%}]", "type", "text", "text",
                                               c->text.n ? c->text.data : "", c->text.n));
    json_object_set_new(document, "stop_reason", json_string(reason_of(c)));
    if (stop_of(c))
        json_object_set_new(document, "stop_sequence", json_string(stop_of(c)));
    return document;
}

static const struct dialect dialect = {
    .content_type = "text/event-stream",
    .nothing      = "event: ping\ndata: {\"type\":\"ping\"}\n\n",
    .id_prefix    = "msg_",
    .begin        = begin,
    .piece        = piece,
    .end          = end,
    .close        = finish,
    .fail         = fail,
    .whole        = whole,
};

enum MHD_Result serve_messages(struct exchange *x)
{
    struct refusal why = { 0 };
    struct ask    *ask = ask_new(x, &why);
    if (ask && !field(ask->body, "max_tokens"))
        refuse(&why, 400, "max_tokens", "'max_tokens' is needed");
    if (!why.status && ask_common(ask, x->server, &why) &&
        ask_limit(ask, "max_tokens", NULL, &why) && ask_stops(ask, "stop_sequences", &why) &&
        read_prompt(ask, x->server, &why))
        return answer_serve(x, ask, &dialect);
    ask_free(ask);
    return http_refuse(x, &why);
}

enum MHD_Result serve_count_tokens(struct exchange *x)
{
    struct refusal why = { 0 };
    struct ask    *ask = ask_new(x, &why);
    size_t         n   = 0;
    if (ask && read_prompt(ask, x->server, &why))
        n = ask->n_ids;
    ask_free(ask);
    if (why.status)
        return http_refuse(x, &why);
    return http_json(x, 200, json_pack("{s:I}", "input_tokens", (json_int_t)n));
}
