/* SPDX-License-Identifier: MIT */
/* What /v1/responses is asked, in messages of OpenAI's older form. */
#include "responses.h"

#include <stdlib.h>
#include <string.h>

/* The assistant's message that calls and reasoning belong to: the last one, or a new one. */
static json_t *answer_of(json_t *list)
{
    json_t     *last = json_array_get(list, json_array_size(list) - 1);
    const char *role = json_string_value(json_object_get(last, "role"));
    if (role && strcmp(role, "assistant") == 0)
        return last;
    last = json_pack("{s:s, s:s}", "role", "assistant", "content", "");
    json_array_append_new(list, last);
    return last;
}

static void add_call(json_t *list, const json_t *item)
{
    json_t *message = answer_of(list), *calls = json_object_get(message, "tool_calls");
    json_t *call =
        json_pack("{s:s, s:{s:O?, s:O?}}", "type", "function", "function", "name",
                  json_object_get(item, "name"), "arguments", json_object_get(item, "arguments"));
    json_object_set(call, "id", json_object_get(item, "call_id"));
    if (!calls) {
        calls = json_array();
        json_object_set_new(message, "tool_calls", calls);
    }
    json_array_append_new(calls, call);
}

/* What a tool gave: a text, or parts that are texts. */
static void add_result(json_t *list, const json_t *item)
{
    json_t *output = json_object_get(item, "output");
    json_t *result =
        json_pack("{s:s, s:O?}", "role", "tool", "tool_call_id", json_object_get(item, "call_id"));
    char *text = NULL;
    if (json_is_object(output))
        text = json_dumps(output, JSON_COMPACT);
    json_object_set_new(result, "content", text ? json_string(text) : json_incref(output));
    free(text);
    json_array_append_new(list, result);
}

/* Where there are none, what was thought is in the summary. */
static void add_reasoning(json_t *list, const json_t *item)
{
    struct buffer text  = { 0 };
    const json_t *parts = json_object_get(item, "content");
    if (json_array_size(parts) == 0)
        parts = json_object_get(item, "summary");
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const char *part = json_string_value(json_object_get(json_array_get(parts, i), "text"));
        buffer_text(&text, part ? part : "");
    }
    if (text.n) {
        json_t *message = json_pack("{s:s, s:s, s:s}", "role", "assistant", "content", "",
                                    "reasoning_content", text.data);
        json_array_append_new(list, message);
    }
    buffer_done(&text);
}

/* A message of the assistant goes with the reasoning before it, and takes calls until it is
 * followed by something else. */
static void add_message(json_t *list, json_t *item)
{
    json_t     *last = json_array_get(list, json_array_size(list) - 1);
    const char *role = json_string_value(json_object_get(item, "role"));
    bool        own  = role && strcmp(role, "assistant") == 0;
    if (own && json_object_get(last, "reasoning_content") && !json_object_get(last, "tool_calls") &&
        json_string_length(json_object_get(last, "content")) == 0)
        json_object_set(last, "content", json_object_get(item, "content"));
    else
        json_array_append(list, item);
}

static bool add_item(json_t *list, json_t *item, struct refusal *why)
{
    const char *type = json_string_value(json_object_get(item, "type"));
    if (!type || strcmp(type, "message") == 0)
        add_message(list, item);
    else if (strcmp(type, "function_call") == 0)
        add_call(list, item);
    else if (strcmp(type, "function_call_output") == 0)
        add_result(list, item);
    else if (strcmp(type, "reasoning") == 0)
        add_reasoning(list, item);
    else
        return refuse(why, 400, "input", "'input' has an item of the type '%.40s'; messages, %s",
                      type, "function_call, function_call_output and reasoning are supported");
    return true;
}

bool responses_input(struct ask *ask, struct server *server, struct refusal *why)
{
    const json_t *input        = field(ask->body, "input");
    const char   *instructions = NULL;
    json_t       *list         = json_array();
    bool          good         = field_text(why, ask->body, "instructions", &instructions);
    if (instructions && instructions[0])
        json_array_append_new(list,
                              json_pack("{s:s, s:s}", "role", "system", "content", instructions));
    if (json_string_length(input))
        json_array_append_new(list, json_pack("{s:s, s:O}", "role", "user", "content", input));
    else if (!json_is_string(input) && !json_is_array(input))
        good = refuse(why, 400, "input", "'input' takes a text or a list of items");
    for (size_t i = 0; good && i < json_array_size(input); i++)
        good = add_item(list, json_array_get(input, i), why);
    bool nothing = json_string_length(input) + json_array_size(input) == 0;
    good         = good && !nothing && ask_messages(ask, server, list, why);
    json_decref(list);
    return good;
}

bool responses_fields(struct ask *ask, struct refusal *why)
{
    const json_t *format = json_object_get(field(ask->body, "text"), "format");
    const json_t *effort = json_object_get(field(ask->body, "reasoning"), "effort");
    if (effort)
        json_object_set(ask->body, "reasoning_effort", (json_t *)effort);
    return ask_tools(ask, TOOLS_RESPONSES, why) && ask_format(ask, "text", format, why) &&
           field_absent(why, ask->body, "previous_response_id") &&
           field_absent(why, ask->body, "conversation") &&
           field_absent(why, ask->body, "background") && ask_thinking(ask, why) &&
           ask_limit(ask, "max_output_tokens", NULL, why);
}
