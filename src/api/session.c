/* SPDX-License-Identifier: MIT */
/* The public session functions: they check the caller's parameters and pass everything else to
 * the engine. No public function reaches the engine with a value that is out of range. */
#include <string.h>

#include "api/handles.h"

/* The run that the model is loaded for, but for what a session chooses itself. */
static dsvk_run run_of(const dsvk_model *model, const dsvk_session_params *params)
{
    dsvk_run run = model->run;
    run.context  = params->context ? params->context : model->context;
    run.chunk    = params->chunk;
    run.cache    = params->cache;
    return run;
}

/* ---- making and freeing ---- */

/* With the turn. */
static dsvk_status make(dsvk_session *session, const dsvk_session_params *params)
{
    dsvk_status       status;
    struct dv_setup   setup;
    dsvk_model       *model = session->model;
    dsvk_run          run   = run_of(model, params);
    struct dv_device *dev   = model->device->dev;
    TRY(dv_setup_make(&setup, &session->ctx, &model->config, &dev->caps, &run));
    setup.choices = model->info.tokenizer_size;

    struct dv_engine engine = { .ctx      = &model->ctx,
                                .dev      = dev,
                                .stream   = model->device->stream,
                                .weights  = model->weights,
                                .left_f16 = &model->left_f16,
                                .slice_ns = model->device->slice_ns,
                                .turn     = model->device->turn,
                                .pace     = model->device->pace,
                                .inside   = &model->device->inside,
                                .runners  = &model->runners,
                                .stocks   = &model->stocks };

    struct dv_session_params p = { .profile   = params->profile,
                                   .compiling = params->compiling,
                                   .cache     = { .overcommit = params->overcommit,
                                                  .exact      = params->exact_prefix } };
    TRY(dv_session_new(&session->session, &engine, &setup, &p));
    dv_report_session(session, run.cache);
    return DSVK_OK;
}

dsvk_session *dv_handle_new(dsvk_model *model)
{
    dsvk_session *session = dv_zalloc(&model->ctx, sizeof *session);
    if (!session)
        return NULL;
    session->model   = model;
    session->ctx     = model->ctx;
    session->ctx.why = &session->why;
    return session;
}

void dv_handle_join(dsvk_session *session)
{
    session->next            = session->model->sessions;
    session->model->sessions = session;
    atomic_fetch_add(&session->model->users, 1);
}

/* `model` is loaded, or it was when this began. */
static dsvk_status new_session(dsvk_session **out, dsvk_model *model,
                               const dsvk_session_params *params)
{
    dsvk_status   status;
    dsvk_session *session = dv_handle_new(model);
    if (!session)
        return dv_fail(&model->ctx, DSVK_NO_MEMORY, "session: no memory for it");
    status = dv_call_begin(session);
    if (status == DSVK_OK) {
        status = make(session, params);
        if (status == DSVK_OK)
            dv_handle_join(session);
        (void)dv_call_end(session, status);
    }
    if (status != DSVK_OK) {
        if (session->why.line[0])
            dv_why_set(&model->why, session->why.line);
        dv_free(&model->ctx, session);
        return status;
    }
    *out = session;
    return DSVK_OK;
}

dsvk_status dsvk_session_new(dsvk_session **out, dsvk_model *model,
                             const dsvk_session_params *params)
{
    static const dsvk_session_params usual = { 0 };
    dsvk_status                      status;
    *out = NULL;
    atomic_fetch_add(&model->passing, 1); /* before it is asked: its device stays then */
    if (atomic_load(&model->loaded))
        status = new_session(out, model, params ? params : &usual);
    else
        status = dv_fail(&model->ctx, DSVK_BAD_ARGUMENT, "session: the model is not loaded");
    atomic_fetch_sub(&model->passing, 1);
    return status;
}

static void take_out(dsvk_session *session)
{
    dsvk_session **link = &session->model->sessions;
    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
}

void dsvk_session_free(dsvk_session *session)
{
    if (!session)
        return;
    dsvk_model *model = session->model;
    atomic_fetch_add(&model->passing, 1);
    bool mine = dv_turn_take(model->device->turn);
    take_out(session);
    dv_session_free(session->session);
    if (mine)
        dv_turn_give(model->device->turn);
    atomic_fetch_sub(&model->passing, 1);
    dv_free(&model->ctx, session);
    dsvk_model_close(model);
}

/* ---- the timeline ---- */

static dsvk_status check_tokens(const dsvk_session *session, const uint32_t *tokens, size_t n)
{
    const struct dv_context *ctx = &session->ctx;
    if (!tokens && n > 0)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "session: no tokens");
    if (n <= session->session->setup.context)
        return DSVK_OK;
    return dv_fail(ctx, DSVK_BAD_ARGUMENT, "session: %zu tokens do not fit into a context of %u", n,
                   session->session->setup.context);
}

dsvk_status dsvk_session_sync(dsvk_session *session, const uint32_t *tokens, size_t n,
                              const dsvk_progress *progress)
{
    dsvk_status             status;
    struct dv_turn_progress in_turn;
    TRY(dv_call_begin(session));
    dv_turn_progress_init(&in_turn, session->model->device->turn, progress);
    status = check_tokens(session, tokens, n);
    if (status == DSVK_OK)
        status = dv_session_sync(session->session, tokens, (uint32_t)n, &in_turn.given);
    return dv_call_end(session, status);
}

dsvk_status dsvk_session_ids(dsvk_session *session, uint32_t *ids, size_t room, size_t *n)
{
    dsvk_status status;
    if (n)
        *n = 0;
    TRY(dv_call_enter(session));
    const struct dv_session *s    = session->session;
    size_t                   most = s->n_tokens < room ? s->n_tokens : room;
    if (most > 0)
        memcpy(ids, s->tokens, most * sizeof *ids);
    if (n)
        *n = s->n_tokens;
    atomic_store(&session->busy, false);
    return DSVK_OK;
}

size_t dsvk_session_tokens(const dsvk_session *session)
{
    return session ? atomic_load(&session->tokens) : 0;
}

uint32_t dsvk_session_context(const dsvk_session *session)
{
    return session->session->setup.context;
}

uint32_t dsvk_session_chunk(const dsvk_session *session)
{
    return session->session->setup.chunk;
}

/* ---- results ---- */

dsvk_status dsvk_session_argmax(dsvk_session *session, uint32_t *token)
{
    dsvk_status status;
    *token = 0;
    TRY(dv_call_begin_behind(session, NULL));
    return dv_call_end(session, dv_session_argmax(session->session, token));
}

dsvk_status dsvk_session_logits(dsvk_session *session, float *logits)
{
    dsvk_status status;
    TRY(dv_call_begin_behind(session, NULL));
    return dv_call_end(session, dv_session_logits(session->session, logits));
}

dsvk_status dsvk_session_sample(dsvk_session *session, const dsvk_sampling *sampling,
                                uint32_t *token)
{
    static const dsvk_sampling greedy = { 0 };
    dsvk_status                status;
    struct dv_call_mask        mask;
    *token   = 0;
    sampling = sampling ? sampling : &greedy;
    TRY(dv_call_begin_behind(session, NULL));
    status = dv_check_sampling(session, sampling);
    dv_call_mask_init(&mask, session, sampling);
    if (status == DSVK_OK)
        status = dv_session_sample(session->session, &mask.given, token);
    if (status != DSVK_OK)
        return dv_call_end(session, status);
    dv_call_leave(session);
    dv_tell_logprobs(session, sampling);
    atomic_store(&session->busy, false);
    return DSVK_OK;
}

dsvk_status dsvk_session_score(dsvk_session *session, const uint32_t *tokens, size_t n,
                               const dsvk_score_rows *rows, const dsvk_progress *progress)
{
    static const dsvk_score_rows none = { 0 };
    dsvk_status                  status;
    struct dv_turn_progress      in_turn;
    TRY(dv_call_begin(session));
    dv_turn_progress_init(&in_turn, session->model->device->turn, progress);
    status = check_tokens(session, tokens, n);
    if (status == DSVK_OK)
        status = dv_session_score(session->session, tokens, (uint32_t)n, rows ? rows : &none,
                                  &in_turn.given);
    return dv_call_end(session, status);
}

void dsvk_session_stats_get(const dsvk_session *session, dsvk_session_stats *stats)
{
    const struct dv_session *s    = session->session;
    bool                     mine = dv_turn_take(session->model->device->turn);
    dv_monitor_enter(s->runner->lock);
    *stats = s->stats;
    dv_monitor_leave(s->runner->lock);
    stats->device_bytes = s->engine.dev->bytes_used;
    stats->arena_bytes  = dv_runner_arena_bytes(s->runner);
    if (s->cache)
        dv_cache_stats(s->cache, stats);
    dv_session_expert_stats(s, stats);
    if (mine)
        dv_turn_give(session->model->device->turn);
}

const char *dsvk_op_name(uint32_t index)
{
    return index < DV_N_OPS ? dv_op_name((enum dv_op)index) : NULL;
}

dsvk_status dsvk_session_profile(const dsvk_session *session, dsvk_profile_row **rows, uint32_t *n)
{
    dsvk_status              status;
    const struct dv_session *s    = session->session;
    bool                     mine = dv_turn_take(session->model->device->turn);
    *n                            = 0;
    *rows                         = NULL;
    if (s->params.profile && s->engine.dev->caps.timestamp_ns > 0)
        status = dv_profile_rows(&s->profile, rows, n);
    else
        status = dv_fail(s->setup.ctx, DSVK_UNSUPPORTED,
                         "profile: not asked for, or the device has no timestamps");
    if (mine)
        dv_turn_give(session->model->device->turn);
    return status;
}

void dsvk_session_profile_reset(dsvk_session *session)
{
    dv_profile_done(&session->session->profile);
}
