/* SPDX-License-Identifier: MIT */
/* The ops that share matmul.comp and expert_matmul.comp: the fused forms differ by what stands
 * around the product. */
#ifndef DV_KERNEL_MATMUL_H
#define DV_KERNEL_MATMUL_H

#include "kernel/tile.h"

struct dv_matmul_form {
    dv_weight norm;     /* 0: x as it is */
    dv_tensor residual; /* 0: none; matmul only */
};

dsvk_status dv_matmul_dispatch(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                               const struct dv_node *node, const struct dv_matmul_form *form);
dsvk_status dv_expert_matmul_dispatch(struct dv_dispatch          *dispatch,
                                      const struct dv_kernel_site *site, const struct dv_node *node,
                                      const struct dv_matmul_form *form);

#endif
