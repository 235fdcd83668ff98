/* SPDX-License-Identifier: MIT */
/* What comes of tokens: kept, told, stopped at, and masked. */
#define _POSIX_C_SOURCE 200809L
#include "pieces.h"

#include "../stops.h"

#include "logprobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is told ---- */

static void keep_call(struct choice *c, const dsvk_piece *piece)
{
    char id[40];
    snprintf(id, sizeof id, "call_%016llx", (unsigned long long)host_random());
    json_array_append_new(c->calls, json_pack("{s:s, s:s, s:s}", "id", piece->id ? piece->id : id,
                                              "name", piece->name, "arguments", ""));
    c->arguments.n = 0;
}

static void keep_arguments(struct choice *c)
{
    json_t *call = json_array_get(c->calls, json_array_size(c->calls) - 1);
    json_object_set_new(call, "arguments",
                        json_stringn(c->arguments.n ? c->arguments.data : "", c->arguments.n));
}

/* Keeps it, and tells it where the answer is a stream. */
static void tell(struct choice *c, const dsvk_piece *piece)
{
    struct answer *a = c->answer;
    if (piece->kind == DSVK_PIECE_TEXT) {
        logprobs_tell(c);
        buffer_add(&c->text, piece->text, piece->bytes);
    } else if (piece->kind == DSVK_PIECE_REASONING) {
        buffer_add(&c->reasoning, piece->text, piece->bytes);
    } else if (piece->kind == DSVK_PIECE_CALL) {
        keep_call(c, piece);
    } else if (piece->kind == DSVK_PIECE_ARGUMENTS) {
        buffer_add(&c->arguments, piece->text, piece->bytes);
    } else {
        keep_arguments(c);
    }
    if (a->ask->stream)
        a->dialect->piece(c, piece);
    if (piece->kind == DSVK_PIECE_CALL_END && a->ask->one_call)
        c->stopped = true;
}

/* ---- stop texts ---- */

static void tell_pending(struct choice *c, size_t n)
{
    if (n > 0)
        tell(c, &(dsvk_piece){ .kind = DSVK_PIECE_TEXT, .text = c->pending.data, .bytes = n });
    c->pending.n -= n;
    memmove(c->pending.data, c->pending.data + n, c->pending.n);
}

static void take_text(struct choice *c, const dsvk_piece *piece)
{
    /* Texts to stop at are C strings: a zero byte is none of theirs. */
    for (size_t i = 0; i < piece->bytes; i++)
        buffer_add(&c->pending, piece->text[i] ? piece->text + i : "\xef\xbf\xbd",
                   piece->text[i] ? 1 : 3);
    if (c->pending.failed || c->pending.n == 0)
        return;
    const struct ask *ask  = c->answer->ask;
    size_t            stop = stop_find(c->pending.data, ask->stops, ask->n_stops);
    if (stop != SIZE_MAX) {
        tell_pending(c, stop);
        c->stopped   = true;
        c->stop_text = true;
        return;
    }
    size_t keep = stop_may_begin(c->pending.data, c->pending.n, ask->stops, ask->n_stops);
    if (c->pending.n > keep)
        tell_pending(c, c->pending.n - keep);
}

static void take_piece(void *user, const dsvk_piece *piece)
{
    struct choice *c = user;
    if (piece->kind == DSVK_PIECE_NOTE || c->stopped)
        return;
    c->last = piece->kind;
    if (piece->kind != DSVK_PIECE_TEXT)
        logprobs_drop(c);
    if (piece->kind == DSVK_PIECE_TEXT && c->answer->ask->n_stops) {
        take_text(c, piece);
        return;
    }
    if (c->pending.n)
        tell_pending(c, c->pending.n);
    tell(c, piece);
}

/* ---- a format ---- */

static const uint32_t *mask(void *user, size_t position)
{
    struct choice *c = user;
    return c->masks ? dsvk_grammar_mask(c->grammar, position) : NULL;
}

static int64_t mark(const dsvk_model *model, const char *text)
{
    uint32_t *ids;
    size_t    n;
    if (dsvk_model_tokenize(model, text, strlen(text), true, false, &ids, &n))
        return -1;
    int64_t id = n == 1 ? (int64_t)ids[0] : -1;
    dsvk_model_free_memory(model, ids);
    return id;
}

/* Reasoning is free where the prompt has opened it. */
static void find_reasoning(struct choice *c)
{
    const struct ask *ask   = c->answer->ask;
    int64_t           think = mark(ask->served->model, "<think>");
    c->think_end            = mark(ask->served->model, "</think>");
    c->masks                = true;
    for (size_t i = ask->n_ids; i > 0 && i + 2 > ask->n_ids; i--)
        c->masks = c->masks && ask->ids[i - 1] != think;
}

/* The schema of the arguments where the answer is opened with a call whose arguments are JSON; it
 * is owned by the caller. */
static char *forced_schema(const struct choice *c)
{
    static const char *const json[] = { "v3", "r1", "v31", "kimi", "kimi-think", "kimi-k25" };
    const dsvk_model        *model  = c->answer->ask->served->model;
    const struct ask        *ask    = c->answer->ask;
    const char              *format = ask->chat.format;
    size_t                   i      = 0;
    format                          = format ? format : dsvk_model_describe(model)->chat_format;
    while (i < sizeof json / sizeof *json && strcmp(json[i], format) != 0)
        i++;
    if (!ask->must_call || !ask->call[0] || i == sizeof json / sizeof *json)
        return NULL;
    return strdup(ask->parameters ? ask->parameters : "{\"type\":\"object\"}");
}

/* Arguments that are any object where their schema asks for what no grammar has. */
static bool force_arguments(struct choice *c, struct refusal *why)
{
    char       *schema = forced_schema(c);
    dsvk_model *model  = c->answer->ask->served->model;
    if (!schema)
        return true;
    dsvk_status status = dsvk_grammar_new(&c->grammar, model, schema, strlen(schema));
    if (status == DSVK_UNSUPPORTED || status == DSVK_BAD_ARGUMENT)
        status = dsvk_grammar_new(&c->grammar, model, NULL, 0);
    free(schema);
    c->masks                         = true;
    c->job.params.sampling.mask      = mask;
    c->job.params.sampling.mask_user = c;
    return status == DSVK_OK || refuse(why, 503, NULL, "no memory for the answer");
}

static bool init_grammar(struct choice *c, struct refusal *why)
{
    const struct ask *ask   = c->answer->ask;
    dsvk_model       *model = c->answer->ask->served->model;
    char              reason[512];
    if (!ask->json)
        return force_arguments(c, why);
    if (dsvk_grammar_new(&c->grammar, model, ask->schema, ask->schema ? strlen(ask->schema) : 0)) {
        dsvk_model_why(model, reason, sizeof reason);
        return refuse(why, 400, "response_format", "%s", reason);
    }
    find_reasoning(c);
    c->job.params.sampling.mask      = mask;
    c->job.params.sampling.mask_user = c;
    return true;
}

static bool take_masked(struct choice *c, uint32_t token)
{
    if (c->masks && token != DSVK_TEXT_END)
        return dsvk_grammar_take(c->grammar, token) == DSVK_OK;
    c->masks = c->masks || (int64_t)token == c->think_end;
    return true;
}

/* ---- outside ---- */

bool pieces_init(struct choice *c, struct refusal *why)
{
    const struct ask  *ask    = c->answer->ask;
    dsvk_model        *model  = c->answer->ask->served->model;
    dsvk_answer_params params = { .chat     = &ask->chat,
                                  .prompt   = ask->ids,
                                  .n_prompt = ask->n_ids,
                                  .no_calls = !ask->chat.tools,
                                  .take     = take_piece,
                                  .user     = c };
    c->open                   = -1;
    c->calls                  = json_array();
    c->items                  = json_array();
    if (!c->calls || !c->items)
        return refuse(why, 503, NULL, "no memory for the answer");
    if (ask->is_talk && dsvk_answer_new(&c->parser, model, &params))
        return refuse(why, 503, NULL, "no memory for the answer");
    return init_grammar(c, why) && logprobs_init(c, why);
}

void pieces_done(struct choice *c)
{
    dsvk_answer_free(c->parser);
    dsvk_grammar_free(c->grammar);
    logprobs_done(c);
    json_decref(c->calls);
    json_decref(c->items);
    buffer_done(&c->text);
    buffer_done(&c->reasoning);
    buffer_done(&c->arguments);
    buffer_done(&c->pending);
    buffer_done(&c->part);
}

bool pieces_take(struct choice *c, uint32_t token, const char *text, size_t bytes)
{
    bool good = true;
    logprobs_begin(c, token);
    if (c->parser)
        good = dsvk_answer_token(c->parser, token) == DSVK_OK;
    else if (bytes > 0)
        tell(c, &(dsvk_piece){ .kind = DSVK_PIECE_TEXT, .text = text, .bytes = bytes });
    bool thinks = c->parser && c->last == DSVK_PIECE_REASONING && c->reasoning.n > 0;
    c->thought += thinks;
    if (thinks)
        logprobs_drop(c);
    if (c->grammar)
        good = take_masked(c, token) && good;
    return good && !c->stopped && !c->text.failed && !c->pending.failed && !c->arguments.failed;
}

void pieces_end(struct choice *c)
{
    if (c->parser && !c->stopped)
        dsvk_answer_end(c->parser);
    if (c->pending.n && !c->stopped)
        tell_pending(c, c->pending.n);
}
