/* SPDX-License-Identifier: MIT */
/* What all calls on a session begin and end with, and checks of what several of them take. */
#include <math.h>

#include "api/handles.h"

/* The sentence of a call that came too early is the model's: the session's may be being written. */
dsvk_status dv_call_enter(dsvk_session *session)
{
    if (!session)
        return DSVK_BAD_ARGUMENT;
    if (!atomic_exchange(&session->busy, true))
        return DSVK_OK;
    return dv_fail(&session->model->ctx, DSVK_BUSY,
                   "session: another call on it has not returned yet");
}

dsvk_status dv_call_begin(dsvk_session *session)
{
    dsvk_status status;
    TRY(dv_call_enter(session));
    if (dv_turn_take(session->model->device->turn)) {
        dv_why_begin(&session->call, &session->why, &session->model->device->why,
                     &session->model->why);
        return DSVK_OK;
    }
    atomic_store(&session->busy, false);
    return dv_fail(&session->ctx, DSVK_BUSY, "session: called from a callback that has the device");
}

void dv_call_leave_turn(dsvk_session *session)
{
    atomic_store(&session->tokens, session->session->n_tokens);
    dv_turn_give(session->model->device->turn);
}

dsvk_status dv_call_end(dsvk_session *session, dsvk_status status)
{
    if (status != DSVK_OK)
        dv_why_end(&session->call, dsvk_status_text(status));
    dv_call_leave_turn(session);
    atomic_store(&session->busy, false);
    return status;
}

/* ---- why it failed ---- */

const char *dsvk_session_why(const dsvk_session *session)
{
    return session ? session->why.line : "";
}

size_t dsvk_model_why(const dsvk_model *model, char *why, size_t room)
{
    return dv_why_read(model->ctx.why, why, room);
}

size_t dsvk_device_why(const dsvk_device *device, char *why, size_t room)
{
    return dv_why_read(device->ctx.why, why, room);
}

/* ---- checks ---- */

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
