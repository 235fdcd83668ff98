/* SPDX-License-Identifier: MIT */
/* /v1/responses, the newer form of OpenAI: each request has its whole history, nothing is kept
 * between two. Its events are numbered and nest: response, item, part, text. */
#include "answer.h"

#include "routes.h"

#include <string.h>

/* ---- what is asked ---- */

/* Thoughts of earlier answers are no part of a prompt. */
static bool add_item(json_t *list, json_t *item, struct refusal *why)
{
    const char *type = json_string_value(json_object_get(item, "type"));
    if (type && strcmp(type, "reasoning") == 0)
        return true;
    if (type && strcmp(type, "message") != 0)
        return refuse(why, 400, "input",
                      "'input' has an item of the type '%.40s'; messages are "
                      "supported",
                      type);
    return json_array_append(list, item) == 0;
}

static bool read_input(struct ask *ask, struct server *server, struct refusal *why)
{
    const json_t *input        = field(ask->body, "input");
    const char   *instructions = NULL, *choice = json_string_value(field(ask->body, "tool_choice"));
    json_t       *list = json_array();
    bool          good = field_text(why, ask->body, "instructions", &instructions);
    if (instructions && instructions[0])
        json_array_append_new(list,
                              json_pack("{s:s, s:s}", "role", "system", "content", instructions));
    if (json_is_string(input))
        json_array_append_new(list, json_pack("{s:s, s:O}", "role", "user", "content", input));
    else if (!json_is_array(input))
        good = refuse(why, 400, "input", "'input' takes a text or a list of items");
    for (size_t i = 0; good && i < json_array_size(input); i++)
        good = add_item(list, json_array_get(input, i), why);
    if (!choice || strcmp(choice, "none") != 0) /* what is run elsewhere is not missed */
        for (size_t i = 0; i < json_array_size(field(ask->body, "tools")); i++) {
            const json_t *tool = json_array_get(field(ask->body, "tools"), i);
            const char   *type = json_string_value(json_object_get(tool, "type"));
            if (good && (!type || strcmp(type, "function") == 0))
                good = refuse(why, 400, "tools", "'tools' is not supported by this server");
        }
    good = good && ask_messages(ask, server, list, why);
    json_decref(list);
    return good;
}

static bool more_fields(struct ask *ask, struct refusal *why)
{
    const json_t *format = json_object_get(field(ask->body, "text"), "format");
    const char   *type   = json_string_value(json_object_get(format, "type"));
    const json_t *effort = json_object_get(field(ask->body, "reasoning"), "effort");
    if (effort)
        json_object_set(ask->body, "reasoning_effort", (json_t *)effort);
    if (type && strcmp(type, "text") != 0)
        return refuse(why, 400, "text", "'text.format' of the type '%.40s' is not supported", type);
    return field_absent(why, ask->body, "previous_response_id") &&
           field_absent(why, ask->body, "conversation") &&
           field_absent(why, ask->body, "background") && ask_thinking(ask, why) &&
           ask_limit(ask, "max_output_tokens", NULL, why);
}

/* ---- what is answered ---- */

static json_t *part_of(const struct choice *c)
{
    return json_pack("{s:s, s:s%, s:[]}", "type", "output_text", "text",
                     c->text.n ? c->text.data : "", c->text.n, "annotations");
}

static json_t *item_of(const struct choice *c, const char *status)
{
    json_t *content = json_array();
    if (strcmp(status, "in_progress") != 0)
        json_array_append_new(content, part_of(c));
    return json_pack("{s:s, s:s+, s:s, s:s, s:o}", "type", "message", "id", "msg_",
                     c->answer->id + strlen("resp_"), "status", status, "role", "assistant",
                     "content", content);
}

static json_t *usage_of(const struct answer *a)
{
    struct answer_usage u = answer_usage(a);
    return json_pack("{s:I, s:{s:I}, s:I, s:{s:i}, s:I}", "input_tokens", (json_int_t)u.prompt,
                     "input_tokens_details", "cached_tokens", (json_int_t)u.cached, "output_tokens",
                     (json_int_t)u.generated, "output_tokens_details", "reasoning_tokens", 0,
                     "total_tokens", (json_int_t)(u.prompt + u.generated));
}

static json_t *response_of(const struct answer *a, const char *status)
{
    bool    over     = strcmp(status, "in_progress") != 0 && strcmp(status, "failed") != 0;
    json_t *output   = json_array();
    json_t *document = json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:o, s:n, s:n, s:b, s:b, s:s, s:[], s:n}", "id", a->id, "object",
        "response", "created_at", (json_int_t)a->created, "status", status, "model",
        a->server->name, "output", output, "error", "incomplete_details", "store", false,
        "parallel_tool_calls", false, "tool_choice", "auto", "tools", "usage");
    if (!over)
        return document;
    json_array_append_new(output, item_of(&a->choices[0], status));
    json_object_set_new(document, "usage", usage_of(a));
    if (strcmp(status, "incomplete") == 0)
        json_object_set_new(document, "incomplete_details",
                            json_pack("{s:s}", "reason", "max_output_tokens"));
    return document;
}

static void event(struct answer *a, const char *type, json_t *fields)
{
    json_object_set_new(fields, "type", json_string(type));
    json_object_set_new(fields, "sequence_number", json_integer(a->sequence++));
    answer_named_event(a, fields);
}

/* An event of the only part of the only item. */
static void part_event(const struct choice *c, const char *type, const char *key, json_t *value)
{
    event(c->answer, type,
          json_pack("{s:s+, s:i, s:i, s:o}", "item_id", "msg_", c->answer->id + strlen("resp_"),
                    "output_index", 0, "content_index", 0, key, value));
}

static void item_event(const struct choice *c, const char *type, const char *status)
{
    event(c->answer, type, json_pack("{s:i, s:o}", "output_index", 0, "item", item_of(c, status)));
}

static const char *status_of(const struct choice *c)
{
    return strcmp(choice_reason(c), "stop") == 0 ? "completed" : "incomplete";
}

static void begin(struct answer *a)
{
    const struct choice *c = &a->choices[0];
    event(a, "response.created", json_pack("{s:o}", "response", response_of(a, "in_progress")));
    event(a, "response.in_progress", json_pack("{s:o}", "response", response_of(a, "in_progress")));
    item_event(c, "response.output_item.added", "in_progress");
    part_event(c, "response.content_part.added", "part", part_of(c));
}

static void piece(struct choice *c, const char *text, size_t n)
{
    buffer_add(&c->text, text, n);
    part_event(c, "response.output_text.delta", "delta", json_stringn(text, n));
}

static void end(struct choice *c)
{
    part_event(c, "response.output_text.done", "text",
               json_stringn(c->text.n ? c->text.data : "", c->text.n));
    part_event(c, "response.content_part.done", "part", part_of(c));
    item_event(c, "response.output_item.done", status_of(c));
}

static void finish(struct answer *a)
{
    const char *status = status_of(&a->choices[0]);
    event(a, status[0] == 'c' ? "response.completed" : "response.incomplete",
          json_pack("{s:o}", "response", response_of(a, status)));
}

static void fail(struct answer *a, const struct refusal *why)
{
    json_t *response = response_of(a, "failed");
    json_object_set_new(response, "error",
                        json_pack("{s:s, s:s}", "code", why->code ? why->code : "server_error",
                                  "message", why->message));
    event(a, "response.failed", json_pack("{s:o}", "response", response));
}

static json_t *whole(struct answer *a)
{
    return response_of(a, status_of(&a->choices[0]));
}

static const struct dialect dialect = {
    .content_type = "text/event-stream",
    .nothing      = ": still here\n\n",
    .id_prefix    = "resp_",
    .begin        = begin,
    .piece        = piece,
    .end          = end,
    .close        = finish,
    .fail         = fail,
    .whole        = whole,
};

enum MHD_Result serve_responses(struct exchange *x)
{
    struct refusal why = { 0 };
    struct ask    *ask = ask_new(x, &why);
    if (ask && ask_common(ask, x->server, &why) && more_fields(ask, &why) &&
        read_input(ask, x->server, &why))
        return answer_serve(x, ask, &dialect);
    ask_free(ask);
    return http_refuse(x, &why);
}
