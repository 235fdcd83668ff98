/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kernel/kernel.h"

static dsvk_status dispatch_rope(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                 const struct dv_node *node)
{
    struct dv_operand   x = dv_site_operand(site, node->in[0]);
    struct dv_operand   y = dv_site_operand(site, node->out[0]);
    struct dv_tuning    tuning;
    struct dv_rope_args args = {
        .step     = dv_address_of(site->step),
        .x        = x.address,
        .table    = dv_site_vector(site, node->w[0]),
        .y        = y.address,
        .x_stride = x.stride,
        .y_stride = y.stride,
        .tokens   = y.rows,
        .heads    = node->heads,
        .dim      = node->dim,
        .x_head   = node->x_head,
        .x_offset = node->x_offset,
    };
    if ((node->dim | node->x_head | node->x_offset) % 4 != 0)
        return dv_fail(site->graph->ctx, DSVK_UNSUPPORTED,
                       "rope: %u values at %u of %u; only multiples of 4", node->dim,
                       node->x_offset, node->x_head);
    dv_tuning_of(&tuning, site->caps);
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "rope", .spec = { [DV_WORKGROUP] = tuning.row_workgroup } },
        .groups   = { dv_quad_groups(node->heads * node->dim, tuning.row_workgroup),
                      dv_groups(site, 1, y.rows), 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_rope = { "rope", dispatch_rope };
