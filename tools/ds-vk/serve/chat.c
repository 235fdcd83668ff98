/* SPDX-License-Identifier: MIT */
/* /v1/chat/completions */
#include "openai.h"

#include "logprobs.h"
#include "routes.h"

#include <string.h>

#define CHUNK "chat.completion.chunk"

/* Consumes the delta and the log-probabilities, which may be NULL. */
static void chunk_with(struct choice *choice, json_t *delta, json_t *logprobs, const char *reason)
{
    struct answer *a = choice->answer;
    json_t        *c = json_pack("{s:i, s:o, s:s?}", "index", (int)choice->index, "delta", delta,
                                 "finish_reason", reason);
    if (logprobs)
        json_object_set_new(c, "logprobs", logprobs);
    answer_event(a, openai_document(a, CHUNK, c));
}

static void chunk(struct choice *choice, json_t *delta, const char *reason)
{
    chunk_with(choice, delta, NULL, reason);
}

static void begin(struct answer *answer)
{
    for (uint32_t i = 0; i < answer->ask->n; i++)
        chunk(&answer->choices[i], json_pack("{s:s, s:s}", "role", "assistant", "content", ""),
              NULL);
}

/* The delta of a call; consumes `function`. */
static json_t *call_delta(const struct choice *c, json_t *function, const char *id)
{
    json_t *call = json_pack("{s:i}", "index", (int)json_array_size(c->calls) - 1);
    if (id) {
        json_object_set_new(call, "id", json_string(id));
        json_object_set_new(call, "type", json_string("function"));
    }
    json_object_set_new(call, "function", function);
    return json_pack("{s:[o]}", "tool_calls", call);
}

static void piece(struct choice *c, const dsvk_piece *piece)
{
    const json_t *call = json_array_get(c->calls, json_array_size(c->calls) - 1);
    if (piece->kind == DSVK_PIECE_TEXT)
        chunk_with(c, json_pack("{s:s%}", "content", piece->text, piece->bytes),
                   logprobs_of_chat(c), NULL);
    else if (piece->kind == DSVK_PIECE_REASONING)
        chunk(c, json_pack("{s:s%}", "reasoning_content", piece->text, piece->bytes), NULL);
    else if (piece->kind == DSVK_PIECE_CALL)
        chunk(c,
              call_delta(c, json_pack("{s:s, s:s}", "name", piece->name, "arguments", ""),
                         json_string_value(json_object_get(call, "id"))),
              NULL);
    else if (piece->kind == DSVK_PIECE_ARGUMENTS)
        chunk(c, call_delta(c, json_pack("{s:s%}", "arguments", piece->text, piece->bytes), NULL),
              NULL);
}

static const char *reason_of(const struct choice *choice)
{
    return choice_calls(choice) ? "tool_calls" : choice_reason(choice);
}

static void end(struct choice *choice)
{
    chunk(choice, json_object(), reason_of(choice));
}

static void finish(struct answer *answer)
{
    openai_close(answer, CHUNK);
}

static json_t *calls_of(const struct choice *c)
{
    json_t *calls = json_array();
    for (size_t i = 0; i < json_array_size(c->calls); i++) {
        const json_t *call = json_array_get(c->calls, i);
        json_array_append_new(calls, json_pack("{s:O, s:s, s:{s:O, s:O}}", "id",
                                               json_object_get(call, "id"), "type", "function",
                                               "function", "name", json_object_get(call, "name"),
                                               "arguments", json_object_get(call, "arguments")));
    }
    return calls;
}

static json_t *choice_of(struct choice *c)
{
    bool    calls   = json_array_size(c->calls) > 0;
    json_t *content = calls && c->text.n == 0 ? json_null() : buffer_string(&c->text);
    json_t *message = json_pack("{s:s, s:o}", "role", "assistant", "content", content);
    if (c->reasoning.n)
        json_object_set_new(message, "reasoning_content", buffer_string(&c->reasoning));
    if (calls)
        json_object_set_new(message, "tool_calls", calls_of(c));
    json_t *logprobs = logprobs_of_chat(c);
    json_t *choice   = json_pack("{s:i, s:o, s:s}", "index", (int)c->index, "message", message,
                                 "finish_reason", reason_of(c));
    if (logprobs)
        json_object_set_new(choice, "logprobs", logprobs);
    return choice;
}

static json_t *whole(struct answer *answer)
{
    return openai_whole(answer, "chat.completion", choice_of);
}

static const struct dialect dialect = {
    .content_type = "text/event-stream",
    .nothing      = ": still here\n\n",
    .id_prefix    = "chatcmpl-",
    .begin        = begin,
    .piece        = piece,
    .end          = end,
    .close        = finish,
    .fail         = openai_fail,
    .whole        = whole,
};

enum MHD_Result serve_chat(struct exchange *x)
{
    struct refusal why = { 0 };
    struct ask    *ask = ask_new(x, &why);
    if (ask && openai_common(ask, &why) && ask_logprobs(ask, &why) &&
        ask_tools(ask, TOOLS_CHAT, &why) &&
        ask_limit(ask, "max_completion_tokens", "max_tokens", &why) && ask_thinking(ask, &why) &&
        ask_messages(ask, x->server, field(ask->body, "messages"), &why))
        return answer_serve(x, ask, &dialect);
    ask_free(ask);
    return http_refuse(x, &why);
}
