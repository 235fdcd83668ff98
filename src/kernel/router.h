/* SPDX-License-Identifier: MIT */
/* The ops that choose experts by lib/router.glsl. */
#ifndef DV_KERNEL_ROUTER_H
#define DV_KERNEL_ROUTER_H

#include "kernel/kernel.h"

struct dv_router_form {
    dv_tensor logits, route;
    dv_weight bias; /* 0: none */
};

/* UNSUPPORTED where the shader has no room for the node's experts. */
dsvk_status dv_router_args_of(struct dv_router_args *args, const struct dv_kernel_site *site,
                              const struct dv_node *node, const struct dv_router_form *form);

#endif
