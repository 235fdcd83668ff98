/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kernel/router.h"

/* Shared memory of shaders/lib/router.glsl. */
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

dsvk_status dv_router_args_of(struct dv_router_args *args, const struct dv_kernel_site *site,
                              const struct dv_node *node, const struct dv_router_form *form)
{
    dsvk_status       status;
    struct dv_operand logits = dv_site_operand(site, form->logits);
    struct dv_operand y      = dv_site_operand(site, form->route);
    TRY(check_shape(site, node));
    *args = (struct dv_router_args){
        .logits        = logits.address,
        .bias          = dv_site_vector(site, form->bias),
        .y             = y.address,
        .logits_stride = logits.stride,
        .y_stride      = y.stride,
        .tokens        = logits.rows,
        .experts       = node->experts,
        .top_k         = node->top_k,
        .groups        = node->groups,
        .top_k_groups  = node->top_k_groups,
        .flags         = form->bias ? node->flags : node->flags & ~DV_ROUTER_BIAS,
        .scale         = node->scale,
    };
    return DSVK_OK;
}

static dsvk_status dispatch_router(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                   const struct dv_node *node)
{
    dsvk_status           status;
    struct dv_tuning      tuning;
    struct dv_router_args args;
    struct dv_router_form form = { node->in[0], node->out[0], node->w[0] };
    TRY(dv_router_args_of(&args, site, node, &form));
    dv_tuning_of(&tuning, site->caps);
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "router",
                      .spec   = { [DV_WORKGROUP]      = tuning.row_workgroup,
                                  [DV_ROUTER_EXPERTS] = node->experts } },
        .groups   = { dv_groups(site, 0, args.tokens), 1, 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_router = { "router", dispatch_router };
