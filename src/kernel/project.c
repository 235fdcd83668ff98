/* SPDX-License-Identifier: MIT */
/* matmul with the norm before it, and the gating or the residual after it. */
#include "kernel/matmul.h"

static dsvk_status dispatch_project(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                    const struct dv_node *node)
{
    struct dv_matmul_operands operands = {
        .op       = node->op,
        .x        = node->in.project.x,
        .residual = node->in.project.residual,
        .y        = node->out.project.y,
        .matrix   = node->w.project.matrix,
        .norm     = node->w.project.norm,
        .x_slice  = node->project.x_slice,
        .eps      = node->project.eps,
    };
    return dv_matmul_dispatch(dispatch, site, &operands);
}

const struct dv_kernel dv_kernel_project = { dispatch_project };
