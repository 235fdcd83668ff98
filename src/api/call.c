/* SPDX-License-Identifier: MIT */
/* What all calls on a session begin and end with, and checks of what several of them take. */
#include <math.h>

#include "api/handles.h"
#include "engine/remake.h"
#include "os/os.h"
#include "vk/background.h"

dsvk_status dv_device_admits(const dsvk_device *device, const struct dv_context *ctx)
{
    if (atomic_load(&device->recovering))
        return dv_fail(ctx, DSVK_BUSY, "device: \"%s\" is being recovered", device->dev->caps.name);
    if (device->dev->lost)
        return dv_fail(ctx, DSVK_DEVICE_LOST, "device: \"%s\" was lost earlier",
                       device->dev->caps.name);
    return DSVK_OK;
}

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
    dsvk_device *device = session->model->device;
    if (!dv_turn_take(device->turn)) {
        atomic_store(&session->busy, false);
        return dv_fail(&session->ctx, DSVK_BUSY,
                       "session: called from a callback that has the device");
    }
    dv_why_begin(&session->call, &session->why, &device->why, &session->model->why);
    device->inside++;
    session->model->inside++;
    status = dv_device_admits(device, &session->ctx);
    if (status == DSVK_OK && !session->model->weights)
        status =
            dv_fail(&session->ctx, DSVK_BAD_ARGUMENT, "session: its model is not loaded any more");
    if (status == DSVK_OK)
        dv_device_watch_budget(device->dev, dv_time_ns());
    if (status == DSVK_OK && session->session)
        status = dv_session_remake(session->session, session->model->weights);
    return status == DSVK_OK ? DSVK_OK : dv_call_end(session, status);
}

dsvk_status dv_call_begin_behind(dsvk_session *session, const dsvk_stop *stop)
{
    dsvk_status             status;
    dsvk_progress           asked = { .stop = stop };
    struct dv_turn_progress in_turn;
    TRY(dv_call_begin(session));
    dv_turn_progress_init(&in_turn, session->model->device->turn, &asked);
    status = dv_session_replay(session->session, &in_turn.given);
    return status == DSVK_OK ? DSVK_OK : dv_call_end(session, status);
}

void dv_call_pause(dsvk_session *session)
{
    if (session->session) /* it may be being made */
        atomic_store(&session->tokens, session->session->n_tokens);
    dv_turn_give(session->model->device->turn);
}

void dv_call_leave(dsvk_session *session)
{
    session->model->device->inside--;
    session->model->inside--;
    dv_call_pause(session);
}

dsvk_status dv_call_end(dsvk_session *session, dsvk_status status)
{
    if (status != DSVK_OK)
        dv_why_end(&session->call, dsvk_status_text(status));
    dv_call_leave(session);
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

static dsvk_status check_biases(const dsvk_session *session, const dsvk_sampling *sampling)
{
    const struct dv_context *ctx = &session->ctx;
    if (sampling->n_biases > 0 && !sampling->biases)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "sampling: %zu biases are not there",
                       sampling->n_biases);
    for (size_t i = 0; i < sampling->n_biases; i++) {
        const dsvk_bias *b = &sampling->biases[i];
        if (b->token >= session->model->info.vocab)
            return dv_fail(ctx, DSVK_BAD_ARGUMENT,
                           "sampling: a bias is for token %u, outside the vocabulary of %u",
                           b->token, session->model->info.vocab);
        if (!(b->bias >= -1000 && b->bias <= 1000) && b->bias != -INFINITY)
            return dv_fail(ctx, DSVK_BAD_ARGUMENT,
                           "sampling: the bias of token %u is not between -1000 and 1000, nor "
                           "-infinity",
                           b->token);
    }
    return DSVK_OK;
}

static dsvk_status check_penalties(const dsvk_session *session, const dsvk_sampling *sampling)
{
    const struct dv_context *ctx    = &session->ctx;
    float                    repeat = sampling->repetition_penalty;
    if (repeat != 0 && !(repeat >= 0.01f && repeat <= 100))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT,
                       "sampling: the repetition penalty is not between 0.01 and 100, nor 0");
    if (!(sampling->presence_penalty >= -2 && sampling->presence_penalty <= 2))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT,
                       "sampling: the presence penalty is not between -2 and 2");
    if (!(sampling->frequency_penalty >= -2 && sampling->frequency_penalty <= 2))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT,
                       "sampling: the frequency penalty is not between -2 and 2");
    if (sampling->penalty_last > 65535)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT,
                       "sampling: penalties over the last %u tokens, of 65535 at most",
                       sampling->penalty_last);
    return DSVK_OK;
}

dsvk_status dv_check_sampling(const dsvk_session *session, const dsvk_sampling *sampling)
{
    dsvk_status              status;
    const struct dv_context *ctx = &session->ctx;
    if (!isfinite(sampling->temperature))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "sampling: the temperature is no finite number");
    if (!(sampling->top_p >= 0 && sampling->top_p <= 1))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "sampling: top-p is not between 0 and 1");
    if (!(sampling->min_p >= 0 && sampling->min_p <= 1))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "sampling: min-p is not between 0 and 1");
    if (sampling->n_logprobs > DSVK_MOST_LOGPROBS)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT,
                       "sampling: log-probabilities of %u tokens, of %d at most",
                       sampling->n_logprobs, DSVK_MOST_LOGPROBS);
    TRY(check_penalties(session, sampling));
    return check_biases(session, sampling);
}

/* ---- log-probabilities ---- */

void dv_tell_logprobs(const dsvk_session *session, const dsvk_sampling *sampling)
{
    const struct dv_session *s = session->session;
    if (!sampling->logprobs)
        return;
    const struct dv_told *told = dv_session_told(s, s->n_tokens);
    sampling->logprobs(sampling->logprobs_user, s->n_tokens, &told->chosen, told->best,
                       told->n_best);
}

/* ---- the mask ---- */

static const uint32_t *ask_mask(void *user, size_t position)
{
    struct dv_call_mask *m = user;
    dv_call_pause(m->session);
    const uint32_t *mask = m->asked->mask(m->asked->mask_user, position);
    (void)dv_turn_take(m->session->model->device->turn);
    return mask;
}

void dv_call_mask_init(struct dv_call_mask *mask, dsvk_session *session,
                       const dsvk_sampling *sampling)
{
    *mask = (struct dv_call_mask){ session, sampling, *sampling };
    if (!sampling->mask)
        return;
    mask->given.mask      = ask_mask;
    mask->given.mask_user = mask;
}
