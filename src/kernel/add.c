/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kernel/kernel.h"

static dsvk_status dispatch_add(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                const struct dv_node *node)
{
    struct dv_operand  a = dv_site_operand(site, node->in.add.a);
    struct dv_operand  b = dv_site_operand(site, node->in.add.b);
    struct dv_operand  y = dv_site_operand(site, node->out.add.y);
    struct dv_tuning   tuning;
    struct dv_add_args args = {
        .a        = a.address,
        .b        = b.address,
        .y        = y.address,
        .a_stride = a.stride,
        .b_stride = b.stride,
        .y_stride = y.stride,
        .rows     = y.rows,
        .cols     = y.cols,
    };
    dv_tuning_of(&tuning, site->caps);
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "add", .spec = { [DV_WORKGROUP] = tuning.row_workgroup } },
        .groups   = { dv_quad_groups(y.cols, tuning.row_workgroup), dv_groups(site, 1, y.rows), 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_add = { dispatch_add };
