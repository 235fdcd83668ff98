/* SPDX-License-Identifier: MIT */
/* What all calls on a session begin and end with, and checks of what several of them take. */
#include <math.h>

#include "api/handles.h"

dsvk_status dv_call_begin(dsvk_session *session)
{
    if (!session)
        return DSVK_BAD_ARGUMENT;
    const struct dv_context *ctx = &session->model->ctx;
    if (atomic_exchange(&session->busy, true))
        return dv_fail(ctx, DSVK_BUSY, "session: another call on it has not returned yet");
    if (dv_turn_take(session->model->device->turn))
        return DSVK_OK;
    atomic_store(&session->busy, false);
    return dv_fail(ctx, DSVK_BUSY, "session: called from a callback that has the device");
}

void dv_call_leave_turn(dsvk_session *session)
{
    atomic_store(&session->tokens, session->session->n_tokens);
    dv_turn_give(session->model->device->turn);
}

dsvk_status dv_call_end(dsvk_session *session, dsvk_status status)
{
    dv_call_leave_turn(session);
    atomic_store(&session->busy, false);
    return status;
}

dsvk_status dv_check_sampling(const struct dv_context *ctx, const dsvk_sampling *sampling)
{
    if (!isfinite(sampling->temperature))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "sampling: the temperature is no finite number");
    if (!(sampling->top_p >= 0 && sampling->top_p <= 1))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "sampling: top-p is not between 0 and 1");
    if (!(sampling->min_p >= 0 && sampling->min_p <= 1))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "sampling: min-p is not between 0 and 1");
    return DSVK_OK;
}
