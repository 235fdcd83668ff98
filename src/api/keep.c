/* SPDX-License-Identifier: MIT */
/* A timeline that is had twice. */
#include "api/handles.h"

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
