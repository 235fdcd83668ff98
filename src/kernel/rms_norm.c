/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kernel/kernel.h"

static dsvk_status dispatch_rms_norm(struct dv_dispatch          *dispatch,
                                     const struct dv_kernel_site *site, const struct dv_node *node)
{
    struct dv_operand x = dv_site_operand(site, node->in.rms_norm.x);
    struct dv_operand y = dv_site_operand(site, node->out.rms_norm.y);
    struct dv_tuning  tuning;

    struct dv_rms_norm_args args = {
        .x        = x.address,
        .weight   = dv_site_vector(site, node->w.rms_norm.norm),
        .y        = y.address,
        .x_stride = x.stride,
        .y_stride = y.stride,
        .rows     = x.rows,
        .cols     = x.cols,
        .eps      = node->rms_norm.eps,
    };
    dv_tuning_of(&tuning, site->caps);
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "rms_norm", .spec = { [DV_WORKGROUP] = tuning.row_workgroup } },
        .groups   = { dv_groups(site, 0, x.rows), 1, 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_rms_norm = { dispatch_rms_norm };
