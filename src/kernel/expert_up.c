/* SPDX-License-Identifier: MIT */
/* expert_matmul with the norm before it and the gating after it. */
#include "kernel/matmul.h"

static dsvk_status dispatch_expert_up(struct dv_dispatch          *dispatch,
                                      const struct dv_kernel_site *site, const struct dv_node *node)
{
    struct dv_matmul_form form = { .norm = node->w[1] };
    return dv_expert_matmul_dispatch(dispatch, site, node, &form);
}

const struct dv_kernel dv_kernel_expert_up = { "expert_up", dispatch_expert_up };
