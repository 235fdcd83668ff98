/* SPDX-License-Identifier: MIT */
/* What calls of dsvk/graph.h begin and end with, and what is left of them after a loss. */
#include "api/lent.h"

#include "engine/load.h"

dsvk_status dv_lent_begin(dsvk_device *device)
{
    dsvk_status status;
    if (!dv_turn_take(device->turn))
        return dv_fail(&device->ctx, DSVK_BUSY,
                       "graph: called from a callback that has the device");
    status = dv_device_admits(device, &device->ctx);
    if (status == DSVK_OK)
        device->inside++;
    else
        dv_turn_give(device->turn);
    return status;
}

dsvk_status dv_lent_end(dsvk_device *device, dsvk_status status)
{
    device->inside--;
    dv_turn_give(device->turn);
    return status;
}

void dv_lent_drop(dsvk_device *device)
{
    for (dsvk_program *p = device->programs; p; p = p->next)
        dv_lent_drop_program(p);
    for (dsvk_weight *w = device->weights; w; w = w->next) {
        dv_weights_free(w->weights);
        w->weights = NULL;
        atomic_store(&w->bytes, 0);
    }
}
