/* SPDX-License-Identifier: MIT */
/* The part of Ollama's API that its clients need to chat: /api/chat, /api/generate, /api/tags,
 * /api/show, /api/version. Streams are lines of JSON, and the default. */
#define _POSIX_C_SOURCE 200809L
#include "answer.h"

#include "routes.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *date(char text[32], int64_t seconds)
{
    time_t    at = (time_t)seconds;
    struct tm utc;
    if (!gmtime_r(&at, &utc) || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        memcpy(text, "1970-01-01T00:00:00Z", 21);
    return text;
}

static json_int_t nanoseconds(double seconds)
{
    return (json_int_t)(seconds * 1e9);
}

/* ---- what is answered ---- */

static bool is_chat(const struct answer *a)
{
    return field(a->ask->body, "messages") != NULL;
}

/* A line; what is told of the answer is set in it, as a member of `message` in a chat. */
static json_t *line_of(const struct answer *a, bool done)
{
    char    when[32];
    json_t *line = json_pack("{s:s, s:s, s:b}", "model", a->ask->served->name, "created_at",
                             date(when, a->created), "done", done);
    if (is_chat(a))
        json_object_set_new(line, "message",
                            json_pack("{s:s, s:s}", "role", "assistant", "content", ""));
    else
        json_object_set_new(line, "response", json_string(""));
    return line;
}

/* Consumes the value. */
static void say(const struct answer *a, json_t *line, const char *key, json_t *value)
{
    bool text = strcmp(key, "content") == 0;
    if (is_chat(a))
        json_object_set_new(json_object_get(line, "message"), key, value);
    else
        json_object_set_new(line, text ? "response" : key, value);
}

/* Arguments are an object here. */
static json_t *call_of(const json_t *call)
{
    json_t *arguments = json_loads(json_string_value(json_object_get(call, "arguments")), 0, NULL);
    return json_pack("{s:O, s:{s:O, s:o}}", "id", json_object_get(call, "id"), "function", "name",
                     json_object_get(call, "name"), "arguments",
                     arguments ? arguments : json_object());
}

static json_t *last_of(const struct answer *a)
{
    const struct job   *job   = &a->choices[0].job;
    struct answer_usage u     = answer_usage(a);
    double              first = job->generated ? job->first_at : job->ended_at;
    json_int_t          all   = nanoseconds(job->ended_at - job->asked_at);
    json_int_t          in    = nanoseconds(first - job->begun_at);
    json_int_t          out   = nanoseconds(job->ended_at - first);
    json_t             *line  = line_of(a, true);
    json_t             *more =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "done_reason",
                  choice_reason(&a->choices[0]), "total_duration", all, "load_duration",
                  (json_int_t)0, "prompt_eval_count", (json_int_t)u.prompt, "prompt_eval_duration",
                  in, "eval_count", (json_int_t)u.generated, "eval_duration", out);
    json_object_update(line, more);
    json_decref(more);
    return line;
}

static void put_line(struct answer *a, json_t *line)
{
    buffer_json(&a->out, line);
    buffer_text(&a->out, "\n");
}

static void begin(struct answer *a)
{
    (void)a; /* its lines are all of one form */
}

static void piece(struct choice *c, const dsvk_piece *piece)
{
    struct answer *a = c->answer;
    json_t        *line;
    if (piece->kind == DSVK_PIECE_CALL || piece->kind == DSVK_PIECE_ARGUMENTS)
        return; /* it comes as a whole */
    line = line_of(a, false);
    if (piece->kind == DSVK_PIECE_CALL_END)
        say(a, line, "tool_calls",
            json_pack("[o]", call_of(json_array_get(c->calls, json_array_size(c->calls) - 1))));
    else
        say(a, line, piece->kind == DSVK_PIECE_REASONING ? "thinking" : "content",
            json_stringn(piece->text, piece->bytes));
    put_line(a, line);
}

static void end(struct choice *choice)
{
    (void)choice; /* there is but one */
}

static void finish(struct answer *a)
{
    put_line(a, last_of(a));
}

static void fail(struct answer *a, const struct refusal *why)
{
    put_line(a, reply_error(ENVELOPE_OLLAMA, why));
}

static json_t *whole(struct answer *a)
{
    const struct choice *c    = &a->choices[0];
    json_t              *line = last_of(a), *calls = json_array();
    say(a, line, "content", buffer_string(&c->text));
    if (c->reasoning.n)
        say(a, line, "thinking", buffer_string(&c->reasoning));
    for (size_t i = 0; i < json_array_size(c->calls); i++)
        json_array_append_new(calls, call_of(json_array_get(c->calls, i)));
    if (json_array_size(calls))
        say(a, line, "tool_calls", json_incref(calls));
    json_decref(calls);
    return line;
}

static const struct dialect dialect = {
    .content_type = "application/x-ndjson",
    .id_prefix    = "",
    .begin        = begin,
    .piece        = piece,
    .end          = end,
    .close        = finish,
    .fail         = fail,
    .whole        = whole,
};

/* ---- what is asked ---- */

static bool limit(struct ask *ask, struct refusal *why)
{
    static const int64_t range[] = { -2, UINT32_MAX }; /* below 0: no limit */
    int64_t              n       = -1;
    if (!field_count(why, ask->body, "num_predict", range, &n))
        return false;
    ask->limit = n > 0 ? (size_t)n : SIZE_MAX;
    return n != 0 || refuse(why, 400, "num_predict", "'num_predict' takes no 0");
}

static bool think(struct ask *ask, struct refusal *why)
{
    bool          on    = true;
    const json_t *given = field(ask->body, "think");
    if (json_is_string(given)) { /* "low", "high" ... */
        json_object_set(ask->body, "reasoning_effort", (json_t *)given);
        return ask_thinking(ask, why);
    }
    if (!given || !field_flag(why, ask->body, "think", &on))
        return !given;
    ask->think_is_a_hint = true;
    ask->think           = on ? DSVK_THINK_ON : DSVK_THINK_OFF;
    return true;
}

/* "json", or a schema. */
static bool format(struct ask *ask, struct refusal *why)
{
    json_t *given = (json_t *)field(ask->body, "format"), *asked = NULL;
    bool    json = json_is_string(given) && strcmp(json_string_value(given), "json") == 0;
    if (!given || (json_is_string(given) && json_string_length(given) == 0))
        return true;
    if (json)
        asked = json_pack("{s:s}", "type", "json_object");
    else if (json_is_object(given))
        asked = json_pack("{s:s, s:O}", "type", "json_schema", "schema", given);
    else
        return refuse(why, 400, "format", "'format' takes \"json\" or a schema");
    bool good = ask_format(ask, "format", asked, why);
    json_decref(asked);
    return good;
}

/* Results name the function, and their place says which call they answer. */
static json_t *talk_of(const json_t *messages, struct refusal *why)
{
    json_t *list = json_deep_copy(messages);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *message = json_array_get(list, i), *thinking = json_object_get(message, "thinking");
        field_absent(why, message, "images");
        if (thinking && !json_object_get(message, "reasoning_content"))
            json_object_set(message, "reasoning_content", thinking);
    }
    return list;
}

static struct ask *read_ask(struct exchange *x, struct refusal *why)
{
    static const char *const absent[] = { "images", "suffix", "context" };
    struct ask              *ask      = ask_new(x, why);
    bool                     good     = ask != NULL;
    if (good && json_is_object(field(ask->body, "options")))
        json_object_update_missing(ask->body, (json_t *)field(ask->body, "options"));
    if (good)
        ask->stream = true;
    for (size_t i = 0; good && i < sizeof absent / sizeof *absent; i++)
        good = field_absent(why, ask->body, absent[i]);
    if (good && ask_common(ask, why) && ask_stops(ask, "stop", why) && limit(ask, why) &&
        think(ask, why) && format(ask, why) && ask_tools(ask, TOOLS_CHAT, why))
        return ask;
    ask_free(ask);
    return NULL;
}

enum MHD_Result serve_ollama_chat(struct exchange *x)
{
    struct refusal why  = { 0 };
    struct ask    *ask  = read_ask(x, &why);
    json_t        *list = ask ? talk_of(field(ask->body, "messages"), &why) : NULL;
    bool           good = ask && !why.status && ask_messages(ask, x->server, list, &why);
    json_decref(list);
    if (good)
        return answer_serve(x, ask, &dialect);
    ask_free(ask);
    return http_refuse(x, &why);
}

/* `prompt` is a question, unless `raw`. */
static bool generate(struct ask *ask, struct server *server, struct refusal *why)
{
    const char *prompt = NULL, *system = NULL;
    bool        raw = false;
    if (!field_text(why, ask->body, "prompt", &prompt) ||
        !field_text(why, ask->body, "system", &system) ||
        !field_flag(why, ask->body, "raw", &raw) || !field_absent(why, ask->body, "messages"))
        return false;
    if (!prompt || !prompt[0])
        return refuse(why, 400, "prompt", "'prompt' takes a text, not empty");
    if (raw)
        return ask_text(ask, server, prompt, why);
    json_t *list = json_array();
    if (system && system[0])
        json_array_append_new(list, json_pack("{s:s, s:s}", "role", "system", "content", system));
    json_array_append_new(list, json_pack("{s:s, s:s}", "role", "user", "content", prompt));
    bool good = ask_messages(ask, server, list, why);
    json_decref(list);
    return good;
}

enum MHD_Result serve_ollama_generate(struct exchange *x)
{
    struct refusal why = { 0 };
    struct ask    *ask = read_ask(x, &why);
    if (ask && generate(ask, x->server, &why))
        return answer_serve(x, ask, &dialect);
    ask_free(ask);
    return http_refuse(x, &why);
}

/* ---- what there is ---- */

static json_t *details(const dsvk_model_info *info)
{
    return json_pack("{s:s, s:s, s:[s], s:s, s:s}", "format", "safetensors", "family",
                     info->architecture, "families", info->architecture, "parameter_size", "",
                     "quantization_level", info->number_formats);
}

enum MHD_Result serve_ollama_tags(struct exchange *x)
{
    struct refusal why = { 0 };
    char           when[32];
    struct models *all = &x->server->models;
    if (!ask_ready(x->server, &why))
        return http_refuse(x, &why);
    json_t *list = json_array();
    for (size_t i = 0; i < all->n; i++) {
        const dsvk_model_info *info = models_info(&all->list[i]);
        const char            *name = all->list[i].name;
        if (info)
            json_array_append_new(
                list, json_pack("{s:s, s:s, s:s, s:I, s:s, s:o}", "name", name, "model", name,
                                "modified_at", date(when, x->server->started_at), "size",
                                (json_int_t)info->bytes, "digest", "", "details", details(info)));
    }
    return http_json(x, 200, json_pack("{s:o}", "models", list));
}

static json_t *show(struct served *served)
{
    char                   key[96];
    const dsvk_model_info *info = models_info(served);
    snprintf(key, sizeof key, "%.64s.context_length", info->architecture);
    return json_pack("{s:s, s:s, s:o, s:{s:s, s:I, s:I}, s:[s]}", "license", "", "template", "",
                     "details", details(info), "model_info", "general.architecture",
                     info->architecture, "general.parameter_count", (json_int_t)info->parameters,
                     key, (json_int_t)models_context(served), "capabilities", "completion");
}

enum MHD_Result serve_ollama_show(struct exchange *x)
{
    struct refusal why    = { 0 };
    struct server *server = x->server;
    const char    *name   = NULL;
    json_t        *body = NULL, *document = NULL;
    if (!ask_ready(server, &why))
        return http_refuse(x, &why);
    if (!server->models.many)
        return http_json(x, 200, show(&server->models.list[0]));
    body = fields_read(&why, x->body.data, x->body.n);
    if (body && ask_described(server, body, &why) && ask_model(server, body, &name, &why))
        document = show(models_find(server, name, &why));
    json_decref(body);
    return document ? http_json(x, 200, document) : http_refuse(x, &why);
}

enum MHD_Result serve_ollama_version(struct exchange *x)
{
    return http_json(x, 200, json_pack("{s:s}", "version", dsvk_version()));
}
