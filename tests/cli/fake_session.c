/* SPDX-License-Identifier: MIT */
/* The pretended sessions: answers by the name of the model's folder, as fake_dsvk.c lists them. */
#define _POSIX_C_SOURCE 200809L
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text/stops.h"
#include "text/utf8.h"

dsvk_status dsvk_session_new(dsvk_session **out, dsvk_model *model,
                             const dsvk_session_params *params)
{
    *out = NULL;
    if (is(model, "two-sessions") && model->sessions == 2)
        return fail(&model->log, DSVK_NO_VRAM, "session: 9 bytes are needed, 8 are free");
    *out = calloc(1, sizeof **out);
    if (!*out)
        return DSVK_NO_MEMORY;
    model->sessions++;
    (*out)->model   = model;
    (*out)->context = params->context ? params->context : CONTEXT;
    (*out)->ids     = calloc((*out)->context + 1, sizeof *(*out)->ids);
    return (*out)->ids ? DSVK_OK : DSVK_NO_MEMORY;
}

void dsvk_session_free(dsvk_session *session)
{
    if (session) {
        session->model->sessions--;
        free(session->ids);
    }
    free(session);
}

uint32_t dsvk_session_context(const dsvk_session *session)
{
    return session->context;
}

uint32_t dsvk_session_chunk(const dsvk_session *session)
{
    (void)session;
    return 16;
}

dsvk_status dsvk_session_sync(dsvk_session *session, const uint32_t *tokens, size_t n,
                              const dsvk_progress *progress)
{
    size_t same = 0;
    if (is(session->model, "lost-once") && !session->model->was_lost) {
        session->model->was_lost     = true;
        session->model->device->lost = true;
        return fail(&session->model->log, DSVK_DEVICE_LOST, "device: lost at submission 4");
    }
    if (is(session->model, "drag-prompt") && !drag(progress))
        return DSVK_CANCELLED;
    if (is(session->model, "lost") && !is(session->model, "lost-once"))
        return fail(&session->model->log, DSVK_DEVICE_LOST, "device: lost at submission 3");
    if (is(session->model, "slow") && session->prompt)
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    if (!goes_on(progress, n, n))
        return DSVK_CANCELLED;
    while (same < n - 1 && same < session->n && session->ids[same] == tokens[same])
        same++;
    for (size_t i = 0; i < n && i <= session->context; i++)
        session->ids[i] = tokens[i];
    session->computed += n - same;
    session->prompt = n;
    session->n      = n;
    return DSVK_OK;
}

size_t dsvk_session_tokens(const dsvk_session *session)
{
    return session->n;
}

/* ---- files: ids as text ---- */

dsvk_status dsvk_session_save(dsvk_session *session, const char *path,
                              const dsvk_progress *progress)
{
    char temporary[4096];
    snprintf(temporary, sizeof temporary, "%s.abcdef", path);
    FILE *file = is(session->model, "full") ? NULL : fopen(temporary, "w");
    if (!file)
        return fail(&session->model->log, DSVK_BAD_FILE, "session file: no space left");
    for (size_t i = 0; i < session->n; i++)
        fprintf(file, "%u\n", session->ids[i]);
    fflush(file);
    if (is(session->model, "drag-save") && !drag(NULL))
        return DSVK_CANCELLED;
    fclose(file);
    rename(temporary, path);
    return goes_on(progress, 1, 1) ? DSVK_OK : DSVK_CANCELLED;
}

dsvk_status dsvk_session_load(dsvk_session *session, const char *path, const uint32_t *tokens,
                              size_t n, const dsvk_progress *progress)
{
    uint32_t id;
    size_t   same = 0;
    FILE    *file = fopen(path, "r");
    if (!file)
        return fail(&session->model->log, DSVK_BAD_FILE, "session file: it is not there");
    if (is(session->model, "drag-file") && !drag(progress))
        n = SIZE_MAX;
    while (n != SIZE_MAX && same < n && fscanf(file, "%u", &id) == 1 && id == tokens[same])
        same++;
    bool bad = n != SIZE_MAX && same < n && !feof(file) && getc(file) != '\n';
    fclose(file);
    if (bad)
        return fail(&session->model->log, DSVK_BAD_FILE, "session file: it is no session");
    for (size_t i = 0; i < same; i++)
        session->ids[i] = tokens[i];
    session->n = same;
    return n != SIZE_MAX && goes_on(progress, 1, 1) ? DSVK_OK : DSVK_CANCELLED;
}

static void next_token(const dsvk_session *session, uint32_t *token)
{
    static const char good[]   = "na\xc3\xafve \xf0\x9f\x98\x80!";
    static const char bad[]    = "a\xc3(\xe2\x82 \xed\xa0\x80\xff\xf0\x9f";
    static const char orders[] = "a\033[31mb\a\xc2\x9b"
                                 "c\td\r\n\xc3\xa9";
    static const char wide[]   = "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c e\xcc\x81"
                                 "\xf0\x9f\x98\x80 a\xef\xbd\x81 x";
    static const char words[]  = "One two-and-twenty three\n  four five, supercalifragilistic six\n"
                                 "```\nfor (;;) do_something_that_is_long();\n```\nend of it all";
    static const char muses[]  = "<think>\nhm\n\nhm</think>\n\nyes";
    const char       *answer   = is(session->model, "broken-text") ? bad
                                 : is(session->model, "muses")     ? muses
                                 : is(session->model, "orders")    ? orders
                                 : is(session->model, "wide")      ? wide
                                 : is(session->model, "words")     ? words
                                                                   : good;
    size_t            n = strlen(answer), at = session->n - session->prompt;
    if (is(session->model, "scripted-"))
        *token = script_token(session->ids, session->prompt, at);
    else if (is(session->model, "slow"))
        *token = 'x' + 3;
    else if (is(session->model, "echo")) /* behind BOS */
        *token = at + 1 < session->prompt ? session->ids[at + 1] : 1;
    else
        *token = at < n ? (unsigned char)answer[at] + 3u : 1;
}

dsvk_status dsvk_session_argmax(dsvk_session *session, uint32_t *token)
{
    next_token(session, token);
    return DSVK_OK;
}

dsvk_status dsvk_session_sample(dsvk_session *session, const dsvk_sampling *sampling,
                                uint32_t *token)
{
    (void)session;
    *token = sampling->seed % 26 + 'a' + 3;
    return DSVK_OK;
}

/* ---- answers, whose text is made by the library's own code ---- */

struct answer {
    dsvk_session               *session;
    const dsvk_generate_params *asked;
    struct dv_utf8              signs;
    struct dv_stops             stops;
};

static bool tell(struct answer *a, uint32_t token)
{
    char        whole[64], text[2048];
    size_t      n;
    bool        last  = token == DSVK_TEXT_END;
    const char *bytes = dsvk_model_token(a->session->model, token, &n);
    n                 = dsvk_model_token_is_special(a->session->model, token) ? 0 : n;
    n = last ? dv_utf8_end(&a->signs, whole) : dv_utf8_put(&a->signs, whole, bytes, n);
    n = dv_stops_put(&a->stops, text, whole, n);
    n += last ? dv_stops_end(&a->stops, text + n) : 0;
    return (last && n == 0) || a->asked->take(a->asked->user, token, text, n);
}

static dsvk_end offer(struct answer *a)
{
    uint32_t      token;
    dsvk_session *session = a->session;
    if (a->asked->sampling.temperature > 0)
        dsvk_session_sample(session, &a->asked->sampling, &token);
    else
        next_token(session, &token);
    const dsvk_sampling *s = &a->asked->sampling;
    dsvk_logprob         l = { token, -0.25f }, best[] = { l, { 7, -1.5f } };
    if (s->logprobs)
        s->logprobs(s->logprobs_user, session->n, &l, best, s->n_logprobs < 2 ? s->n_logprobs : 2);
    bool go_on = tell(a, token);
    if (!a->asked->past_end && dsvk_model_token_is_end(session->model, token))
        return DSVK_END_TOKEN;
    if (a->stops.met)
        return DSVK_END_STOP_TEXT;
    if (session->n == session->context)
        return DSVK_END_CONTEXT;
    return go_on ? DSVK_END_NONE : DSVK_END_TAKER;
}

/* Says how it would choose, as a failure. */
static dsvk_status say_penalties(const dsvk_session *session, const dsvk_sampling *s)
{
    char line[160];
    if (s->n_biases < 2 || s->prompt_tokens != session->n)
        return fail(&session->model->log, DSVK_BAD_ARGUMENT, "penalties do not arrive");
    snprintf(line, sizeof line, "penalties %g %g %g last %u, %zu biases, %u=%g %u=%g",
             (double)s->repetition_penalty, (double)s->presence_penalty,
             (double)s->frequency_penalty, s->penalty_last, s->n_biases, s->biases[0].token,
             (double)s->biases[0].bias, s->biases[1].token, (double)s->biases[1].bias);
    return fail(&session->model->log, DSVK_BAD_ARGUMENT, line);
}

/* When three sessions answer, and one has three tokens; then all others lose it, too. */
static dsvk_status lose_amid(const dsvk_session *session)
{
    dsvk_model  *model  = session->model;
    dsvk_device *device = model->device;
    if (session->n - session->prompt >= 3 && model->sessions == 3 && !model->was_lost) {
        model->was_lost = true;
        snprintf(device->heal, sizeof device->heal, "%s.heal", model->folder);
        device->lost = true;
    }
    return device->lost ? fail(&model->log, DSVK_DEVICE_LOST, "device: lost at submission 5")
                        : DSVK_OK;
}

dsvk_status dsvk_session_generate(dsvk_session *session, const dsvk_generate_params *params,
                                  dsvk_end *end)
{
    struct dv_context ctx;
    struct answer     a = { .session = session, .asked = params };
    dv_context_init(&ctx, NULL, NULL);
    dsvk_status status = dv_stops_init(&a.stops, &ctx, params->stop_texts, params->n_stop_texts);
    size_t      limit  = params->limit ? session->n + params->limit : SIZE_MAX;
    dsvk_end    ended  = DSVK_END_NONE;
    if (is(session->model, "penalties"))
        status = say_penalties(session, &params->sampling);
    const dsvk_stop *stop = params->stop;
    while (status == DSVK_OK && session->n < limit) {
        if (is(session->model, "dies-amid"))
            status = lose_amid(session);
        if (stop && dsvk_stop_is_set(stop))
            status = DSVK_CANCELLED;
        if (status || (ended = offer(&a)) != DSVK_END_NONE)
            break;
        if (is(session->model, "slow") && !is(session->model, "slow-not"))
            nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
        next_token(session, &session->ids[session->n]);
        session->n++;
    }
    if (end)
        *end = session->n == limit ? DSVK_END_LIMIT : ended;
    if (!a.stops.met)
        (void)tell(&a, DSVK_TEXT_END);
    dv_stops_done(&a.stops);
    return status;
}

dsvk_status dsvk_session_score(dsvk_session *session, const uint32_t *tokens, size_t n,
                               const dsvk_score_rows *rows, const dsvk_progress *progress)
{
    const uint32_t experts[]  = { 0, 3 };
    const float    weights[]  = { 0.25f, 0.75f };
    float          row[VOCAB] = { 0 };
    (void)tokens;
    if (is(session->model, "drag-score") && !drag(progress))
        return DSVK_CANCELLED;
    for (size_t i = 0; i < n; i++) {
        row[0] = is(session->model, "broken-text") ? (float)i / 0.f : 0;
        if (is(session->model, "ramp"))
            row[0] = (float)i;
        rows->logits(rows->user, i, row);
        if (rows->router)
            rows->router(rows->user, 1, i, experts, weights);
    }
    return progress->report(progress->user, n, n) ? DSVK_OK : DSVK_CANCELLED;
}

void dsvk_session_stats_get(const dsvk_session *session, dsvk_session_stats *stats)
{
    *stats = (dsvk_session_stats){ .device_bytes = 4096, .prefill_tokens = session->computed };
}

dsvk_status dsvk_session_profile(const dsvk_session *session, dsvk_profile_row **rows, uint32_t *n)
{
    *n    = 1;
    *rows = calloc(1, sizeof **rows);
    if (!*rows)
        return fail(&session->model->log, DSVK_NO_MEMORY, "profile: no memory");
    snprintf((*rows)[0].kernel, sizeof(*rows)[0].kernel, "matmul fp8");
    (*rows)[0].op         = "matmul";
    (*rows)[0].format     = "fp8";
    (*rows)[0].bytes      = 3000000;
    (*rows)[0].dispatches = 2;
    (*rows)[0].seconds    = 0.001;
    return DSVK_OK;
}

void dsvk_session_profile_reset(dsvk_session *session)
{
    (void)session;
}
