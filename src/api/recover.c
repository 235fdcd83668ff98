/* SPDX-License-Identifier: MIT */
/* A lost device made anew with all that was on it. Models are remembered by their device, sessions
 * by their model; both lists belong to whoever has the turn. */
#include "api/lent.h"

#include "base/stop.h"
#include "engine/remake.h"

bool dsvk_device_is_lost(const dsvk_device *device)
{
    return device && (device->dev->lost || atomic_load(&device->recovering));
}

/* ---- recovering ---- */

/* What one model reports becomes a part of all that is loaded. */
struct loading {
    const dsvk_progress *all;
    uint64_t             before, mine, total; /* bytes: of models before, of this one, of all */
    bool                 refused;
};

static bool report(void *user, uint64_t done, uint64_t total)
{
    struct loading *l    = user;
    uint64_t        part = total ? (uint64_t)((double)done / (double)total * (double)l->mine) : 0;
    if (done == total)
        part = l->mine;
    l->refused = !dv_goes_on(l->all, l->before + part, l->total);
    return !l->refused;
}

/* The next one that has no weights. */
static dsvk_model *find_unloaded(const dsvk_device *device)
{
    dsvk_model *model = device->models;
    while (model && model->weights)
        model = model->next;
    return model;
}

/* Reports are made without the turn, and the caller may close the model then. */
static dsvk_status load_again(dsvk_model *model, struct loading *l)
{
    dsvk_progress progress = { .report = report, .user = l };
    l->mine                = model->load_bytes;
    atomic_fetch_add(&model->users, 1);
    dsvk_status status = dv_model_load(model, model->device, &model->run, &progress);
    l->before += l->mine;
    dsvk_model_close(model);
    return status;
}

static dsvk_status load_all(dsvk_device *device, const dsvk_progress *progress)
{
    dsvk_status    status = DSVK_OK;
    dsvk_model    *model;
    struct loading l = { .all = progress };
    for (model = device->models; model; model = model->next)
        l.total += model->load_bytes;
    while (status == DSVK_OK && (model = find_unloaded(device)) != NULL) {
        if (l.refused)
            return dv_fail(&device->ctx, DSVK_CANCELLED, "recovering was cancelled");
        status = load_again(model, &l);
    }
    return status;
}

/* All that was made on the device, and it with them. */
static void forget(dsvk_device *device)
{
    dv_device_settle(device->dev);
    for (dsvk_model *model = device->models; model; model = model->next) {
        for (dsvk_session *s = model->sessions; s; s = s->next)
            dv_session_drop_all(s->session);
        dv_model_drop_weights(model);
    }
    dv_lent_drop(device);
    dv_device_shut(device->dev);
}

static dsvk_status recover(dsvk_device *device, const struct dv_reopening *how,
                           const dsvk_progress *progress)
{
    dsvk_status status;
    forget(device);
    TRY(how->reopen(device->dev, how->with));
    status = load_all(device, progress);
    if (status != DSVK_OK)
        forget(device);
    return status;
}

/* With the turn. */
static dsvk_status need_idle(const dsvk_device *device, const char *what)
{
    if (device->inside == 0 && !atomic_load(&device->recovering))
        return DSVK_OK;
    return dv_fail(&device->ctx, DSVK_BUSY, "device: %s while a call on it has not returned yet",
                   what);
}

dsvk_status dv_recover(dsvk_device *device, const struct dv_reopening *how,
                       const dsvk_recover_params *params)
{
    dsvk_status status;
    if (!device)
        return DSVK_BAD_ARGUMENT;
    if (device->dev->lent != how->lent)
        return dv_fail(&device->ctx, DSVK_BAD_ARGUMENT,
                       "device: recovered as %s, and it was %s (dsvk_device_recover%s)",
                       how->lent ? "imported" : "opened", how->lent ? "opened" : "imported",
                       how->lent ? "" : "_imported");
    if (!dv_turn_take(device->turn))
        return dv_fail(&device->ctx, DSVK_BUSY, "device: recovered from a callback that has it");
    status = need_idle(device, "recovered");
    if (status == DSVK_OK && device->dev->lost) {
        struct dv_turn_progress in_turn;
        dv_turn_progress_init(&in_turn, device->turn, params ? &params->progress : NULL);
        atomic_fetch_add(&device->users, 1); /* reports may close it */
        atomic_store(&device->recovering, true);
        status = recover(device, how, &in_turn.given);
        atomic_store(&device->recovering, false);
        dv_turn_give(device->turn);
        dsvk_device_close(device);
        return status;
    }
    dv_turn_give(device->turn);
    return status;
}

static dsvk_status reopen(struct dv_device *dev, const void *with)
{
    (void)with;
    return dv_device_reopen(dev);
}

dsvk_status dsvk_device_recover(dsvk_device *device, const dsvk_recover_params *params)
{
    return dv_recover(device, &(struct dv_reopening){ .reopen = reopen }, params);
}
