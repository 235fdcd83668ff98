/* SPDX-License-Identifier: MIT */
/* router and expert_up in one dispatch. The workgroup is that of expert_matmul, whose bits the
 * products must give; the choice takes any. */
#include <string.h>

#include "base/size.h"
#include "kernel/router.h"
#include "kernel/tile.h"

static dsvk_status fill_block(const struct dv_kernel_site *site, const struct dv_node *node)
{
    dsvk_status           status;
    struct dv_router_args rule;

    struct dv_router_operands operands = { .logits = node->in.route_up.logits,
                                           .route  = node->out.route_up.route,
                                           .bias   = node->w.route_up.bias,
                                           .shape  = &node->route_up.shape };
    _Static_assert(sizeof rule <= DV_BLOCK_BYTES, "argument block too large");
    TRY(dv_router_args_of(&rule, site, &operands));
    memcpy(site->block_data, &rule, sizeof rule);
    return DSVK_OK;
}

static dsvk_status dispatch_route_up(struct dv_dispatch          *dispatch,
                                     const struct dv_kernel_site *site, const struct dv_node *node)
{
    dsvk_status                  status;
    const struct dv_weight_info *info   = &site->graph->weights[node->w.route_up.experts];
    enum dv_weight_format        format = site->weights[node->w.route_up.experts].format;
    bool                         paired = info->kind == DV_WEIGHT_PAIR;
    struct dv_operand            x      = dv_site_operand(site, node->in.route_up.x);
    struct dv_operand            y      = dv_site_operand(site, node->out.route_up.y);
    struct dv_route_up_args      args   = {
               .w        = dv_site_matrix(site, node->w.route_up.experts),
               .x        = x.address,
               .norm     = dv_site_vector(site, node->w.route_up.norm),
               .y        = y.address,
               .rule     = dv_address_of(site->block),
               .x_stride = x.stride,
               .y_stride = y.stride,
               .rows     = info->rows,
               .eps      = node->route_up.eps,
    };
    uint32_t       groups = args.w.groups * (paired ? 2 : 1);
    struct dv_tile tile   = dv_tile_of(site->caps, groups, y.rows, 1, paired);
    uint32_t       tiles  = dv_ceil_div(groups, tile.groups);
    uint32_t       turns  = dv_tile_turns(site->caps, tiles * y.rows);
    TRY(fill_block(site, node));
    dispatch->pipeline = (struct dv_pipeline_params){
        .kernel = "route_up",
        .spec   = { [DV_WORKGROUP]        = tile.workgroup,
                    [DV_DOT_FORM]         = dv_tile_form(&tile, &args.w, format),
                    [DV_DOT_FORMAT]       = format,
                    [DV_DOT_GROUPS]       = tile.groups,
                    [DV_DOT_MATH_F16]     = site->round_f16,
                    [DV_DOT_NORM]         = node->w.route_up.norm != 0,
                    [DV_DOT_PAIR]         = paired,
                    [DV_ROUTE_UP_EXPERTS] = node->route_up.shape.experts,
                    [DV_DOT_TURNS]        = turns },
    };
    DV_PUSH(dispatch, args);
    return dv_tile_grid(dispatch, site, "route_up", dv_ceil_div(tiles, turns), y.rows);
}

const struct dv_kernel dv_kernel_route_up = { dispatch_route_up };
