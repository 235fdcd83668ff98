/* SPDX-License-Identifier: MIT */
/* Dispatches the last product of the experts, with the sum over a token's pairs and the shared
 * expert's product where there is one. */
#include <string.h>

#include "base/size.h"
#include "kernel/tile.h"

static void fill_block(const struct dv_kernel_site *site, const struct dv_node *node)
{
    struct dv_operand x        = dv_site_operand(site, node->in.expert_down.h);
    struct dv_operand route    = dv_site_operand(site, node->in.expert_down.route);
    struct dv_operand shared   = dv_site_operand(site, node->in.expert_down.shared);
    struct dv_operand residual = dv_site_operand(site, node->in.expert_down.residual);
    struct dv_operand y        = dv_site_operand(site, node->out.expert_down.y);

    struct dv_expert_down_block block = {
        .x               = x.address,
        .shared_x        = shared.address,
        .route           = route.address,
        .residual        = residual.address,
        .y               = y.address,
        .x_stride        = x.stride,
        .shared_stride   = shared.stride,
        .route_stride    = route.stride,
        .residual_stride = residual.stride,
        .y_stride        = y.stride,
    };
    _Static_assert(sizeof block <= DV_BLOCK_BYTES, "argument block too large");
    if (node->w.expert_down.shared)
        block.shared_w = dv_site_matrix(site, node->w.expert_down.shared);
    memcpy(site->block_data, &block, sizeof block);
}

static dsvk_status dispatch_expert_down(struct dv_dispatch          *dispatch,
                                        const struct dv_kernel_site *site,
                                        const struct dv_node        *node)
{
    uint32_t                   rows   = site->graph->weights[node->w.expert_down.experts].rows;
    uint32_t                   tokens = dv_site_operand(site, node->out.expert_down.y).rows;
    struct dv_expert_down_args args   = {
          .w      = dv_site_matrix(site, node->w.expert_down.experts),
          .block  = dv_address_of(site->block),
          .tokens = tokens,
          .rows   = rows,
          .top_k  = node->expert_down.top_k,
    };
    struct dv_tile        tile          = dv_tile_of(site->caps, args.w.groups, tokens, 1, false);
    enum dv_weight_format format        = site->weights[node->w.expert_down.experts].format;
    enum dv_weight_format shared_format = DV_FORMAT_F32;
    uint32_t              form          = dv_tile_form(&tile, &args.w, format);
    if (node->w.expert_down.shared) {
        struct dv_matrix shared = dv_site_matrix(site, node->w.expert_down.shared);
        shared_format           = site->weights[node->w.expert_down.shared].format;
        form &= dv_tile_form(&tile, &shared, shared_format);
    }
    fill_block(site, node);
    dispatch->pipeline = (struct dv_pipeline_params){
        .kernel = "expert_down",
        .spec   = { [DV_WORKGROUP]                 = tile.workgroup,
                    [DV_DOT_FORM]                  = form,
                    [DV_DOT_FORMAT]                = format,
                    [DV_DOT_GROUPS]                = tile.groups,
                    [DV_EXPERT_DOWN_SHARED_FORMAT] = shared_format,
                    [DV_DOT_MATH_F16]              = site->round_f16,
                    [DV_EXPERT_DOWN_SHARED]        = node->w.expert_down.shared != 0,
                    [DV_EXPERT_DOWN_RESIDUAL]      = node->in.expert_down.residual != 0 },
    };
    DV_PUSH(dispatch, args);
    return dv_tile_grid(dispatch, site, "expert_down", dv_ceil_div(args.w.groups, tile.groups),
                        tokens);
}

const struct dv_kernel dv_kernel_expert_down = { dispatch_expert_down };
