/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kernel/kernel.h"

static dsvk_status dispatch_expert_sum(struct dv_dispatch          *dispatch,
                                       const struct dv_kernel_site *site,
                                       const struct dv_node        *node)
{
    struct dv_operand x        = dv_site_operand(site, node->in.expert_sum.x);
    struct dv_operand route    = dv_site_operand(site, node->in.expert_sum.route);
    struct dv_operand shared   = dv_site_operand(site, node->in.expert_sum.shared);
    struct dv_operand residual = dv_site_operand(site, node->in.expert_sum.residual);
    struct dv_operand y        = dv_site_operand(site, node->out.expert_sum.y);
    struct dv_tuning  tuning;

    struct dv_expert_sum_args args = {
        .x               = x.address,
        .route           = route.address,
        .shared_y        = shared.address,
        .residual        = residual.address,
        .y               = y.address,
        .x_stride        = x.stride,
        .route_stride    = route.stride,
        .shared_stride   = shared.stride,
        .residual_stride = residual.stride,
        .y_stride        = y.stride,
        .tokens          = y.rows,
        .cols            = y.cols,
        .top_k           = node->expert_sum.top_k,
    };
    dv_tuning_of(&tuning, site->caps);
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "expert_sum", .spec = { [DV_WORKGROUP] = tuning.row_workgroup } },
        .groups   = { dv_quad_groups(y.cols, tuning.row_workgroup), dv_groups(site, 1, y.rows), 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_expert_sum = { dispatch_expert_sum };
