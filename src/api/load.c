/* SPDX-License-Identifier: MIT */
/* The weights of a model come to a device, leave it, and come again where it was lost. */
#include "api/handles.h"

#include "base/stop.h"
#include "engine/remake.h"
#include "planner/recipes.h"
#include "planner/tiers.h"
#include "quantize/quantize.h"

static uint64_t device_left(const dsvk_device *device)
{
    const struct dv_device *dev = device->dev;
    return dev->bytes_limit > dev->bytes_used ? dev->bytes_limit - dev->bytes_used : 0;
}

static dsvk_status check_loadable(const dsvk_model *model)
{
    if (atomic_load(&model->loaded))
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT, "model: it is loaded already");
    if (!model->checkpoint && !model->random)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT, "model: opened without its tensors");
    return DSVK_OK;
}

/* Remembers how much there was to load, so that all models of a device can be reported as one. */
struct watched {
    const dsvk_progress *asked;
    uint64_t             total;
};

static bool report(void *user, uint64_t done, uint64_t total)
{
    struct watched *w = user;
    w->total          = total;
    return dv_goes_on(w->asked, done, total);
}

/* Weights, and what is kept of the memory for a session as `setup` says. */
static dsvk_status load_weights(dsvk_model *model, dsvk_device *device,
                                struct dv_expert_budget *budget, struct watched *watched)
{
    dsvk_status             status;
    struct dv_graph        *graphs[2];
    struct dv_weight_source source   = dv_source_of(model, &model->run);
    dsvk_progress           progress = { .report = report, .user = watched };
    struct dv_load_params   load     = { .source       = &source,
                                         .graphs       = graphs,
                                         .budget       = budget,
                                         .check_scales = true,
                                         .progress     = &progress };
    progress.stop                    = watched->asked ? watched->asked->stop : NULL;
    if (budget->host_bytes == 0)
        budget->host_bytes = dv_expert_host_bytes(budget->session->caps, device_left(device));
    status = dv_recipe_graphs(graphs, &load.n_graphs, budget->session);
    if (status == DSVK_OK)
        status = dv_weights_load(&model->weights, device->dev, device->stream, &load);
    dv_graph_free(graphs[0]);
    dv_graph_free(graphs[1]);
    return status;
}

dsvk_status dv_model_load(dsvk_model *model, dsvk_device *device, const dsvk_run *run,
                          const dsvk_progress *progress)
{
    dsvk_status     status;
    struct dv_setup setup;
    struct watched  watched = { .asked = progress };
    dv_device_read_budget(device->dev, true);
    TRY(dv_setup_make(&setup, &model->ctx, &model->config, &device->dev->caps, run));
    struct dv_weight_source source = dv_source_of(model, run);
    if (source.checkpoint)
        TRY(dv_quantize_warn(&model->ctx, source.checkpoint, &source.to));
    struct dv_expert_budget budget = { .session = &setup, .host_bytes = run->host_memory };
    model->run                     = *run;
    TRY(load_weights(model, device, &budget, &watched));
    struct dv_experts *x = dv_weights_experts(model->weights);
    model->context       = x ? x->context : 0;
    model->load_bytes    = watched.total;
    atomic_store(&model->weight_bytes, dv_weights_bytes(model->weights));
    dv_report_load(model, &setup);
    return DSVK_OK;
}

void dv_model_drop_weights(dsvk_model *model)
{
    atomic_store(&model->weight_bytes, 0);
    dv_weights_free(model->weights);
    model->weights = NULL;
}

/* ---- loading ---- */

/* What sessions that outlived an unloading were made for. With the device's turn. */
static dsvk_status check_sessions(const dsvk_model *model, const dsvk_run *run)
{
    const dsvk_run *was  = &model->run;
    bool            same = run->math == was->math && run->no_fuse == was->no_fuse &&
                dv_weights_key(run) == dv_weights_key(was);
    if (!model->sessions || same)
        return DSVK_OK;
    return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT,
                   "model: its sessions were made for other math, fusion or weights than it is "
                   "loaded for now");
}

/* A user of the device, whose list it joins at the end. */
static void join(dsvk_model *model, dsvk_device *device)
{
    dsvk_model **link = &device->models;
    while (*link)
        link = &(*link)->next;
    *link       = model;
    model->next = NULL;
    if (model->device) /* it is this one; who waits for its turn reads it now */
        return;
    atomic_fetch_add(&device->users, 1);
    model->device = device;
}

/* Of the models that recovering loads; it is still a user. */
static void leave_list(dsvk_model *model)
{
    dsvk_model **link = &model->device->models;
    while (*link && *link != model)
        link = &(*link)->next;
    if (*link)
        *link = model->next;
}

/* With the device's turn. */
static dsvk_status load_model(dsvk_model *model, dsvk_device *device,
                              const dsvk_load_params *params)
{
    dsvk_status             status;
    struct dv_turn_progress progress;
    TRY(check_loadable(model));
    TRY(check_sessions(model, &params->run));
    dv_turn_progress_init(&progress, device->turn, &params->progress);
    TRY(dv_model_load(model, device, &params->run, &progress.given));
    if (!model->sessions)
        model->left_f16 = false;
    join(model, device);
    atomic_store(&model->loaded, true);
    return DSVK_OK;
}

/* Gives the turn away, after which an unloaded model is no user of its device any more, unless its
 * sessions or calls need that. Whether it is none. */
static bool leave_unless_needed(dsvk_model *model)
{
    dsvk_device *device = model->device;
    bool         leaves =
        !atomic_load(&model->loaded) && !model->sessions && atomic_load(&model->passing) == 0;
    if (leaves)
        model->device = NULL;
    dv_turn_give(device->turn);
    if (leaves)
        dsvk_device_close(device);
    return leaves;
}

/* Unloaded from another device than it is to be loaded to. */
static dsvk_status leave_other(dsvk_model *model, const dsvk_device *device)
{
    dsvk_device *old = model->device;
    if (!old || old == device || atomic_load(&model->loaded))
        return DSVK_OK;
    if (!dv_turn_take(old->turn))
        return dv_fail(&model->ctx, DSVK_BUSY, "model: loaded from a callback of the library");
    if (leave_unless_needed(model))
        return DSVK_OK;
    return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT,
                   "model: it has sessions on another device; free them first");
}

dsvk_status dsvk_model_load(dsvk_model *model, dsvk_device *device, const dsvk_load_params *params)
{
    static const dsvk_load_params usual = { 0 };
    dsvk_status                   status;
    if (atomic_exchange(&model->loading, true))
        return dv_fail(&model->ctx, DSVK_BUSY, "model: it is being loaded or unloaded already");
    status = leave_other(model, device);
    if (status == DSVK_OK && dv_turn_take(device->turn)) {
        struct dv_why_call call;
        dv_why_begin(&call, &model->why, &device->why, &device->why);
        device->inside++;
        status = dv_device_admits(device, &model->ctx);
        if (status == DSVK_OK)
            status = load_model(model, device, params ? params : &usual);
        if (status != DSVK_OK)
            dv_why_end(&call, dsvk_status_text(status));
        device->inside--;
        dv_turn_give(device->turn);
    } else if (status == DSVK_OK) {
        status = dv_fail(&model->ctx, DSVK_BUSY, "model: loaded from a callback of the library");
    }
    atomic_store(&model->loading, false);
    return status;
}

/* ---- unloading ---- */

/* With the turn. */
static dsvk_status unload(dsvk_model *model)
{
    struct dv_device *dev = model->device->dev;
    if (model->inside > 0)
        return dv_fail(&model->ctx, DSVK_BUSY,
                       "model: unloaded while a call on a session of it has not returned yet");
    if (atomic_load(&model->device->recovering))
        return dv_fail(&model->ctx, DSVK_BUSY, "model: unloaded while \"%s\" is being recovered",
                       dev->caps.name);
    dv_device_settle(dev);
    for (dsvk_session *s = model->sessions; s; s = s->next)
        dv_session_drop_all(s->session);
    leave_list(model);
    dv_model_drop_weights(model);
    atomic_store(&model->loaded, false);
    return DSVK_OK;
}

dsvk_status dsvk_model_unload(dsvk_model *model)
{
    dsvk_status status = DSVK_OK;
    if (!model)
        return DSVK_BAD_ARGUMENT;
    if (atomic_exchange(&model->loading, true))
        return dv_fail(&model->ctx, DSVK_BUSY, "model: it is being loaded or unloaded already");
    if (atomic_load(&model->loaded)) {
        if (dv_turn_take(model->device->turn)) {
            status = unload(model);
            (void)leave_unless_needed(model);
        } else {
            status =
                dv_fail(&model->ctx, DSVK_BUSY, "model: unloaded from a callback of the library");
        }
    }
    atomic_store(&model->loading, false);
    return status;
}

uint64_t dsvk_model_weight_bytes(const dsvk_model *model)
{
    return atomic_load(&model->weight_bytes);
}

void dv_model_leave_device(dsvk_model *model)
{
    dsvk_device *device = model->device;
    if (!device)
        return;
    bool mine = dv_turn_take(device->turn);
    leave_list(model);
    dv_model_drop_weights(model);
    model->device = NULL;
    if (mine)
        dv_turn_give(device->turn);
    dsvk_device_close(device);
}
