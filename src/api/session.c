/* SPDX-License-Identifier: MIT */
/* The public session functions: they check the caller's parameters and pass everything else to
 * the engine. No public function reaches the engine with a value that is out of range. */
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

dsvk_status dsvk_session_new(dsvk_session **out, dsvk_model *model,
                             const dsvk_session_params *params)
{
    dsvk_status     status;
    struct dv_setup setup;
    *out = NULL;
    if (!model->weights)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT, "session: the model is not loaded");
    dsvk_run          run = run_of(model, params);
    struct dv_device *dev = model->device->dev;
    TRY(dv_setup_make(&setup, &model->ctx, &model->config, &dev->caps, &run));
    setup.choices         = model->info.tokenizer_size;
    dsvk_session *session = dv_zalloc(&model->ctx, sizeof *session);
    if (!session)
        return dv_fail(&model->ctx, DSVK_NO_MEMORY, "session: no memory for it");
    session->model                  = model;
    struct dv_engine         engine = { .dev      = dev,
                                        .stream   = model->device->stream,
                                        .weights  = model->weights,
                                        .left_f16 = &model->left_f16 };
    struct dv_session_params p = { .profile = params->profile, .compiling = params->compiling };
    status                     = dv_session_new(&session->session, &engine, &setup, &p);
    if (status != DSVK_OK) {
        dsvk_session_free(session);
        return status;
    }
    *out = session;
    return DSVK_OK;
}

void dsvk_session_free(dsvk_session *session)
{
    if (!session)
        return;
    dv_session_free(session->session);
    dv_free(&session->model->ctx, session);
}

static dsvk_status check_count(const dsvk_session *session, size_t n)
{
    if (n <= session->session->setup.context)
        return DSVK_OK;
    return dv_fail(&session->model->ctx, DSVK_BAD_ARGUMENT,
                   "session: %zu tokens do not fit into a context of %u", n,
                   session->session->setup.context);
}

dsvk_status dsvk_session_sync(dsvk_session *session, const uint32_t *tokens, size_t n,
                              const dsvk_progress *progress)
{
    dsvk_status status;
    TRY(check_count(session, n));
    return dv_session_sync(session->session, tokens, (uint32_t)n, progress);
}

dsvk_status dsvk_session_generate(dsvk_session *session, size_t n, const dsvk_offer *offer)
{
    uint32_t most = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
    return dv_session_generate(session->session, most, offer);
}

size_t dsvk_session_tokens(const dsvk_session *session)
{
    return session->session->n_tokens;
}

uint32_t dsvk_session_context(const dsvk_session *session)
{
    return session->session->setup.context;
}

uint32_t dsvk_session_chunk(const dsvk_session *session)
{
    return session->session->setup.chunk;
}

dsvk_status dsvk_session_argmax(dsvk_session *session, uint32_t *token)
{
    *token = 0;
    return dv_session_argmax(session->session, token);
}

dsvk_status dsvk_session_logits(dsvk_session *session, float *logits)
{
    return dv_session_logits(session->session, logits);
}

dsvk_status dsvk_session_sample(dsvk_session *session, const dsvk_sampling *sampling,
                                uint32_t *token)
{
    *token = 0;
    return dv_session_sample(session->session, sampling, token);
}

dsvk_status dsvk_session_score(dsvk_session *session, const uint32_t *tokens, size_t n,
                               const dsvk_score_rows *rows, const dsvk_progress *progress)
{
    dsvk_status status;
    TRY(check_count(session, n));
    return dv_session_score(session->session, tokens, (uint32_t)n, rows, progress);
}

void dsvk_session_stats_get(const dsvk_session *session, dsvk_session_stats *stats)
{
    const struct dv_session *s = session->session;
    *stats                     = s->stats;
    stats->device_bytes        = s->engine.dev->bytes_used;
    stats->arena_bytes         = s->arena ? s->arena->bytes : 0;
    dv_session_expert_stats(s, stats);
}

const char *dsvk_op_name(uint32_t index)
{
    return index < DV_N_OPS ? dv_op_name((enum dv_op)index) : NULL;
}

dsvk_status dsvk_session_profile(const dsvk_session *session, dsvk_profile_row **rows, uint32_t *n)
{
    const struct dv_session *s = session->session;
    *n                         = 0;
    *rows                      = NULL;
    if (!s->params.profile || s->engine.dev->caps.timestamp_ns <= 0)
        return dv_fail(s->setup.ctx, DSVK_UNSUPPORTED,
                       "profile: not asked for, or the device has no timestamps");
    return dv_profile_rows(&s->profile, rows, n);
}

void dsvk_session_profile_reset(dsvk_session *session)
{
    dv_profile_done(&session->session->profile);
}
