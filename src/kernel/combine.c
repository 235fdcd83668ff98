/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kernel/kernel.h"

static dsvk_status dispatch_combine(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                    const struct dv_node *node)
{
    struct dv_tuning tuning;
    dv_tuning_of(&tuning, site->caps);
    struct dv_operand partials = dv_site_operand(site, node->in.combine.partials);
    struct dv_operand y        = dv_site_operand(site, node->out.combine.y);

    struct dv_combine_args args = {
        .step            = dv_address_of(site->step),
        .partials        = partials.address,
        .y               = y.address,
        .partials_stride = partials.stride,
        .y_stride        = y.stride,
        .tokens          = y.rows,
        .heads           = node->combine.heads,
        .kv              = node->combine.kv,
        .split           = node->combine.split,
        .splits          = node->combine.splits,
    };
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "combine", .spec = { [DV_WORKGROUP] = tuning.row_workgroup } },
        .groups   = { dv_quad_groups(node->combine.heads * node->combine.kv, tuning.row_workgroup),
                      y.rows, 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_combine = { dispatch_combine };
