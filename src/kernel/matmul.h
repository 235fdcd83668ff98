/* SPDX-License-Identifier: MIT */
/* The ops that share matmul.comp and expert_matmul.comp: the fused forms differ by what stands
 * around the product. */
#ifndef DV_KERNEL_MATMUL_H
#define DV_KERNEL_MATMUL_H

#include "kernel/tile.h"

/* matmul or project. */
struct dv_matmul_operands {
    enum dv_op op;
    dv_tensor  x, residual, y; /* residual 0: none */
    dv_weight  matrix, norm;   /* norm 0: x as it is */
    uint32_t   x_slice;
    float      eps;
};

/* expert_matmul or expert_up. */
struct dv_expert_matmul_operands {
    enum dv_op op;
    dv_tensor  x, route, plan, y; /* plan 0: each pair by itself */
    dv_weight  experts, norm;     /* norm 0: x as it is */
    uint32_t   top_k, x_div, tile;
    float      eps;
};

dsvk_status dv_matmul_dispatch(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                               const struct dv_matmul_operands *o);
dsvk_status dv_expert_matmul_dispatch(struct dv_dispatch                     *dispatch,
                                      const struct dv_kernel_site            *site,
                                      const struct dv_expert_matmul_operands *o);

#endif
