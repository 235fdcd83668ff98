/* SPDX-License-Identifier: MIT */
/* What the ops that choose experts share: arguments of lib/router.glsl and the shapes that it has
 * room for. A model with more experts or groups is refused with the numbers. */
#include <string.h>

#include "kernel/router.h"

static dsvk_status check_shape(const struct dv_kernel_site  *site,
                               const struct dv_router_shape *shape)
{
    if (shape->experts > DV_MAX_EXPERTS || shape->groups > DV_MAX_GROUPS ||
        shape->top_k > DV_MAX_TOP_K || shape->top_k > shape->experts)
        return dv_fail(site->graph->ctx, DSVK_UNSUPPORTED,
                       "router: %u of %u experts in %u groups; at most %u of %u in %u",
                       shape->top_k, shape->experts, shape->groups, DV_MAX_TOP_K, DV_MAX_EXPERTS,
                       DV_MAX_GROUPS);
    if (shape->groups > 1 && shape->experts % shape->groups != 0)
        return dv_fail(site->graph->ctx, DSVK_UNSUPPORTED, "router: %u experts in %u groups",
                       shape->experts, shape->groups);
    return DSVK_OK;
}

/* As the shader takes the rule. */
static uint32_t flags_of(const struct dv_router_shape *shape, bool bias)
{
    return (shape->sigmoid ? DV_ROUTER_SIGMOID : 0) | (bias ? DV_ROUTER_BIAS : 0) |
           (shape->group_sums ? DV_ROUTER_GROUP_SUM2 : 0) |
           (shape->normalise ? DV_ROUTER_NORMALISE : 0);
}

dsvk_status dv_router_args_of(struct dv_router_args *args, const struct dv_kernel_site *site,
                              const struct dv_router_operands *o)
{
    dsvk_status                   status;
    const struct dv_router_shape *shape  = o->shape;
    struct dv_operand             logits = dv_site_operand(site, o->logits);
    struct dv_operand             y      = dv_site_operand(site, o->route);
    TRY(check_shape(site, shape));
    *args = (struct dv_router_args){
        .logits        = logits.address,
        .bias          = dv_site_vector(site, o->bias),
        .y             = y.address,
        .logits_stride = logits.stride,
        .y_stride      = y.stride,
        .tokens        = logits.rows,
        .experts       = shape->experts,
        .top_k         = shape->top_k,
        .groups        = shape->groups,
        .top_k_groups  = shape->top_k_groups,
        .flags         = flags_of(shape, o->bias != 0),
        .scale         = shape->scale,
    };
    return DSVK_OK;
}

static dsvk_status dispatch_router(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                   const struct dv_node *node)
{
    dsvk_status               status;
    struct dv_tuning          tuning;
    struct dv_router_args     args;
    struct dv_router_operands operands = { .logits = node->in.router.logits,
                                           .route  = node->out.router.route,
                                           .bias   = node->w.router.bias,
                                           .shape  = &node->router.shape };
    TRY(dv_router_args_of(&args, site, &operands));
    dv_tuning_of(&tuning, site->caps);
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "router",
                      .spec   = { [DV_WORKGROUP]      = tuning.row_workgroup,
                                  [DV_ROUTER_EXPERTS] = node->router.shape.experts } },
        .groups   = { dv_groups(site, 0, args.tokens), 1, 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_router = { dispatch_router };
