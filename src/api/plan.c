/* SPDX-License-Identifier: MIT */
/* dsvk_model_plan(): the planner's sums copied into the public struct. It allocates nothing on a
 * device and works without one. */
#include "api/handles.h"
#include "planner/tiers.h"
#include "planner/ledger.h"

static void add_heaps(dsvk_plan *plan, const struct dv_caps *caps)
{
    plan->has_device = true;
    plan->has_budget = caps->memory_budget;
    for (uint32_t i = 0; i < caps->n_heaps && i < DSVK_MAX_HEAPS; i++) {
        const struct dv_heap *heap   = &caps->heaps[i];
        plan->heaps[plan->n_heaps++] = (dsvk_heap){ .size         = heap->size,
                                                    .free         = heap->free,
                                                    .device_local = heap->local,
                                                    .host_visible = heap->visible,
                                                    .holds_device = i == caps->device_heap,
                                                    .holds_host   = i == caps->host_heap };
    }
}

/* With the device's turn, if there is a device. */
static dsvk_status make_plan(dsvk_plan *plan, const dsvk_model *model, const dsvk_device *device,
                             const dsvk_plan_params *params)
{
    dsvk_status status;
    if (device)
        dv_device_read_budget(device->dev, true);
    const struct dv_caps   *caps   = device ? &device->dev->caps : &dv_ledger_usual_card;
    struct dv_weight_source source = dv_source_of(model, &params->run);
    struct dv_ledger_params ledger = { .source = &source, .limit = params->memory_limit };
    TRY(dv_setup_make(&ledger.setup, &model->ctx, &model->config, caps, &params->run));
    if (device) {
        ledger.used  = device->dev->bytes_used;
        ledger.limit = params->memory_limit ? params->memory_limit : device->dev->bytes_limit;
    }
    uint64_t left = ledger.limit > ledger.used ? ledger.limit - ledger.used : 0;
    ledger.host   = params->run.host_memory;
    if (ledger.host == 0)
        ledger.host = dv_expert_host_bytes(caps, left);
    TRY(dv_ledger_make(plan, &ledger));
    if (device)
        add_heaps(plan, caps);
    return DSVK_OK;
}

dsvk_status dsvk_model_plan(dsvk_plan *plan, const dsvk_model *model, const dsvk_device *device,
                            const dsvk_plan_params *params)
{
    static const dsvk_plan_params usual = { 0 };
    dsvk_status                   status;
    *plan  = (dsvk_plan){ 0 };
    params = params ? params : &usual;
    if (!device && params->memory_limit == 0)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT,
                       "plan: neither a device nor how much memory it has");
    if (device && !dv_turn_take(device->turn))
        return dv_fail(&model->ctx, DSVK_BUSY, "plan: called from a callback that has the device");
    status = make_plan(plan, model, device, params);
    if (device)
        dv_turn_give(device->turn);
    return status;
}

bool dsvk_model_plan_layer(dsvk_plan_layer *placed, const dsvk_model *model, const dsvk_plan *plan,
                           uint32_t layer)
{
    const struct dv_config *c      = &model->config;
    uint32_t                before = 0, n = plan->layers - plan->dense_layers;
    *placed = (dsvk_plan_layer){ 0 };
    if (layer >= c->layers)
        return false;
    placed->moe = dv_config_is_moe(c, layer);
    if (!placed->moe)
        return true;
    for (uint32_t l = 0; l < layer; l++)
        before += dv_config_is_moe(c, l);
    struct dv_expert_share first =
        dv_experts_share(plan->experts_device, plan->experts_host, before, n);
    struct dv_expert_share end =
        dv_experts_share(plan->experts_device, plan->experts_host, before + 1, n);
    placed->experts_device = (uint32_t)(end.device - first.device);
    placed->experts_host   = (uint32_t)(end.host - first.host);
    placed->experts_disk   = c->experts - placed->experts_device - placed->experts_host;
    return true;
}
