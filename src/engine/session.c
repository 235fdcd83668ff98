/* SPDX-License-Identifier: MIT */
/* A session's parts and its timeline, which is changed only after a pass has succeeded. */
#include "engine/finite.h"

#include <math.h>
#include <string.h>

#include "base/stop.h"

/* ---- making ---- */

/* (cos, sin) of every position and pair, in double precision on the host: drivers' own sines are
 * good to 2^-11 only. */
static dsvk_status make_rope_table(struct dv_session *s, uint64_t bytes)
{
    dsvk_status             status;
    const struct dv_config *c     = s->setup.config;
    uint32_t                pairs = c->rope / 2;
    float                  *table = dv_alloc(s->setup.ctx, (size_t)bytes);
    double                 *f     = dv_alloc(s->setup.ctx, pairs * sizeof *f), mscale;
    if (!table || !f) {
        status = dv_fail(s->setup.ctx, DSVK_NO_MEMORY, "session: no memory for the rope table");
        goto fail;
    }
    dv_model_rope_frequencies(c, f, &mscale);
    for (uint32_t p = 0; p < s->setup.context; p++)
        for (uint32_t i = 0; i < pairs; i++) {
            table[((size_t)p * pairs + i) * 2]     = (float)(cos(p * f[i]) * mscale);
            table[((size_t)p * pairs + i) * 2 + 1] = (float)(sin(p * f[i]) * mscale);
        }
    TRY_OR(fail, dv_buffer_new(&s->rope, s->engine.dev, bytes, DV_MEMORY_DEVICE, "rope table"));
    status = dv_stream_upload(s->engine.stream, s->rope, 0, table, bytes);
fail:
    dv_free(s->setup.ctx, table);
    dv_free(s->setup.ctx, f);
    return status;
}

static dsvk_status allocate(struct dv_session *s)
{
    dsvk_status             status;
    const struct dv_engine *e = &s->engine;
    struct dv_session_bytes bytes;
    s->tokens = dv_zalloc_array(s->setup.ctx, s->setup.context, sizeof *s->tokens);
    if (!s->tokens)
        return dv_fail(s->setup.ctx, DSVK_NO_MEMORY, "session: no memory for %u tokens",
                       s->setup.context);
    TRY(dv_size_bytes(&bytes, &s->setup));
    s->argument_nodes = bytes.nodes;
    TRY(dv_cache_new(&s->cache, e->dev, e->stream, &s->setup));
    TRY(dv_buffer_new(&s->arena, e->dev, bytes.arena, DV_MEMORY_DEVICE, "activations"));
    TRY(dv_buffer_new(&s->arguments, e->dev, bytes.arguments, DV_MEMORY_DEVICE, "arguments"));
    TRY(dv_buffer_new(&s->step, e->dev, bytes.step, DV_MEMORY_UPLOAD, "parameters"));
    TRY(dv_buffer_new(&s->result, e->dev, bytes.result, DV_MEMORY_READBACK, "results"));
    return make_rope_table(s, bytes.rope);
}

/* Context and chunk where the caller leaves them to us. */
static dsvk_status complete_setup(struct dv_session *s)
{
    dsvk_status             status;
    const struct dv_engine *e    = &s->engine;
    const struct dv_device *dev  = e->dev;
    uint64_t                left = UINT64_MAX;
    struct dv_experts      *x    = dv_weights_experts(e->weights);
    struct dv_tuning        tuning;
    dv_device_read_budget(e->dev, false); /* loading has left room */
    if (dev->bytes_limit)
        left = dev->bytes_limit > dev->bytes_used ? dev->bytes_limit - dev->bytes_used : 0;
    s->setup.tiers        = x != NULL;
    s->setup.expert_slots = x ? dv_experts_slots(x) : 0;
    if (s->setup.choices == 0 || s->setup.choices > s->setup.config->vocab)
        s->setup.choices = s->setup.config->vocab;
    TRY(dv_size_choose(&s->setup, left));
    dv_tuning_of(&tuning, &dev->caps);
    s->split            = dv_engine_split(s->setup.context, &tuning);
    s->materialise_from = dv_size_materialise_from(&s->setup);
    return DSVK_OK;
}

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
    s->engine      = *engine;
    s->setup       = *setup;
    s->params      = *params;
    s->profile.ctx = setup->ctx;
    if (!s->engine.left_f16)
        s->engine.left_f16 = &s->left_f16;
    TRY_OR(fail, complete_setup(s));
    TRY_OR(fail, allocate(s));
    s->stats.weight_bytes = dv_weights_bytes(engine->weights);
    s->stats.cache_bytes  = s->cache->bytes;
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
    for (uint32_t i = 0; i < DV_MAX_PROGRAMS; i++)
        dv_program_free(session->slots[i].program);
    dv_cache_free(session->cache);
    dv_buffer_free(session->arena);
    dv_buffer_free(session->arguments);
    dv_buffer_free(session->rope);
    dv_buffer_free(session->step);
    dv_buffer_free(session->result);
    dv_free(ctx, session->tokens);
    dv_chooser_free(session->chooser);
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

/* From the end of the timeline to position n. */
static dsvk_status extend(struct dv_session *s, const uint32_t *tokens, uint32_t n)
{
    dsvk_status status;
    s->last = NULL; /* the timeline has changed */
    TRY(report(s));
    while (s->n_tokens < n) {
        uint32_t left = n - s->n_tokens, step = left < s->setup.chunk ? left : s->setup.chunk;
        status = dv_session_pass(s, tokens + s->n_tokens, step, s->n_tokens, false);
        if (status != DSVK_OK) {
            if (status != DSVK_CANCELLED) /* while compiling: before the pass */
                s->n_tokens = 0;          /* the cache may hold half a pass */
            return status;
        }
        memcpy(s->tokens + s->n_tokens, tokens + s->n_tokens, step * sizeof *tokens);
        s->n_tokens += step;
        TRY(report(s));
    }
    return DSVK_OK;
}

dsvk_status dv_session_sync(struct dv_session *s, const uint32_t *tokens, uint32_t n,
                            const dsvk_progress *progress)
{
    dsvk_status status;
    TRY(check_tokens(s, tokens, n));
    uint32_t kept = 0;
    while (kept < n - 1 && kept < s->n_tokens && s->tokens[kept] == tokens[kept])
        kept++;
    s->n_tokens = kept;
    s->watch    = (struct dv_watch){ .progress = progress, .first = kept, .end = n };
    status      = extend(s, tokens, n);
    s->watch    = (struct dv_watch){ 0 };
    return status;
}

dsvk_status dv_session_argmax(struct dv_session *s, uint32_t *token)
{
    dsvk_status status;
    if (!s->last || s->n_tokens == 0)
        return dv_fail(s->setup.ctx, DSVK_BAD_ARGUMENT, "session: nothing was computed yet");
    if (s->drew)
        TRY(dv_session_pass(s, &s->tokens[s->n_tokens - 1], 1, s->n_tokens - 1, false));
    const struct dv_graph *g   = s->last->graph;
    uint32_t               row = g->values[g->token].rows - 1;
    const uint32_t        *ids = s->result->mapped;
    *token                     = s->ran_ahead ? s->next : ids[row * g->values[g->token].stride];
    if (*token != DV_NOT_FINITE)
        return DSVK_OK;
    *token = 0;
    return dv_session_not_finite(s, s->n_tokens - 1);
}

static uint64_t offset_of(const struct dv_graph *g, dv_tensor x, uint32_t row)
{
    const struct dv_value *v = &g->values[x];
    return v->arena_offset + (uint64_t)row * v->stride * 4;
}

/* Where the last token's logits lie in the arena, computed again when other work was in it. */
static dsvk_status find_logits(uint64_t *offset, struct dv_session *s)
{
    dsvk_status status;
    *offset = 0;
    if (!s->last || s->n_tokens == 0)
        return dv_fail(s->setup.ctx, DSVK_BAD_ARGUMENT, "session: nothing was computed yet");
    if (s->ran_ahead)
        TRY(dv_session_pass(s, &s->tokens[s->n_tokens - 1], 1, s->n_tokens - 1, false));
    const struct dv_graph *g = s->last->graph;
    *offset                  = offset_of(g, g->logits, g->values[g->logits].rows - 1);
    return DSVK_OK;
}

dsvk_status dv_session_logits(struct dv_session *s, float *logits)
{
    dsvk_status status;
    uint64_t    offset;
    TRY(find_logits(&offset, s));
    return dv_stream_download(s->engine.stream, logits, s->arena, offset,
                              (uint64_t)s->setup.config->vocab * sizeof *logits);
}

dsvk_status dv_session_see_logits(struct dv_session *s, const float **logits)
{
    dsvk_status status;
    uint64_t    offset;
    const void *data;
    TRY(find_logits(&offset, s));
    TRY(dv_stream_see(&data, s->engine.stream, s->arena, offset,
                      (uint64_t)s->setup.choices * sizeof **logits));
    *logits = data;
    return DSVK_OK;
}

/* ---- scoring: every position's results ---- */

static dsvk_status hand_out_logits(struct dv_session *s, const dsvk_score_rows *rows, uint32_t n,
                                   float *row)
{
    dsvk_status            status;
    const struct dv_graph *g = s->last->graph;
    for (uint32_t t = 0; t < n; t++) {
        TRY(dv_stream_download(s->engine.stream, row, s->arena, offset_of(g, g->logits, t),
                               (uint64_t)s->setup.config->vocab * sizeof *row));
        rows->logits(rows->user, s->n_tokens + t, row);
    }
    return DSVK_OK;
}

static dsvk_status hand_out_routes(struct dv_session *s, const dsvk_score_rows *rows, uint32_t n)
{
    dsvk_status            status;
    const struct dv_graph *g = s->last->graph;
    uint32_t               row[2 * 64];
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct dv_node *node  = &g->nodes[i];
        dv_tensor             route = dv_node_route(node);
        uint32_t              top_k = g->values[route].cols / 2;
        if (!route || top_k > 64)
            continue;
        for (uint32_t t = 0; t < n; t++) {
            TRY(dv_stream_download(s->engine.stream, row, s->arena, offset_of(g, route, t),
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
    TRY(dv_session_pass(s, tokens + s->n_tokens, n, s->n_tokens, true));
    if (rows->logits)
        TRY(hand_out_logits(s, rows, n, row));
    if (rows->router)
        TRY(hand_out_routes(s, rows, n));
    memcpy(s->tokens + s->n_tokens, tokens + s->n_tokens, n * sizeof *tokens);
    s->n_tokens += n;
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
    s->n_tokens   = 0;
    s->watch      = (struct dv_watch){ .progress = progress, .end = n };
    status        = report(s);
    while (status == DSVK_OK && s->n_tokens < n) {
        uint32_t left = n - s->n_tokens, step = left < most ? left : most;
        status = score_chunk(s, tokens, step, rows, row);
        if (status == DSVK_OK)
            status = report(s);
    }
    s->watch = (struct dv_watch){ 0 };
    if (status != DSVK_OK && status != DSVK_CANCELLED)
        s->n_tokens = 0;
    dv_free(s->setup.ctx, row);
    return status;
}
