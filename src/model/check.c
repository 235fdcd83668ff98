/* SPDX-License-Identifier: MIT */
/* Whether a checkpoint has all that its model needs: what the graph names, in its order. */
#include <stdio.h>
#include <string.h>

#include "model/model.h"

static dsvk_status check_tensor(const struct dv_context *ctx, const struct dv_checkpoint *from,
                                const struct dv_weight_info *info, uint32_t expert)
{
    struct dv_matrix_file        matrix;
    const struct dv_tensor_file *vector;
    char                         name[256];
    dv_weight_tensor_name(name, info->parts[0].name, expert);
    if (info->kind == DV_WEIGHT_VECTOR)
        return dv_checkpoint_vector(&vector, ctx, from, name, info->cols);
    return dv_checkpoint_matrix(&matrix, ctx, from, name, info->parts[0].rows, info->tensor_cols);
}

/* Newer exports have one tensor for the gate and up projections of all experts. */
static dsvk_status refuse_fused(const struct dv_context *ctx, const struct dv_checkpoint *from,
                                const struct dv_weight_info *info)
{
    char        name[256];
    const char *pattern = info->parts[0].name, *mark = strstr(pattern, "%u");
    snprintf(name, sizeof name, "%.*sgate_up_proj", (int)(mark - pattern), pattern);
    if (!dv_checkpoint_find(from, name))
        return DSVK_OK;
    return dv_fail(ctx, DSVK_UNSUPPORTED,
                   "checkpoint: %s: experts fused into one tensor are not supported", name);
}

/* The n matrices of one expert after the other. */
static dsvk_status check_experts(const struct dv_context *ctx, const struct dv_checkpoint *from,
                                 const struct dv_weight_info *first, uint32_t n)
{
    dsvk_status status;
    TRY(refuse_fused(ctx, from, first));
    for (uint32_t e = 0; e < first->experts; e++)
        for (uint32_t i = 0; i < n; i++)
            TRY(check_tensor(ctx, from, &first[i], e));
    return DSVK_OK;
}

static dsvk_status check_weights(const struct dv_context *ctx, const struct dv_checkpoint *from,
                                 const struct dv_graph *g)
{
    dsvk_status status;
    for (dv_weight w = 1, next; w <= g->n_weights; w = next) {
        const struct dv_weight_info *info = &g->weights[w];
        for (next = w + 1; info->experts && next <= g->n_weights && g->weights[next].experts;)
            next++;
        if (info->experts)
            TRY(check_experts(ctx, from, info, next - w));
        else if (info->kind != DV_WEIGHT_ROPE)
            TRY(check_tensor(ctx, from, info, 0));
    }
    return DSVK_OK;
}

dsvk_status dv_model_check(const struct dv_context *ctx, const struct dv_checkpoint *checkpoint)
{
    dsvk_status      status;
    struct dv_graph *g;
    TRY(dv_model_weights(&g, ctx, dv_checkpoint_config(checkpoint)));
    status = check_weights(ctx, checkpoint, g);
    dv_graph_free(g);
    return status;
}
