/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kernel/kernel.h"

static dsvk_status dispatch_rope(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                 const struct dv_node *node)
{
    struct dv_operand   x = dv_site_operand(site, node->in.rope.x);
    struct dv_operand   y = dv_site_operand(site, node->out.rope.y);
    struct dv_tuning    tuning;
    struct dv_rope_args args = {
        .step     = dv_address_of(site->step),
        .x        = x.address,
        .table    = dv_site_vector(site, node->w.rope.table),
        .y        = y.address,
        .x_stride = x.stride,
        .y_stride = y.stride,
        .tokens   = y.rows,
        .heads    = node->rope.heads,
        .dim      = node->rope.dim,
        .x_head   = node->rope.x_head,
        .x_offset = node->rope.x_offset,
    };
    if ((node->rope.dim | node->rope.x_head | node->rope.x_offset) % 4 != 0)
        return dv_fail(site->graph->ctx, DSVK_UNSUPPORTED,
                       "rope: %u values at %u of %u; only multiples of 4", node->rope.dim,
                       node->rope.x_offset, node->rope.x_head);
    dv_tuning_of(&tuning, site->caps);
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "rope", .spec = { [DV_WORKGROUP] = tuning.row_workgroup } },
        .groups   = { dv_quad_groups(node->rope.heads * node->rope.dim, tuning.row_workgroup),
                      dv_groups(site, 1, y.rows), 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_rope = { dispatch_rope };
