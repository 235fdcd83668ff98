/* SPDX-License-Identifier: MIT */
/* Device memory that nobody needs now goes back to the driver. */
#include "api/handles.h"

#include "engine/remake.h"

/* Whether a call is under way that works with the runner. Who has only begun and waits for the turn
 * makes again what is missing. */
static bool is_used(const dsvk_model *model, const struct dv_runner *runner)
{
    for (const dsvk_session *s = model->sessions; s; s = s->next)
        if (s->session->runner == runner && atomic_load(&s->busy))
            return true;
    return false;
}

static void trim_model(dsvk_model *model, dsvk_trim how)
{
    for (dsvk_session *s = model->sessions; s; s = s->next) {
        if (!is_used(model, s->session->runner))
            dv_session_drop_scratch(s->session);
        if (how == DSVK_TRIM_CACHES && !atomic_load(&s->busy))
            dv_session_drop_cache(s->session);
    }
    dv_stocks_trim(&model->stocks);
}

static dsvk_status trim(dsvk_device *device, dsvk_trim how, uint64_t *freed)
{
    dsvk_status       status;
    struct dv_device *dev = device->dev;
    TRY(dv_device_admits(device, &device->ctx));
    uint64_t before = dev->bytes_used;
    dv_device_settle(dev);
    for (dsvk_model *model = device->models; model; model = model->next)
        trim_model(model, how);
    dv_stream_trim(device->stream);
    *freed = before - dev->bytes_used;
    return DSVK_OK;
}

dsvk_status dsvk_device_trim(dsvk_device *device, dsvk_trim how, uint64_t *freed)
{
    dsvk_status status;
    uint64_t    bytes = 0;
    if (freed)
        *freed = 0;
    if (!device)
        return DSVK_BAD_ARGUMENT;
    if ((unsigned)how > DSVK_TRIM_CACHES)
        return dv_fail(&device->ctx, DSVK_BAD_ARGUMENT, "device: trimmed by %d, which is no way",
                       (int)how);
    if (!dv_turn_take(device->turn))
        return dv_fail(&device->ctx, DSVK_BUSY, "device: trimmed from a callback that has it");
    status = trim(device, how, &bytes);
    dv_turn_give(device->turn);
    if (freed)
        *freed = bytes;
    return status;
}
