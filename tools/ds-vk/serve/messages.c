/* SPDX-License-Identifier: MIT */
/* /v1/messages and /v1/messages/count_tokens, in the form of Anthropic. */
#include "answer.h"

#include "routes.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is asked, in messages of OpenAI's form ---- */

/* Its number changes with each request: with it no prompt would begin like the one before. */
#define BILLING "x-anthropic-billing-header:"

static void add_system(json_t *list, const char *text)
{
    while (text && strncmp(text, BILLING, sizeof BILLING - 1) == 0) {
        text = strchr(text, '\n');
        if (text)
            text += strspn(text, "\n");
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

/* ---- blocks of a message ---- */

static const char *type_of(const json_t *block)
{
    const char *type = json_string_value(json_object_get(block, "type"));
    return type ? type : "";
}

/* The content of a result is what stands in it, and an image there is none. */
static json_t *result_of(const json_t *block)
{
    json_t     *content = json_object_get(block, "content"), *texts = json_array();
    const char *id = json_string_value(json_object_get(block, "tool_use_id"));
    for (size_t i = 0; i < json_array_size(content); i++) {
        json_t *part = json_array_get(content, i);
        if (strcmp(type_of(part), "text") == 0)
            json_array_append(texts, part);
        else
            json_array_append_new(texts, json_pack("{s:s, s:s++}", "type", "text", "text",
                                                   "[not a text: ", type_of(part), "]"));
    }
    if (!json_is_array(content)) {
        json_decref(texts);
        texts = json_is_string(content) ? json_incref(content) : json_string("");
    }
    return json_pack("{s:s, s:s?, s:o}", "role", "tool", "tool_call_id", id, "content", texts);
}

static json_t *call_of(const json_t *block)
{
    json_t *input     = json_object_get(block, "input");
    char   *arguments = json_dumps(input, JSON_COMPACT | JSON_ENCODE_ANY);
    json_t *call      = json_pack("{s:s, s:{s:O?, s:s}}", "type", "function", "function", "name",
                                  json_object_get(block, "name"), "arguments",
                             arguments && json_is_object(input) ? arguments : "{}");
    json_object_set(call, "id", json_object_get(block, "id"));
    free(arguments);
    return call;
}

/* Results are messages of their own, which come before what else the user says. */
static void add_message(json_t *list, const json_t *message)
{
    const json_t *content = field(message, "content");
    json_t       *copy = json_copy((json_t *)message), *kept = json_array(), *calls = json_array();
    size_t        results = 0;
    for (size_t i = 0; i < json_array_size(content); i++) {
        json_t     *block = json_array_get(content, i);
        const char *type  = type_of(block);
        if (strcmp(type, "tool_result") == 0)
            json_array_append_new(list, result_of(block)), results++;
        else if (strcmp(type, "tool_use") == 0)
            json_array_append_new(calls, call_of(block));
        else if (strcmp(type, "thinking") == 0)
            json_object_set(copy, "reasoning_content", json_object_get(block, "thinking"));
        else if (strcmp(type, "redacted_thinking") != 0)
            json_array_append(kept, block);
    }
    bool empty = results && json_array_size(kept) == 0;
    if (json_is_array(content))
        json_object_set(copy, "content", kept);
    if (json_array_size(calls))
        json_object_set(copy, "tool_calls", calls);
    if (!empty)
        json_array_append(list, copy);
    json_decref(copy);
    json_decref(calls);
    json_decref(kept);
}

static bool read_prompt(struct ask *ask, struct server *server, struct refusal *why)
{
    const json_t *messages = field(ask->body, "messages");
    const json_t *format   = json_object_get(field(ask->body, "output_config"), "format");
    json_t       *list     = json_array();
    bool          good     = ask_format(ask, "output_config", format, why) &&
                ask_tools(ask, TOOLS_MESSAGES, why) && ask_thinking(ask, why) &&
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
                     "message", "role", "assistant", "model", answer->ask->served->name, "content",
                     content, "stop_reason", "stop_sequence", "usage", usage_of(answer));
}

static const char *reason_of(const struct choice *choice)
{
    if (strcmp(choice_reason(choice), "length") == 0)
        return "max_tokens";
    if (choice_calls(choice))
        return "tool_use";
    return choice->stop_text ? "stop_sequence" : "end_turn";
}

/* Which of several it was is not known. */
static const char *stop_of(const struct choice *choice)
{
    const struct ask *ask = choice->answer->ask;
    return choice->stop_text && ask->n_stops == 1 ? ask->stops[0] : NULL;
}

static void begin(struct answer *a)
{
    answer_named_event(a, json_pack("{s:s, s:o}", "type", "message_start", "message",
                                    message_of(a, json_array())));
}

static void close_block(struct choice *c)
{
    if (c->open >= 0)
        answer_named_event(c->answer, json_pack("{s:s, s:i}", "type", "content_block_stop", "index",
                                                (int)c->blocks - 1));
    c->open = -1;
}

/* Consumes the block. */
static void open_block(struct choice *c, dsvk_piece_kind kind, json_t *block)
{
    close_block(c);
    c->open = (int)kind;
    answer_named_event(c->answer, json_pack("{s:s, s:i, s:o}", "type", "content_block_start",
                                            "index", (int)c->blocks++, "content_block", block));
}

static void delta(struct choice *c, const char *type, const char *key, const dsvk_piece *piece)
{
    answer_named_event(c->answer, json_pack("{s:s, s:i, s:{s:s, s:s%}}", "type",
                                            "content_block_delta", "index", (int)c->blocks - 1,
                                            "delta", "type", type, key, piece->text, piece->bytes));
}

static json_t *text_block(json_t *text)
{
    return json_pack("{s:s, s:o}", "type", "text", "text", text);
}

static json_t *thinking_block(json_t *text)
{
    return json_pack("{s:s, s:o, s:s}", "type", "thinking", "thinking", text, "signature", "");
}

/* Consumes the input. */
static json_t *use_block(const json_t *call, json_t *input)
{
    return json_pack("{s:s, s:O, s:O, s:o}", "type", "tool_use", "id", json_object_get(call, "id"),
                     "name", json_object_get(call, "name"), "input", input);
}

static void piece(struct choice *c, const dsvk_piece *piece)
{
    const json_t *call = json_array_get(c->calls, json_array_size(c->calls) - 1);
    bool          open = c->open == (int)piece->kind;
    if (piece->kind == DSVK_PIECE_TEXT) {
        if (!open)
            open_block(c, piece->kind, text_block(json_string("")));
        delta(c, "text_delta", "text", piece);
    } else if (piece->kind == DSVK_PIECE_REASONING) {
        if (!open)
            open_block(c, piece->kind, thinking_block(json_string("")));
        delta(c, "thinking_delta", "thinking", piece);
    } else if (piece->kind == DSVK_PIECE_CALL) {
        open_block(c, piece->kind, use_block(call, json_object()));
    } else if (piece->kind == DSVK_PIECE_ARGUMENTS) {
        delta(c, "input_json_delta", "partial_json", piece);
    } else {
        close_block(c);
    }
}

static void end(struct choice *choice)
{
    struct answer *a = choice->answer;
    if (choice->blocks == 0)
        open_block(choice, DSVK_PIECE_TEXT, text_block(json_string("")));
    close_block(choice);
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
    const struct choice *c       = &a->choices[0];
    json_t              *content = json_array();
    if (c->reasoning.n)
        json_array_append_new(content, thinking_block(buffer_string(&c->reasoning)));
    if (c->text.n || json_array_size(c->calls) == 0)
        json_array_append_new(content, text_block(buffer_string(&c->text)));
    for (size_t i = 0; i < json_array_size(c->calls); i++) {
        const json_t *call = json_array_get(c->calls, i);
        json_t *input = json_loads(json_string_value(json_object_get(call, "arguments")), 0, NULL);
        json_array_append_new(content, use_block(call, input ? input : json_object()));
    }
    json_t *document = message_of(a, content);
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
    if (!why.status && ask_common(ask, &why) && ask_limit(ask, "max_tokens", NULL, &why) &&
        ask_stops(ask, "stop_sequences", &why) && read_prompt(ask, x->server, &why))
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
