/* SPDX-License-Identifier: MIT */
/* A timeline that is had twice, or kept in a file. */
#include "api/handles.h"
#include "engine/keep.h"
#include "file/keep_model.h"

/* ---- forks ---- */

/* Sentences of the new one are those of the call, which is on the first. */
static dsvk_status make_fork(dsvk_session **out, dsvk_session *session)
{
    dsvk_session *copy = dv_handle_new(session->model);
    if (!copy)
        return dv_fail(&session->ctx, DSVK_NO_MEMORY, "session: no memory for a fork");
    dsvk_status status = dv_session_fork(&copy->session, session->session, &copy->ctx);
    if (status != DSVK_OK) {
        if (copy->why.line[0])
            dv_why_set(&session->why, copy->why.line);
        dv_free(&session->model->ctx, copy);
        return status;
    }
    atomic_store(&copy->tokens, copy->session->n_tokens);
    dv_handle_join(copy);
    dv_log(&copy->ctx, DSVK_LOG_DEBUG, "session: a fork of %u tokens in %u pages",
           copy->session->n_tokens, copy->session->cache->n_held);
    *out = copy;
    return DSVK_OK;
}

dsvk_status dsvk_session_fork(dsvk_session **out, dsvk_session *session)
{
    dsvk_status status;
    *out = NULL;
    TRY(dv_call_begin(session));
    return dv_call_end(session, make_fork(out, session));
}

/* ---- files ---- */

/* What the file is compared with; the model's files are looked at without the turn. */
static dsvk_status make_params(struct dv_keep_params *params, dsvk_session *session,
                               const dsvk_progress *progress)
{
    const dsvk_model *model = session->model;
    *params =
        (struct dv_keep_params){ .weights = dv_weights_key(&model->run), .progress = progress };
    dv_turn_give(model->device->turn);
    dsvk_status status =
        dv_keep_model(&params->model, &session->ctx, &model->config, model->checkpoint);
    (void)dv_turn_take(model->device->turn);
    return status;
}

static dsvk_status save(dsvk_session *session, const char *path, const dsvk_progress *progress)
{
    dsvk_status           status;
    struct dv_keep_params params;
    if (!path || !path[0])
        return dv_fail(&session->ctx, DSVK_BAD_ARGUMENT, "session: no file to save it to");
    if (session->session->n_tokens == 0)
        return dv_fail(&session->ctx, DSVK_BAD_ARGUMENT, "session: it has no tokens to save");
    TRY(make_params(&params, session, progress));
    return dv_session_save(session->session, path, &params);
}

dsvk_status dsvk_session_save(dsvk_session *session, const char *path,
                              const dsvk_progress *progress)
{
    dsvk_status status;
    TRY(dv_call_begin_behind(session, progress ? progress->stop : NULL));
    return dv_call_end(session, save(session, path, progress));
}

static dsvk_status load(dsvk_session *session, const char *path, const uint32_t *tokens, size_t n,
                        const dsvk_progress *progress)
{
    dsvk_status           status;
    struct dv_keep_params params;
    uint32_t              most = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
    if (!path || !path[0])
        return dv_fail(&session->ctx, DSVK_BAD_ARGUMENT, "session: no file to load it from");
    TRY(make_params(&params, session, progress));
    return dv_session_load(session->session, path, tokens, most, &params);
}

dsvk_status dsvk_session_load(dsvk_session *session, const char *path, const uint32_t *tokens,
                              size_t n, const dsvk_progress *progress)
{
    dsvk_status status;
    TRY(dv_call_begin(session));
    return dv_call_end(session, load(session, path, tokens, n, progress));
}
