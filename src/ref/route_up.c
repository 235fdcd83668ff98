/* SPDX-License-Identifier: MIT */
/* route = router(logits), then y = expert_up(x, route). */
#include "ref/ref.h"

void dv_ref_route_up(const struct dv_ref_site *site, const struct dv_node *node)
{
    uint32_t       top_k  = node->route_up.shape.top_k;
    struct dv_node router = { .op         = DV_OP_router,
                              .in.router  = { .logits = node->in.route_up.logits },
                              .w.router   = { .bias = node->w.route_up.bias },
                              .out.router = { .route = node->out.route_up.route },
                              .router     = { .shape = node->route_up.shape } };
    struct dv_node up     = {
            .op            = DV_OP_expert_up,
            .in.expert_up  = { .x = node->in.route_up.x, .route = node->out.route_up.route },
            .w.expert_up   = { .experts = node->w.route_up.experts, .norm = node->w.route_up.norm },
            .out.expert_up = { .y = node->out.route_up.y },
            .expert_up     = { .top_k = top_k, .x_div = top_k, .eps = node->route_up.eps }
    };
    dv_ref_router(site, &router);
    dv_ref_expert_up(site, &up);
}
