/* SPDX-License-Identifier: MIT */
/* expert_matmul with the norm before it and the gating after it. */
#include "kernel/matmul.h"

static dsvk_status dispatch_expert_up(struct dv_dispatch          *dispatch,
                                      const struct dv_kernel_site *site, const struct dv_node *node)
{
    struct dv_expert_matmul_operands operands = {
        .op      = node->op,
        .x       = node->in.expert_up.x,
        .route   = node->in.expert_up.route,
        .plan    = node->in.expert_up.plan,
        .y       = node->out.expert_up.y,
        .experts = node->w.expert_up.experts,
        .norm    = node->w.expert_up.norm,
        .top_k   = node->expert_up.top_k,
        .x_div   = node->expert_up.x_div,
        .tile    = node->expert_up.tile,
        .eps     = node->expert_up.eps,
    };
    return dv_expert_matmul_dispatch(dispatch, site, &operands);
}

const struct dv_kernel dv_kernel_expert_up = { dispatch_expert_up };
