/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kernel/kernel.h"

static dsvk_status dispatch_expert_plan(struct dv_dispatch          *dispatch,
                                        const struct dv_kernel_site *site,
                                        const struct dv_node        *node)
{
    uint32_t          experts = node->expert_plan.experts, top_k = node->expert_plan.top_k;
    uint32_t          tile      = node->expert_plan.tile;
    struct dv_operand route     = dv_site_operand(site, node->in.expert_plan.route);
    struct dv_operand y         = dv_site_operand(site, node->out.expert_plan.plan);
    uint32_t          max_tiles = dv_expert_plan_tiles(route.rows, top_k, experts, tile);

    struct dv_expert_plan_args args = {
        .route        = route.address,
        .y            = y.address,
        .route_stride = route.stride,
        .tokens       = route.rows,
        .experts      = experts,
        .top_k        = top_k,
        .tile         = tile,
        .max_tiles    = max_tiles,
        .pairs_at     = dv_expert_plan_pairs_at(max_tiles),
    };
    if (experts > DV_MAX_EXPERTS)
        return dv_fail(site->graph->ctx, DSVK_UNSUPPORTED, "expert_plan: %u experts; at most %u",
                       experts, DV_MAX_EXPERTS);
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "expert_plan",
                      .spec   = { [DV_WORKGROUP] = dv_wide_workgroup(site, 256) } },
        .groups   = { 1, 1, 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_expert_plan = { dispatch_expert_plan };
