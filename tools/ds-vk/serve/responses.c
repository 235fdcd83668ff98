/* SPDX-License-Identifier: MIT */
/* /v1/responses, the newer form of OpenAI: each request has its whole history, nothing is kept
 * between two. Its events are numbered and nest: response, item, part, text. */
#include "answer.h"
#include "responses.h"

#include "routes.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- what is answered ---- */

static const char *const prefixes[] = {
    [DSVK_PIECE_REASONING] = "rs_", [DSVK_PIECE_TEXT] = "msg_", [DSVK_PIECE_CALL] = "fc_"
};

/* The id of the item at hand: that of the response, and which of its items. */
static json_t *id_of(const struct choice *c, dsvk_piece_kind kind)
{
    char number[16];
    snprintf(number, sizeof number, "%u", c->blocks - 1);
    return json_pack("s+++", prefixes[kind], c->answer->id + strlen("resp_"), "_", number);
}

/* Consumes the text. */
static json_t *part_of(dsvk_piece_kind kind, json_t *text)
{
    if (kind == DSVK_PIECE_REASONING)
        return json_pack("{s:s, s:o}", "type", "reasoning_text", "text", text);
    return json_pack("{s:s, s:o, s:[]}", "type", "output_text", "text", text, "annotations");
}

/* The item at hand; `status` is "in_progress" where it begins. */
static json_t *item_of(const struct choice *c, const char *status)
{
    dsvk_piece_kind kind    = (dsvk_piece_kind)c->open;
    bool            whole   = strcmp(status, "in_progress") != 0;
    json_t         *content = json_array();
    if (kind == DSVK_PIECE_CALL) {
        const json_t *call = json_array_get(c->calls, json_array_size(c->calls) - 1);
        json_decref(content);
        return json_pack("{s:s, s:o, s:O, s:O, s:O, s:s}", "type", "function_call", "id",
                         id_of(c, kind), "call_id", json_object_get(call, "id"), "name",
                         json_object_get(call, "name"), "arguments",
                         json_object_get(call, "arguments"), "status", status);
    }
    if (whole)
        json_array_append_new(
            content,
            part_of(kind, buffer_string(kind == DSVK_PIECE_TEXT ? &c->part : &c->reasoning)));
    if (kind == DSVK_PIECE_REASONING)
        return json_pack("{s:s, s:o, s:[], s:o, s:s}", "type", "reasoning", "id", id_of(c, kind),
                         "summary", "content", content, "status", status);
    return json_pack("{s:s, s:o, s:s, s:s, s:o}", "type", "message", "id", id_of(c, kind), "status",
                     status, "role", "assistant", "content", content);
}

static json_t *usage_of(const struct answer *a)
{
    struct answer_usage u = answer_usage(a);
    return json_pack("{s:I, s:{s:I}, s:I, s:{s:I}, s:I}", "input_tokens", (json_int_t)u.prompt,
                     "input_tokens_details", "cached_tokens", (json_int_t)u.cached, "output_tokens",
                     (json_int_t)u.generated, "output_tokens_details", "reasoning_tokens",
                     (json_int_t)u.thought, "total_tokens", (json_int_t)(u.prompt + u.generated));
}

static json_t *response_of(const struct answer *a, const char *status)
{
    bool    over     = strcmp(status, "in_progress") != 0 && strcmp(status, "failed") != 0;
    json_t *output   = json_array();
    json_t *document = json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:o, s:n, s:n, s:b, s:b, s:s, s:[], s:n}", "id", a->id, "object",
        "response", "created_at", (json_int_t)a->created, "status", status, "model",
        a->ask->served->name, "output", output, "error", "incomplete_details", "store", false,
        "parallel_tool_calls", false, "tool_choice", "auto", "tools", "usage");
    if (!over)
        return document;
    json_array_extend(output, a->choices[0].items);
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

/* An event of the item at hand; consumes the value. */
static void item_event(const struct choice *c, const char *type, const char *key, json_t *value)
{
    json_t *fields = json_pack("{s:i, s:o}", "output_index", (int)c->blocks - 1, key, value);
    if (strcmp(key, "item") != 0)
        json_object_set_new(fields, "item_id", id_of(c, (dsvk_piece_kind)c->open));
    if (strcmp(key, "item") != 0 && c->open != DSVK_PIECE_CALL)
        json_object_set_new(fields, "content_index", json_integer(0));
    event(c->answer, type, fields);
}

static const char *status_of(const struct choice *c)
{
    return strcmp(choice_reason(c), "stop") == 0 ? "completed" : "incomplete";
}

static void begin(struct answer *a)
{
    event(a, "response.created", json_pack("{s:o}", "response", response_of(a, "in_progress")));
    event(a, "response.in_progress", json_pack("{s:o}", "response", response_of(a, "in_progress")));
}

static void open_item(struct choice *c, dsvk_piece_kind kind)
{
    c->open   = (int)kind;
    c->part.n = 0;
    c->blocks++;
    item_event(c, "response.output_item.added", "item", item_of(c, "in_progress"));
    if (kind != DSVK_PIECE_CALL)
        item_event(c, "response.content_part.added", "part", part_of(kind, json_string("")));
}

static void close_item(struct choice *c, const char *status)
{
    if (c->open < 0)
        return;
    dsvk_piece_kind kind = (dsvk_piece_kind)c->open;
    json_t         *item = item_of(c, status);
    if (kind == DSVK_PIECE_CALL) {
        item_event(c, "response.function_call_arguments.done", "arguments",
                   json_incref(json_object_get(item, "arguments")));
    } else {
        json_t *part = json_array_get(json_object_get(item, "content"), 0);
        item_event(c,
                   kind == DSVK_PIECE_TEXT ? "response.output_text.done"
                                           : "response.reasoning_text.done",
                   "text", json_incref(json_object_get(part, "text")));
        item_event(c, "response.content_part.done", "part", json_incref(part));
    }
    json_array_append(c->items, item);
    item_event(c, "response.output_item.done", "item", item);
    c->open = -1;
}

static void piece(struct choice *c, const dsvk_piece *piece)
{
    static const char *const deltas[] = {
        [DSVK_PIECE_REASONING] = "response.reasoning_text.delta",
        [DSVK_PIECE_TEXT]      = "response.output_text.delta",
        [DSVK_PIECE_ARGUMENTS] = "response.function_call_arguments.delta",
    };
    dsvk_piece_kind kind = piece->kind;
    if (kind == DSVK_PIECE_CALL_END) {
        close_item(c, "completed");
        return;
    }
    if (kind != DSVK_PIECE_ARGUMENTS && (c->open != (int)kind || kind == DSVK_PIECE_CALL)) {
        close_item(c, "completed");
        open_item(c, kind);
    }
    if (kind == DSVK_PIECE_TEXT)
        buffer_add(&c->part, piece->text, piece->bytes);
    if (kind != DSVK_PIECE_CALL)
        item_event(c, deltas[kind], "delta", json_stringn(piece->text, piece->bytes));
}

static void end(struct choice *c)
{
    if (c->blocks == 0)
        open_item(c, DSVK_PIECE_TEXT);
    close_item(c, status_of(c));
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

/* The same items as a stream has, in the order of their kinds. */
static json_t *whole(struct answer *a)
{
    struct choice *c     = &a->choices[0];
    json_t        *calls = c->calls;
    if (c->reasoning.n) {
        c->open = DSVK_PIECE_REASONING;
        c->blocks++;
        json_array_append_new(c->items, item_of(c, "completed"));
    }
    if (c->text.n || json_array_size(calls) == 0) {
        c->open = DSVK_PIECE_TEXT;
        c->blocks++;
        c->part.n = 0;
        buffer_add(&c->part, c->text.n ? c->text.data : "", c->text.n);
        json_array_append_new(c->items, item_of(c, status_of(c)));
    }
    c->calls = json_array();
    for (size_t i = 0; i < json_array_size(calls); i++) {
        c->open = DSVK_PIECE_CALL;
        c->blocks++;
        json_array_append(c->calls, json_array_get(calls, i));
        json_array_append_new(c->items, item_of(c, "completed"));
    }
    json_decref(calls);
    return response_of(a, status_of(c));
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

/* Nothing is asked: an answer without anything. */
static enum MHD_Result serve_nothing(struct exchange *x, struct ask *ask)
{
    struct choice choice = { .open = -1, .job = { .end = DSVK_END_TOKEN } };
    struct answer a      = { .server  = x->server,
                             .dialect = &dialect,
                             .ask     = ask,
                             .choices = &choice,
                             .created = (int64_t)time(NULL) };
    snprintf(a.id, sizeof a.id, "%s%016llx", dialect.id_prefix, (unsigned long long)host_random());
    choice.answer          = &a;
    bool            stream = ask->stream;
    enum MHD_Result result;
    if (stream) {
        begin(&a);
        finish(&a);
        result = http_text(x, 200, dialect.content_type, &a.out);
    } else {
        result = http_json(x, 200, response_of(&a, "completed"));
    }
    ask_free(ask);
    return result;
}

enum MHD_Result serve_responses(struct exchange *x)
{
    struct refusal why = { 0 };
    struct ask    *ask = ask_new(x, &why);
    if (ask && ask_common(ask, &why) && responses_fields(ask, &why) &&
        responses_input(ask, x->server, &why))
        return answer_serve(x, ask, &dialect);
    if (ask && !why.status)
        return serve_nothing(x, ask);
    ask_free(ask);
    return http_refuse(x, &why);
}
