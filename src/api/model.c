/* SPDX-License-Identifier: MIT */
/* The public model functions: they describe, print graphs and quantize. They check what the
 * caller gave and pass everything else to the modules below. */
#include <stdio.h>
#include <string.h>

#include "api/handles.h"
#include "os/os.h"
#include "quantize/quantize.h"
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

struct dv_weight_source dv_source_of(const dsvk_model *model, const dsvk_run *run)
{
    return (struct dv_weight_source){ .checkpoint = model->checkpoint,
                                      .config     = &model->config,
                                      .to = { .weights = run->weights, .head = run->head } };
}

uint32_t dv_weights_key(const dsvk_run *run)
{
    return dv_formats_key(&(struct dv_conversion){ run->weights, run->head });
}

static dsvk_status count_weights(struct dv_plan *plan, const dsvk_model *model,
                                 const dsvk_graph_params *params, uint32_t tokens)
{
    dsvk_status             status;
    struct dv_traffic       traffic;
    struct dv_weight_source source = dv_source_of(model, &(dsvk_run){ 0 });
    uint32_t                chunk  = params->chunk ? params->chunk : DV_LONG_CHUNK;
    TRY(dv_traffic_of(&traffic, &model->ctx, &source, tokens, chunk, params->no_fuse));
    plan->passes             = traffic.passes;
    plan->weight_bytes       = traffic.touched;
    plan->least_weight_bytes = traffic.least;
    return DSVK_OK;
}

dsvk_status dsvk_model_graph(const dsvk_model *model, const dsvk_graph_params *params)
{
    static const dsvk_graph_params usual = { 0 };
    dsvk_status                    status;
    struct dv_graph               *g;
    struct dv_plan                 plan;
    params = params ? params : &usual;
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

dsvk_status dsvk_model_quantize_with(const dsvk_model *model, const char *folder,
                                     const dsvk_quantize_params *params)
{
    const struct dv_conversion to = { params->weights, params->head };
    if (!model->checkpoint)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT, "model: opened without its tensors");
    if (!dv_setup_knows_weights(to.weights) || !dv_setup_knows_head(to.head) ||
        dv_formats_keep(&to))
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT, "quantize: no format to convert to");
    return dv_quantize(&model->ctx, model->checkpoint, &to, folder, &params->progress);
}

dsvk_status dsvk_model_quantize(const dsvk_model *model, const char *folder, dsvk_weights weights,
                                const dsvk_progress *progress)
{
    dsvk_quantize_params params = { .weights = weights };
    if (progress)
        params.progress = *progress;
    return dsvk_model_quantize_with(model, folder, &params);
}
