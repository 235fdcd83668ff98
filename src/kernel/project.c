/* SPDX-License-Identifier: MIT */
/* matmul with the norm before it, and the gating or the residual after it. */
#include "kernel/matmul.h"

static dsvk_status dispatch_project(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                    const struct dv_node *node)
{
    struct dv_matmul_form form = { .norm = node->w[1], .residual = node->in[1] };
    return dv_matmul_dispatch(dispatch, site, node, &form);
}

const struct dv_kernel dv_kernel_project = { "project", dispatch_project };
