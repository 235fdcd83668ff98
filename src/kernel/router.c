/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kernel/kernel.h"

/* Shared memory of shaders/router.comp. */
#define MAX_EXPERTS 512
#define MAX_GROUPS 64
#define MAX_TOP_K 16

static dsvk_status check_shape(const struct dv_kernel_site *site, const struct dv_node *node)
{
    if (node->experts > MAX_EXPERTS || node->groups > MAX_GROUPS || node->top_k > MAX_TOP_K ||
        node->top_k > node->experts)
        return dv_fail(site->graph->ctx, DSVK_UNSUPPORTED,
                       "router: %u of %u experts in %u groups; at most %u of %u in %u", node->top_k,
                       node->experts, node->groups, MAX_TOP_K, MAX_EXPERTS, MAX_GROUPS);
    if (node->groups > 1 && node->experts % node->groups != 0)
        return dv_fail(site->graph->ctx, DSVK_UNSUPPORTED, "router: %u experts in %u groups",
                       node->experts, node->groups);
    return DSVK_OK;
}

static dsvk_status dispatch_router(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                   const struct dv_node *node)
{
    struct dv_operand     logits = dv_site_operand(site, node->in[0]);
    struct dv_operand     y      = dv_site_operand(site, node->out[0]);
    struct dv_tuning      tuning;
    struct dv_router_args args = {
        .logits        = logits.address,
        .bias          = dv_site_vector(site, node->w[0]),
        .y             = y.address,
        .logits_stride = logits.stride,
        .y_stride      = y.stride,
        .tokens        = logits.rows,
        .experts       = node->experts,
        .top_k         = node->top_k,
        .groups        = node->groups,
        .top_k_groups  = node->top_k_groups,
        .flags         = node->w[0] ? node->flags : node->flags & ~DV_ROUTER_BIAS,
        .scale         = node->scale,
    };
    dsvk_status status;
    TRY(check_shape(site, node));
    dv_tuning_of(&tuning, site->caps);
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "router", .spec = { tuning.row_workgroup }, .n_spec = 1 },
        .groups   = { dv_groups(site, 0, logits.rows), 1, 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_router = { "router", dispatch_router };
