/* SPDX-License-Identifier: MIT */
/* Decoding with passes queued ahead: a pass of one token leaves in the step block what the
 * pass of the token that it found needs, so that the same commands may be submitted several times
 * before the first has ended. The host reads the tokens as passes end, and drops what ran too far.
 * Nothing is queued when a function here returns. */
#include <string.h>

#include "os/os.h"
#include "engine/session.h"
#include "engine/step.h"

/* Passes queued behind the one that is waited for. They hide what lies between two passes on the
 * device and the host's own work, some 10 to 100 microseconds; when the text ends they were for
 * nothing. So there are as many as fit in this time, and none where a pass takes longer. */
#define AHEAD_NS 10000000u
#define MOST_AHEAD 7u
_Static_assert(MOST_AHEAD + 1 < DV_STEP_RING, "a token would be overwritten before it is read");

struct run {
    struct dv_session *session;
    struct dv_program *program;
    uint32_t           first;     /* position of the first pass */
    uint32_t           limit;     /* passes that there is room for */
    uint32_t           submitted; /* passes */
    uint32_t           taken;     /* tokens, each with a pass that has ended */
    uint64_t           values[MOST_AHEAD + 1];
    uint64_t           since, least; /* when the last pass ended; the shortest pass */
};

/* Who is offered tokens, and whether he said that it is enough. */
struct taker {
    const struct dv_offer *offer;
    bool                   stopped;
};

static uint32_t ahead(const struct run *r)
{
    if (r->program->profile)
        return 0; /* its times would be overwritten */
    if (r->session->params.ahead)
        return r->session->params.ahead < MOST_AHEAD ? r->session->params.ahead : MOST_AHEAD;
    uint64_t passes = r->taken ? AHEAD_NS / (r->least + 1) : 0;
    return passes < MOST_AHEAD ? (uint32_t)passes : MOST_AHEAD;
}

/* The next token is not offered once the call is to end. */
static bool is_taken(struct dv_session *s, struct taker *taker)
{
    const struct dv_offer *offer = taker->offer;
    taker->stopped               = dsvk_stop_is_set(offer->stop);
    return !taker->stopped && offer->take(offer->user, s->next);
}

/* Until `n` passes were submitted; the first finds its token in the step block. */
static dsvk_status submit_to(struct run *r, uint32_t n)
{
    dsvk_status        status;
    struct dv_session *s = r->session;
    for (; r->submitted < n && r->submitted < r->limit; r->submitted++) {
        if (r->submitted == 0)
            dv_session_write_step(s, r->program, &s->next, 1, r->first);
        TRY(dv_stream_submit(s->engine.stream, r->program->commands,
                             &r->values[r->submitted % (MOST_AHEAD + 1)]));
    }
    return DSVK_OK;
}

/* Takes s->next into the timeline and waits for its pass, which makes the next one. */
static dsvk_status take_token(struct run *r)
{
    dsvk_status        status;
    struct dv_session *s = r->session;
    TRY(submit_to(r, r->taken + 1));
    TRY(dv_stream_wait(s->engine.stream, r->values[r->taken % (MOST_AHEAD + 1)], 0));
    uint64_t now = dv_time_ns(), ns = now - r->since;
    r->since                 = now;
    r->least                 = r->taken == 0 || ns < r->least ? ns : r->least;
    s->tokens[s->n_tokens++] = s->next;
    s->next                  = dv_step_chosen(s->runner->step->mapped, 0, r->first + r->taken);
    r->taken++;
    dv_session_add_stats(s, r->program, 1, ns);
    if (!r->program->profile)
        return DSVK_OK;
    return dv_profile_add(&s->profile, r->program, s->n_tokens - 1, s->cache->states);
}

static dsvk_status run(struct run *r, struct taker *taker)
{
    dsvk_status        status;
    struct dv_session *s = r->session;
    r->since             = dv_time_ns();
    do {
        TRY(take_token(r));
        TRY(submit_to(r, r->taken + ahead(r)));
    } while (r->taken < r->limit && s->next != DV_NOT_FINITE && is_taken(s, taker));
    return dv_stream_wait(s->engine.stream, r->values[(r->submitted - 1) % (MOST_AHEAD + 1)], 0);
}

/* Behind the timeline as it is. */
static dsvk_status choose_next(struct dv_session *s, const struct taker *taker)
{
    return dv_session_sample(s, &taker->offer->sampling, &s->next);
}

/* With experts in tiers nothing can be queued ahead, nor where the host draws: pass by pass. */
static dsvk_status generate_by_pass(struct dv_session *s, uint32_t limit, struct taker *taker)
{
    dsvk_status status;
    for (; limit > 0 && is_taken(s, taker); limit--) {
        status = dv_session_pass(s, &s->next, 1, s->n_tokens, false);
        if (status != DSVK_OK) {
            if (status != DSVK_CANCELLED)
                s->n_tokens = 0; /* the cache may hold half a pass */
            return status;
        }
        s->tokens[s->n_tokens++] = s->next;
        TRY(choose_next(s, taker));
    }
    return DSVK_OK;
}

/* Until there is room for no more, a token is refused, or the next one is no finite result. */
static dsvk_status run_ahead(struct run *r, struct taker *taker)
{
    struct dv_session *s    = r->session;
    struct dv_pass     pass = { .tokens = 1, .f32 = *s->engine.left_f16 };
    /* Before a token is handed out: what is compiled now would hold up a text that has begun. */
    dsvk_status status = dv_session_program(&r->program, s, &pass);
    if (status == DSVK_CANCELLED)
        return status; /* nothing ran */
    if (status == DSVK_OK && !is_taken(s, taker))
        return DSVK_OK;
    s->answered       = false;
    s->knows          = false;
    s->runner->last   = NULL;
    s->runner->holder = NULL;
    if (status == DSVK_OK)
        status = run(r, taker);
    s->stats.submissions += r->submitted - r->taken;
    if (status != DSVK_OK) {
        dv_stream_settle(s->engine.stream);
        s->n_tokens = 0; /* the cache may hold half a pass */
        return status;
    }
    dv_session_holds(s, r->program);
    s->greatest = s->next;
    s->knows    = s->choice.factor == 0; /* else it was drawn */
    if (r->submitted > r->taken)
        s->runner->holder = NULL; /* another token's results are there */
    return DSVK_OK;
}

/* The last token once more, which turns to f32 if that helps; what ran ahead of it is overwritten
 * in time. */
static dsvk_status repeat_last(struct dv_session *s)
{
    uint32_t    last   = s->n_tokens - 1;
    dsvk_status status = dv_session_pass(s, &s->tokens[last], 1, last, false);
    if (status != DSVK_OK)
        s->n_tokens = status == DSVK_CANCELLED ? last : 0; /* the cache may hold half a pass */
    return status;
}

static dsvk_status generate_ahead(struct dv_session *s, uint32_t limit, struct taker *taker)
{
    dsvk_status status;
    while (limit > 0) {
        struct run r = { .session = s, .first = s->n_tokens, .limit = limit };
        TRY(run_ahead(&r, taker));
        if (s->next != DV_NOT_FINITE)
            break;
        if (dv_session_in_f16(s))
            TRY(repeat_last(s));
        TRY(choose_next(s, taker));
        limit -= r.taken;
    }
    return DSVK_OK;
}

/* A processor that is the device draws no faster as one; a GPU does it without waiting for a copy
 * of the logits. */
static bool device_draws(const struct dv_session *s)
{
    return !s->engine.dev->caps.is_software || s->params.draw;
}

static dv_choice choice_of(const dsvk_sampling *sampling)
{
    struct dv_choose_rule rule;
    dv_session_rule(&rule, sampling);
    return (dv_choice){ rule.factor,         rule.exponent,
                        rule.reach,          rule.top_k,
                        rule.top_p,          rule.min_weight,
                        (uint32_t)rule.seed, (uint32_t)(rule.seed >> 32) };
}

static dsvk_status generate(struct dv_session *s, uint32_t limit, struct taker *taker)
{
    dsvk_status          status;
    const dsvk_sampling *sampling = &taker->offer->sampling;
    bool                 drawn    = dv_session_draws(sampling);
    if (dv_weights_experts(s->engine.weights) || (drawn && !device_draws(s)))
        return generate_by_pass(s, limit, taker);
    if (drawn)
        s->choice = choice_of(sampling);
    status    = generate_ahead(s, limit, taker);
    s->choice = (dv_choice){ 0 };
    return status;
}

dsvk_status dv_session_generate(struct dv_session *s, uint32_t n, const struct dv_offer *offer)
{
    dsvk_status   status;
    struct taker  taker    = { .offer = offer };
    dsvk_progress progress = { .stop = offer->stop };
    TRY(choose_next(s, &taker));
    uint32_t limit = s->setup.context - s->n_tokens, before = s->n_tokens;
    s->watch = (struct dv_watch){ .progress = &progress }; /* while it compiles */
    status   = generate(s, n < limit ? n : limit, &taker);
    s->watch = (struct dv_watch){ 0 };
    if (status == DSVK_OK && taker.stopped)
        return dv_fail(s->setup.ctx, DSVK_CANCELLED, "cancelled after %u tokens",
                       s->n_tokens - before);
    return status;
}
