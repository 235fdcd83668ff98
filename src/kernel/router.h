/* SPDX-License-Identifier: MIT */
/* The ops that choose experts by lib/router.glsl. */
#ifndef DV_KERNEL_ROUTER_H
#define DV_KERNEL_ROUTER_H

#include "kernel/kernel.h"

struct dv_router_operands {
    dv_tensor                     logits, route;
    dv_weight                     bias; /* 0: none */
    const struct dv_router_shape *shape;
};

/* UNSUPPORTED where the shader has no room for the experts. */
dsvk_status dv_router_args_of(struct dv_router_args *args, const struct dv_kernel_site *site,
                              const struct dv_router_operands *o);

#endif
