/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "api/handles.h"
#include "os/os.h"
#include "quantize/quantize.h"
#include "planner/recipes.h"
#include "planner/tiers.h"
#include "planner/reads.h"

const dsvk_model_info *dsvk_model_describe(const dsvk_model *model)
{
    return &model->info;
}

const char *dsvk_like_name(uint32_t index)
{
    return dv_config_like_name(index);
}

bool dsvk_model_tensor(const dsvk_model *model, uint32_t i, dsvk_tensor_info *info)
{
    *info = (dsvk_tensor_info){ 0 };
    if (i >= model->info.tensors)
        return false;
    const struct dv_tensor_file *t = dv_checkpoint_tensor(model->checkpoint, i);
    info->name                     = t->name;
    info->dtype                    = dv_dtype_name(t->dtype);
    info->n_dims                   = t->n_dims;
    info->bytes                    = t->bytes;
    for (uint32_t d = 0; d < t->n_dims && d < 4; d++)
        info->dims[d] = t->dims[d];
    return true;
}

/* ---- graph ---- */

static dsvk_status check_stage(const dsvk_model *model, const dsvk_graph_params *params)
{
    if ((unsigned)params->stage > DSVK_STAGE_PLANNED ||
        (unsigned)params->format > DSVK_FORMAT_JSON || !params->write)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT,
                       "graph: no such stage or format, or no writer");
    if (params->tokens > model->config.max_context || params->chunk > model->config.max_context)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT,
                       "graph: %u tokens in one pass, but the model's context is %u",
                       params->tokens > params->chunk ? params->tokens : params->chunk,
                       model->config.max_context);
    return DSVK_OK;
}

struct dv_weight_source dv_source_of(const dsvk_model *model)
{
    return (struct dv_weight_source){ .checkpoint = model->checkpoint, .config = &model->config };
}

static dsvk_status count_weights(struct dv_plan *plan, const dsvk_model *model,
                                 const dsvk_graph_params *params, uint32_t tokens)
{
    dsvk_status             status;
    struct dv_traffic       traffic;
    struct dv_weight_source source = dv_source_of(model);
    uint32_t                chunk  = params->chunk ? params->chunk : DV_LONG_CHUNK;
    TRY(dv_traffic_of(&traffic, &model->ctx, &source, tokens, chunk, params->no_fuse));
    plan->passes             = traffic.passes;
    plan->weight_bytes       = traffic.touched;
    plan->least_weight_bytes = traffic.least;
    return DSVK_OK;
}

dsvk_status dsvk_model_graph(const dsvk_model *model, const dsvk_graph_params *params)
{
    dsvk_status      status;
    struct dv_graph *g;
    struct dv_plan   plan;
    TRY(check_stage(model, params));
    uint32_t context = model->config.max_context < 4096 ? model->config.max_context : 4096;
    uint32_t tokens  = params->tokens ? params->tokens : 1;
    if (context < tokens)
        context = tokens;
    struct dv_graph_size size = {
        .tokens = tokens, .context = context, .split = dv_engine_split(context, NULL), .tile = 16
    };
    bool no_fuse = params->no_fuse || params->stage == DSVK_STAGE_BUILT;
    TRY(dv_engine_graph(&g, &model->ctx, &model->config, &size, no_fuse));
    if (params->stage == DSVK_STAGE_PLANNED)
        status = dv_graph_plan(g, &plan);
    if (status == DSVK_OK && params->stage == DSVK_STAGE_PLANNED)
        status = count_weights(&plan, model, params, tokens);
    if (status == DSVK_OK) {
        struct dv_printer printer = { .write = params->write, .user = params->user };
        dv_graph_print(g, params->stage == DSVK_STAGE_PLANNED ? &plan : NULL,
                       (enum dv_print_format)params->format, &printer);
    }
    dv_graph_free(g);
    return status;
}

/* ---- weights ---- */

bool dv_wants_f16(dsvk_math math, const struct dv_caps *caps)
{
    return math == DSVK_MATH_F16 || (math == DSVK_MATH_AUTO && dv_prefers_f16(caps));
}

static uint64_t device_left(const dsvk_device *device)
{
    const struct dv_device *dev = device->dev;
    return dev->bytes_limit > dev->bytes_used ? dev->bytes_limit - dev->bytes_used : 0;
}

dsvk_status dsvk_model_load(dsvk_model *model, dsvk_device *device, const dsvk_load_params *params)
{
    dsvk_status      status;
    struct dv_graph *graphs[2] = { NULL, NULL };
    uint32_t         n;
    if (model->weights)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT, "model: it is loaded already");
    if (!model->checkpoint && !model->random)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT, "model: opened without its tensors");
    dv_device_read_budget(device->dev, true);
    struct dv_weight_source source   = dv_source_of(model);
    bool                    math_f16 = dv_wants_f16(params->math, &device->dev->caps);
    struct dv_session_size  size     = { .ctx      = &model->ctx,
                                         .config   = &model->config,
                                         .caps     = &device->dev->caps,
                                         .math_f16 = math_f16,
                                         .no_fuse  = params->no_fuse,
                                         .context  = params->context,
                                         .chunk    = params->chunk,
                                         .cache    = dv_cache_format_of(params->cache) };
    struct dv_expert_budget budget   = { .session = &size, .host_bytes = params->host_memory };
    if (params->context > model->config.max_context)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT,
                       "model: a context of %u tokens, but the model's limit is %u",
                       params->context, model->config.max_context);
    if ((unsigned)params->weights >= DV_N_WEIGHT_CHOICES)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT, "model: no such format of weights");
    source.formats    = params->weights;
    source.check_data = true;
    source.budget     = &budget;
    if (model->checkpoint)
        TRY(dv_quantize_warn(&model->ctx, model->checkpoint, source.formats));
    if (budget.host_bytes == 0)
        budget.host_bytes = dv_expert_host_bytes(&device->dev->caps, device_left(device));
    status = dv_recipe_graphs(graphs, &n, &model->ctx, &model->config, math_f16, params->no_fuse);
    if (status == DSVK_OK)
        status = dv_weights_load(&model->weights, device->dev, device->stream, &source, graphs, n,
                                 &params->progress);
    dv_graph_free(graphs[0]);
    dv_graph_free(graphs[1]);
    if (status != DSVK_OK)
        return status;
    model->device        = device;
    struct dv_experts *x = dv_weights_experts(model->weights);
    model->context       = x ? x->context : 0;
    model->no_fuse       = params->no_fuse;
    model->math_f16      = math_f16;
    model->left_f16      = false;
    /* AUTO: f16 where it is faster, which is in matrix units only. */
    model->round_f16 = params->math == DSVK_MATH_F16;
    return DSVK_OK;
}

uint64_t dsvk_model_weight_bytes(const dsvk_model *model)
{
    return model->weights ? dv_weights_bytes(model->weights) : 0;
}

dsvk_status dsvk_model_quantize(const dsvk_model *model, const char *folder, dsvk_weights weights,
                                const dsvk_progress *progress)
{
    if (!model->checkpoint)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT, "model: opened without its tensors");
    if ((unsigned)weights >= DV_N_WEIGHT_CHOICES || weights == DSVK_WEIGHTS_KEEP)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT, "quantize: no format to convert to");
    return dv_quantize(&model->ctx, model->checkpoint, weights, folder, progress);
}
