/* SPDX-License-Identifier: MIT */
/* Decoding: tokens are offered as they come, and those that are taken join the timeline. What
 * computes them, for this session and others, is the runner's flight (engine/flight.h). */
#include "engine/flight.h"
#include "engine/session.h"
#include "engine/turn.h"

/* Who is offered tokens, and whether he said that it is enough. */
struct taker {
    const struct dv_offer *offer;
    uint32_t               taken;
    bool                   stopped;
};

/* The next token is not offered once the call is to end. */
static bool is_taken(struct dv_session *s, struct taker *taker)
{
    const struct dv_offer *offer = taker->offer;
    taker->stopped               = dsvk_stop_is_set(offer->stop);
    return !taker->stopped && offer->take(offer->user, s->next);
}

/* Behind the timeline as it is. */
static dsvk_status choose_next(struct dv_session *s, const struct taker *taker)
{
    return dv_session_sample(s, &taker->offer->sampling, &s->next);
}

/* The last token once more, which turns to f32 if that helps. */
static dsvk_status repeat_last(struct dv_session *s)
{
    uint32_t    last   = s->n_tokens - 1;
    dsvk_status status = dv_session_pass(s, &s->tokens[last], 1, last, false);
    dv_session_pass_failed(s, status);
    if (status == DSVK_CANCELLED)
        s->n_cached = last; /* the token was taken and stays */
    return status;
}

/* The next token was taken and is not to be offered again; it is computed when that is wanted. */
static void keep_taken(struct dv_session *s)
{
    s->tokens[s->n_tokens++] = s->next;
    s->answered              = false;
    s->knows                 = false;
}

/* Once for each token, behind the one that was taken. Who is asked may take his time: others have
 * the turn meanwhile. */
static void ask_mask(struct dv_session *s)
{
    struct dv_decoding  *d        = &s->decoding;
    const dsvk_sampling *sampling = d->sampling;
    uint32_t             position = s->n_tokens + 1;
    if (!sampling->mask || d->mask_for == position)
        return;
    const uint32_t *mask = sampling->mask(sampling->mask_user, position);
    if (!d->host_chooses)
        dv_session_load_mask(s, mask);
    dv_monitor_enter(s->runner->lock);
    d->mask     = mask;
    d->mask_for = position;
    dv_monitor_leave(s->runner->lock);
}

/* Tokens are offered without the turn. */
static dsvk_status offer_tokens(struct dv_session *s, uint32_t limit, struct taker *taker)
{
    struct dv_turn *turn     = s->engine.turn;
    dsvk_status     status   = DSVK_OK;
    bool            has_turn = true;
    while (status == DSVK_OK && taker->taken < limit && DV_IS_TOKEN(s->next)) {
        if (has_turn)
            dv_turn_give(turn);
        has_turn = false;
        if (!is_taken(s, taker))
            break;
        while (status == DSVK_OK && !dv_flight_take(s)) {
            if (!has_turn)
                (void)dv_turn_take(turn);
            has_turn = true;
            ask_mask(s);
            status = dv_flight_advance(s);
        }
        if (status == DSVK_DEVICE_LOST || status == DSVK_CANCELLED)
            keep_taken(s);
        taker->taken += status == DSVK_OK;
    }
    if (!has_turn)
        (void)dv_turn_take(turn);
    return status;
}

/* A processor that is the device chooses no faster as one; a GPU does it without waiting for a copy
 * of the logits. With experts in tiers the host waits for each pass anyway. */
static bool device_chooses(const struct dv_session *s)
{
    return (!s->engine.dev->caps.is_software || s->params.draw) &&
           !dv_weights_experts(s->engine.weights);
}

static void set_rule(struct dv_session *s, const dsvk_sampling *sampling)
{
    struct dv_decoding    *d    = &s->decoding;
    struct dv_choose_rule *rule = &d->rule;
    dv_session_rule(rule, sampling);
    d->sampling     = sampling;
    d->mask_for     = 0;
    d->extras       = 0;
    d->choice       = (dv_choice){ 0 };
    d->host_chooses = !dv_session_is_plain(sampling) && !device_chooses(s);
    if (!d->host_chooses)
        d->choice = (dv_choice){ rule->factor,         rule->exponent,
                                 rule->reach,          rule->top_k,
                                 rule->top_p,          rule->min_weight,
                                 (uint32_t)rule->seed, (uint32_t)(rule->seed >> 32) };
}

/* For the token behind the next one, which is the first that passes choose. */
static dsvk_status load_extras(struct dv_session *s)
{
    dsvk_status         status;
    struct dv_decoding *d    = &s->decoding;
    struct dv_wish      wish = { d->sampling, &d->rule, NULL, s->n_tokens + 1 };
    if (d->host_chooses || (!dv_session_changes(d->sampling) && !d->sampling->logprobs))
        return DSVK_OK;
    s->tokens[s->n_tokens] = s->next;
    TRY(dv_session_load_extras(s, &wish));
    d->extras   = s->on_device.block->address;
    d->mask_for = 0;
    return DSVK_OK;
}

/* Before a token is handed out: what is compiled now would hold up a text that has begun. */
static dsvk_status prepare(struct dv_session *s)
{
    struct dv_program *program;
    struct dv_pass     pass = { .tokens = 1, .f32 = *s->engine.left_f16 };
    dv_flight_land(s->runner);
    return dv_session_program(&program, s, &pass);
}

/* Until there is room for no more, a token is refused, or the next one is none. */
static dsvk_status generate(struct dv_session *s, uint32_t limit, struct taker *taker)
{
    dsvk_status status;
    set_rule(s, &taker->offer->sampling);
    while (taker->taken < limit) {
        uint32_t span = limit - taker->taken;
        TRY(prepare(s));
        TRY(dv_cache_reach_some(s->cache, s->n_tokens, &span, dv_session_in_f16(s)));
        TRY(load_extras(s));
        span += taker->taken;
        dv_flight_join(s, span - taker->taken);
        status           = offer_tokens(s, span, taker);
        dsvk_status left = dv_flight_leave(s);
        status           = status == DSVK_OK ? left : status;
        if (status != DSVK_OK || (DV_IS_TOKEN(s->next) && taker->taken < span))
            return status;
        if (DV_IS_TOKEN(s->next))
            continue;
        if (s->next == DV_NONE_LEFT)
            return dv_session_none_to_choose(s);
        if (dv_session_in_f16(s))
            TRY(repeat_last(s));
        TRY(choose_next(s, taker));
    }
    return DSVK_OK;
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
    dv_session_settle(s);
    if (status == DSVK_OK && taker.stopped)
        return dv_fail(s->setup.ctx, DSVK_CANCELLED, "cancelled after %u tokens",
                       s->n_tokens - before);
    return status;
}
