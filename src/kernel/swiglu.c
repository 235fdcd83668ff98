/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kernel/kernel.h"

static dsvk_status dispatch_swiglu(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                   const struct dv_node *node)
{
    struct dv_operand     gate = dv_site_operand(site, node->in.swiglu.gate);
    struct dv_operand     up   = dv_site_operand(site, node->in.swiglu.up);
    struct dv_operand     y    = dv_site_operand(site, node->out.swiglu.y);
    struct dv_tuning      tuning;
    struct dv_swiglu_args args = {
        .gate        = gate.address,
        .up          = up.address,
        .y           = y.address,
        .gate_stride = gate.stride,
        .up_stride   = up.stride,
        .y_stride    = y.stride,
        .rows        = y.rows,
        .cols        = y.cols,
    };
    dv_tuning_of(&tuning, site->caps);
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "swiglu", .spec = { [DV_WORKGROUP] = tuning.row_workgroup } },
        .groups   = { dv_quad_groups(y.cols, tuning.row_workgroup), dv_groups(site, 1, y.rows), 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_swiglu = { dispatch_swiglu };
