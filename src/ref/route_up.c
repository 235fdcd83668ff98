/* SPDX-License-Identifier: MIT */
/* route = router(logits), then y = expert_up(x, route). */
#include "ref/ref.h"

void dv_ref_route_up(const struct dv_ref_site *site, const struct dv_node *node)
{
    struct dv_node router = *node, up = *node;
    router.in[0]  = node->in[1];
    router.w[0]   = node->w[2];
    router.out[0] = node->out[1];
    up.in[1]      = node->out[1];
    dv_ref_router(site, &router);
    dv_ref_expert_up(site, &up);
}
