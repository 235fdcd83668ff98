/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kernel/kernel.h"

static dsvk_status dispatch_embed(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                  const struct dv_node *node)
{
    struct dv_operand    y = dv_site_operand(site, node->out.embed.y);
    struct dv_tuning     tuning;
    struct dv_embed_args args = {
        .step     = dv_address_of(site->step),
        .y        = y.address,
        .table    = dv_site_matrix(site, node->w.embed.table),
        .y_stride = y.stride,
        .tokens   = y.rows,
    };
    dv_tuning_of(&tuning, site->caps);
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "embed",
                      .spec   = { [DV_WORKGROUP]    = tuning.row_workgroup,
                                  [DV_EMBED_FORMAT] = site->weights[node->w.embed.table].format } },
        .groups   = { dv_groups(site, 0, y.rows), 1, 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_embed = { dispatch_embed };
