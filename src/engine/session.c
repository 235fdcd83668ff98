/* SPDX-License-Identifier: MIT */
/* A session's parts and its timeline, which is changed only after a pass has succeeded. */
#include "engine/finite.h"

#include <string.h>

#include "base/stop.h"

/* ---- making ---- */

dsvk_status dv_session_new(struct dv_session **out, const struct dv_engine *engine,
                           const struct dv_setup *setup, const struct dv_session_params *params)
{
    dsvk_status        status;
    struct dv_session *s = dv_zalloc(setup->ctx, sizeof *s);
    *out                 = NULL;
    if (!s)
        return dv_fail(setup->ctx, DSVK_NO_MEMORY, "session: no memory for it");
    if (params->profile && dv_weights_experts(engine->weights)) {
        dv_free(setup->ctx, s);
        return dv_fail(setup->ctx, DSVK_UNSUPPORTED,
                       "session: no profile with experts in tiers; give the device more memory");
    }
    s->setup       = *setup;
    s->params      = *params;
    s->profile.ctx = setup->ctx;
    TRY_OR(fail, dv_runner_borrow(&s->runner, engine, setup, params->profile));
    s->engine           = s->runner->engine;
    s->setup            = s->runner->setup;
    s->materialise_from = dv_size_materialise_from(&s->setup);
    s->setup.ctx        = setup->ctx;
    s->tokens           = dv_zalloc_array(setup->ctx, s->setup.context, sizeof *s->tokens);
    if (!s->tokens) {
        status = dv_fail(setup->ctx, DSVK_NO_MEMORY, "session: no memory for %u tokens",
                         s->setup.context);
        goto fail;
    }
    s->engine.stocks = engine->stocks ? engine->stocks : &s->stocks;
    TRY_OR(fail,
           dv_cache_new(&s->cache, s->engine.stocks, engine->stream, &s->setup, &s->params.cache));
    s->stats.weight_bytes = dv_weights_bytes(engine->weights);
    if (dv_weights_experts(engine->weights))
        s->experts_before = dv_weights_experts(engine->weights)->stats;
    *out = s;
    return DSVK_OK;
fail:
    dv_session_free(s);
    return status;
}

void dv_session_free(struct dv_session *session)
{
    if (!session)
        return;
    const struct dv_context *ctx = session->setup.ctx;
    if (session->runner)
        dv_runner_forget(session->runner, session);
    dv_runner_return(session->runner);
    dv_cache_free(session->cache);
    dv_free(ctx, session->tokens);
    dv_chooser_free(session->chooser);
    dv_session_drop_extras(session);
    dv_free(ctx, session->told);
    dv_free(ctx, session->biases);
    dv_free(ctx, session->counts);
    dv_profile_done(&session->profile);
    dv_free(ctx, session);
}

/* ---- the timeline ---- */

static dsvk_status check_tokens(const struct dv_session *s, const uint32_t *tokens, uint32_t n)
{
    const struct dv_context *ctx = s->setup.ctx;
    if (n == 0)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "session: no tokens");
    if (n > s->setup.context)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "session: %u tokens do not fit into a context of %u",
                       n, s->setup.context);
    for (uint32_t i = 0; i < n; i++)
        if (tokens[i] >= s->setup.config->vocab)
            return dv_fail(ctx, DSVK_BAD_ARGUMENT,
                           "session: token %u at position %u is outside the vocabulary of %u",
                           tokens[i], i, s->setup.config->vocab);
    return DSVK_OK;
}

/* Tells how far the timeline is and asks whether to go on. */
static dsvk_status report(const struct dv_session *s)
{
    const struct dv_watch *w    = &s->watch;
    uint32_t               done = s->n_tokens - w->first, total = w->end - w->first;
    if (dv_goes_on(w->progress, done, total) || done == total)
        return DSVK_OK;
    return dv_fail(s->setup.ctx, DSVK_CANCELLED, "cancelled after %u of %u tokens", done, total);
}

void dv_session_pass_failed(struct dv_session *s, dsvk_status status)
{
    if (status == DSVK_OK || status == DSVK_CANCELLED)
        return;
    s->n_cached = 0; /* it may hold half a pass */
    if (status != DSVK_DEVICE_LOST)
        s->n_tokens = 0;
}

void dv_session_settle(struct dv_session *s)
{
    if (s->cache) /* else it was dropped */
        dv_cache_settle(s->cache, s->tokens, s->n_cached);
}

static dsvk_status extend(struct dv_session *s, const uint32_t *tokens, uint32_t n)
{
    dsvk_status status;
    s->answered = false; /* the timeline has changed */
    TRY(report(s));
    while (s->n_tokens < n) {
        uint32_t left = n - s->n_tokens, step = left < s->setup.chunk ? left : s->setup.chunk;
        TRY(dv_cache_reach(s->cache, s->n_tokens, step, dv_session_in_f16(s)));
        status = dv_session_pass(s, tokens + s->n_tokens, step, s->n_tokens, false);
        if (status != DSVK_OK) {
            dv_session_pass_failed(s, status);
            return status;
        }
        memmove(s->tokens + s->n_tokens, tokens + s->n_tokens, step * sizeof *tokens);
        s->n_tokens += step;
        s->n_cached = s->n_tokens;
        TRY(report(s));
    }
    return DSVK_OK;
}

dsvk_status dv_session_extend(struct dv_session *s, const uint32_t *tokens, uint32_t n,
                              const dsvk_progress *progress)
{
    s->watch           = (struct dv_watch){ .progress = progress, .first = s->n_tokens, .end = n };
    dsvk_status status = extend(s, tokens, n);
    s->watch           = (struct dv_watch){ 0 };
    dv_session_settle(s);
    return status;
}

dsvk_status dv_session_sync(struct dv_session *s, const uint32_t *tokens, uint32_t n,
                            const dsvk_progress *progress)
{
    dsvk_status status;
    TRY(check_tokens(s, tokens, n));
    uint32_t kept = 0;
    while (kept < n - 1 && kept < s->n_cached && s->tokens[kept] == tokens[kept])
        kept++;
    uint32_t found = dv_cache_find(s->cache, tokens, kept, n, dv_session_in_f16(s));
    memmove(s->tokens + kept, tokens + kept, (found - kept) * sizeof *tokens);
    s->n_tokens = s->n_cached = found;
    return dv_session_extend(s, tokens, n, progress);
}

/* The last token once more, for results that are gone. */
static dsvk_status repeat_last(struct dv_session *s)
{
    return dv_session_pass(s, &s->tokens[s->n_tokens - 1], 1, s->n_tokens - 1, false);
}

dsvk_status dv_session_argmax(struct dv_session *s, uint32_t *token)
{
    dsvk_status status;
    if (!s->answered || s->n_tokens == 0)
        return dv_fail(s->setup.ctx, DSVK_BAD_ARGUMENT, "session: nothing was computed yet");
    if (!s->knows)
        TRY(repeat_last(s));
    *token = s->greatest;
    if (*token != DV_NOT_FINITE)
        return DSVK_OK;
    *token = 0;
    return dv_session_not_finite(s, s->n_tokens - 1);
}

/* Bytes in an arena. */
struct place {
    struct dv_buffer *arena;
    uint64_t          offset;
};

static struct place place_of(const struct dv_lane *lane, dv_tensor x, uint32_t row)
{
    const struct dv_value *v = &lane->last->graph->values[x];
    return (struct place){ lane->arena, v->arena_offset + (uint64_t)row * v->stride * 4 };
}

const struct dv_lane *dv_session_held(uint32_t *row, const struct dv_session *s)
{
    const struct dv_heir *heir = &s->heir;
    for (int i = 0; i < DV_N_LANES; i++) {
        const struct dv_lane *lane = &s->runner->lanes[i];
        for (*row = 0; *row < lane->n; ++*row)
            if (lane->rows[*row].of == s && lane->rows[*row].end == s->n_tokens)
                return lane;
    }
    *row = heir->row;
    return heir->lane && heir->lane->n && heir->lane->number == heir->number &&
                   heir->end == s->n_tokens
               ? heir->lane
               : NULL;
}

static bool find_held(struct place *place, const struct dv_session *s)
{
    uint32_t              row;
    const struct dv_lane *lane = dv_session_held(&row, s);
    if (!lane)
        return false;
    const struct dv_graph *g    = lane->last->graph;
    uint32_t               rows = g->values[g->logits].rows;
    *place                      = place_of(lane, g->logits, g->size.batch ? row : rows - 1);
    return true;
}

/* Where the last token's logits lie, computed again when other work was there. */
static dsvk_status find_logits(struct place *place, struct dv_session *s)
{
    dsvk_status status;
    *place = (struct place){ 0 };
    if (!s->answered || s->n_tokens == 0)
        return dv_fail(s->setup.ctx, DSVK_BAD_ARGUMENT, "session: nothing was computed yet");
    if (find_held(place, s))
        return DSVK_OK;
    TRY(repeat_last(s));
    (void)find_held(place, s); /* it is there now */
    return DSVK_OK;
}

dsvk_status dv_session_logits(struct dv_session *s, float *logits)
{
    dsvk_status  status;
    struct place at;
    TRY(find_logits(&at, s));
    return dv_stream_download(s->engine.stream, logits, at.arena, at.offset,
                              (uint64_t)s->setup.config->vocab * sizeof *logits);
}

dsvk_status dv_session_see_logits(struct dv_session *s, const float **logits)
{
    dsvk_status  status;
    struct place at;
    const void  *data;
    TRY(find_logits(&at, s));
    TRY(dv_stream_see(&data, s->engine.stream, at.arena, at.offset,
                      (uint64_t)s->setup.choices * sizeof **logits));
    *logits = data;
    return DSVK_OK;
}

/* ---- scoring: every position's results ---- */

static dsvk_status hand_out_logits(struct dv_session *s, const dsvk_score_rows *rows, uint32_t n,
                                   float *row)
{
    dsvk_status           status;
    const struct dv_lane *lane = &s->runner->lanes[DV_LANE_PROMPT];
    for (uint32_t t = 0; t < n; t++) {
        struct place at = place_of(lane, lane->last->graph->logits, t);
        TRY(dv_stream_download(s->engine.stream, row, at.arena, at.offset,
                               (uint64_t)s->setup.config->vocab * sizeof *row));
        rows->logits(rows->user, s->n_tokens + t, row);
    }
    return DSVK_OK;
}

static dsvk_status hand_out_routes(struct dv_session *s, const dsvk_score_rows *rows, uint32_t n)
{
    dsvk_status            status;
    const struct dv_lane  *lane = &s->runner->lanes[DV_LANE_PROMPT];
    const struct dv_graph *g    = lane->last->graph;
    uint32_t               row[2 * 64];
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct dv_node *node  = &g->nodes[i];
        dv_tensor             route = dv_node_route(node);
        uint32_t              top_k = g->values[route].cols / 2;
        if (!route || top_k > 64)
            continue;
        for (uint32_t t = 0; t < n; t++) {
            struct place at = place_of(lane, route, t);
            TRY(dv_stream_download(s->engine.stream, row, at.arena, at.offset,
                                   top_k * 2 * sizeof *row));
            float weights[64];
            memcpy(weights, row + top_k, top_k * sizeof *weights);
            rows->router(rows->user, node->layer, s->n_tokens + t, row, weights);
        }
    }
    return DSVK_OK;
}

static dsvk_status score_chunk(struct dv_session *s, const uint32_t *tokens, uint32_t n,
                               const dsvk_score_rows *rows, float *row)
{
    dsvk_status status;
    TRY(dv_cache_reach(s->cache, s->n_tokens, n, dv_session_in_f16(s)));
    TRY(dv_session_pass(s, tokens + s->n_tokens, n, s->n_tokens, true));
    if (rows->logits)
        TRY(hand_out_logits(s, rows, n, row));
    if (rows->router)
        TRY(hand_out_routes(s, rows, n));
    memcpy(s->tokens + s->n_tokens, tokens + s->n_tokens, n * sizeof *tokens);
    s->n_tokens += n;
    s->n_cached = s->n_tokens;
    return DSVK_OK;
}

dsvk_status dv_session_score(struct dv_session *s, const uint32_t *tokens, uint32_t n,
                             const dsvk_score_rows *rows, const dsvk_progress *progress)
{
    dsvk_status status;
    TRY(check_tokens(s, tokens, n));
    float *row = dv_alloc(s->setup.ctx, (size_t)s->setup.config->vocab * sizeof *row);
    if (!row)
        return dv_fail(s->setup.ctx, DSVK_NO_MEMORY, "session: no memory for %u logits",
                       s->setup.config->vocab);
    uint32_t most = s->setup.chunk < DV_SCORE_CHUNK ? s->setup.chunk : DV_SCORE_CHUNK;
    s->n_tokens = s->n_cached = 0;
    dv_session_settle(s);
    s->watch = (struct dv_watch){ .progress = progress, .end = n };
    status   = report(s);
    while (status == DSVK_OK && s->n_tokens < n) {
        uint32_t left = n - s->n_tokens, step = left < most ? left : most;
        status = score_chunk(s, tokens, step, rows, row);
        if (status == DSVK_OK)
            status = report(s);
    }
    s->watch = (struct dv_watch){ 0 };
    dv_session_pass_failed(s, status);
    dv_session_settle(s);
    dv_free(s->setup.ctx, row);
    return status;
}
