/* SPDX-License-Identifier: MIT */
/* An answer: the engine offers tokens; here they become text, are handed to the caller, and one of
 * several reasons ends it. */
#include "api/handles.h"
#include "base/stop.h"
#include "text/stops.h"
#include "text/utf8.h"

struct generation {
    dsvk_session               *session;
    const dsvk_generate_params *asked;
    struct dv_call_mask         mask; /* and the rest of how tokens are chosen */
    struct dv_utf8              signs;
    struct dv_stops             stops;
    char                       *text; /* two halves: whole signs, and what passed the stops */
    size_t                      half;
    size_t                      taken;
    dsvk_end                    end;
};

/* ---- text ---- */

/* For any token, so that nothing can fail once tokens are handed out. */
static dsvk_status make_room(struct generation *g)
{
    const dsvk_model *model = g->session->model;
    size_t            bytes = model->tokenizer ? dv_tokenizer_longest(model->tokenizer) : 0;
    g->half                 = DV_UTF8_ROOM(bytes) + g->stops.longest;
    g->text                 = dv_alloc(&g->session->ctx, 2 * g->half);
    if (!g->text)
        return dv_fail(&g->session->ctx, DSVK_NO_MEMORY,
                       "generate: no memory for %zu bytes of text", 2 * g->half);
    return DSVK_OK;
}

/* How many bytes become certain by a token; in the second half of g->text. */
static size_t make_text(struct generation *g, uint32_t token)
{
    const dsvk_model *model = g->session->model;
    const char       *piece = NULL;
    size_t            n     = 0;
    if (!dsvk_model_token_is_special(model, token))
        piece = dsvk_model_token(model, token, &n);
    n = dv_utf8_put(&g->signs, g->text, piece, n);
    return dv_stops_put(&g->stops, g->text + g->half, g->text, n);
}

/* What is held back. */
static size_t make_last_text(struct generation *g)
{
    char  *out = g->text + g->half;
    size_t n   = dv_utf8_end(&g->signs, g->text);
    n          = dv_stops_put(&g->stops, out, g->text, n);
    return n + dv_stops_end(&g->stops, out + n);
}

/* ---- the taker ---- */

static bool tell(const struct generation *g, uint32_t token, size_t bytes)
{
    const dsvk_generate_params *p = g->asked;
    return !p->take || p->take(p->user, token, bytes ? g->text + g->half : "", bytes);
}

/* Tokens are offered without the turn: who takes them may take his time. */
static bool offer_one(void *user, uint32_t token)
{
    struct generation *g     = user;
    const dsvk_model  *model = g->session->model;
    bool               ends  = !g->asked->past_end && dsvk_model_token_is_end(model, token);
    size_t             bytes = make_text(g, token);
    atomic_store(&g->session->tokens, g->session->session->n_tokens);
    dv_tell_logprobs(g->session, &g->asked->sampling);
    bool go_on = tell(g, token, bytes);
    g->end     = ends           ? DSVK_END_TOKEN
                 : g->stops.met ? DSVK_END_STOP_TEXT
                 : go_on        ? DSVK_END_NONE
                                : DSVK_END_TAKER;
    g->taken += g->end == DSVK_END_NONE;
    return g->end == DSVK_END_NONE;
}

/* Text that is held back when it ends; whatever the taker says to it, it was the last. */
static void hand_out_rest(struct generation *g)
{
    size_t bytes = g->text && !g->stops.met ? make_last_text(g) : 0;
    if (bytes > 0)
        (void)tell(g, DSVK_TEXT_END, bytes);
}

/* ---- the call ---- */

/* The token for which the context has no room. */
static dsvk_status offer_last(struct generation *g)
{
    dsvk_status        status;
    uint32_t           token;
    struct dv_session *s = g->session->session;
    if (dsvk_stop_is_set(g->asked->stop))
        return dv_fail(s->setup.ctx, DSVK_CANCELLED, "cancelled after %zu tokens", g->taken);
    TRY(dv_session_sample(s, &g->mask.given, &token));
    dv_call_pause(g->session);
    (void)offer_one(g, token);
    (void)dv_turn_take(g->session->model->device->turn);
    if (g->end == DSVK_END_NONE || g->end == DSVK_END_TAKER)
        g->end = DSVK_END_CONTEXT;
    return DSVK_OK;
}

static dsvk_status decode(struct generation *g)
{
    dsvk_status                 status;
    const dsvk_generate_params *p     = g->asked;
    struct dv_session          *s     = g->session->session;
    struct dv_offer             offer = { offer_one, g, p->stop, g->mask.given };
    uint32_t limit = p->limit && p->limit < UINT32_MAX ? (uint32_t)p->limit : UINT32_MAX;
    TRY(dv_session_generate(s, limit, &offer));
    if (g->end != DSVK_END_NONE)
        return DSVK_OK;
    if (g->taken < limit)
        return offer_last(g);
    g->end = DSVK_END_LIMIT;
    return DSVK_OK;
}

static dsvk_status prepare(struct generation *g)
{
    dsvk_status                 status;
    const dsvk_generate_params *p     = g->asked;
    const dsvk_model           *model = g->session->model;
    TRY(dv_check_sampling(g->session, &p->sampling));
    dv_call_mask_init(&g->mask, g->session, &p->sampling);
    if (p->n_stop_texts > 0)
        TRY(dv_need_tokenizer(model));
    TRY(dv_stops_init(&g->stops, &g->session->ctx, p->stop_texts, p->n_stop_texts));
    return make_room(g);
}

/* Once the call has begun. */
static dsvk_status answer(struct generation *g)
{
    dsvk_session *session = g->session;
    dsvk_status   status  = prepare(g);
    if (status == DSVK_OK)
        status = decode(g);
    if (status != DSVK_OK)
        dv_why_end(&session->call, dsvk_status_text(status));
    dv_call_leave(session);
    hand_out_rest(g);
    dv_stops_done(&g->stops);
    dv_free(&session->ctx, g->text);
    atomic_store(&session->busy, false);
    return status;
}

dsvk_status dsvk_session_generate(dsvk_session *session, const dsvk_generate_params *params,
                                  dsvk_end *end)
{
    static const dsvk_generate_params usual = { .limit = 0 };
    dsvk_status                       status;
    struct generation                 g = { .session = session, .asked = params ? params : &usual };
    if (end)
        *end = DSVK_END_NONE;
    status = dv_call_begin_behind(session, g.asked->stop);
    if (status == DSVK_OK)
        status = answer(&g);
    if (end && status == DSVK_OK)
        *end = g.end;
    if (end && status == DSVK_CANCELLED && dsvk_stop_is_set(g.asked->stop))
        *end = DSVK_END_STOP;
    return status;
}
