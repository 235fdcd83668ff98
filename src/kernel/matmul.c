/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/size.h"
#include "kernel/coop.h"
#include "kernel/matmul.h"

static struct dv_matmul_args args_of(const struct dv_kernel_site *site, const struct dv_node *node,
                                     const struct dv_matmul_form *form)
{
    const struct dv_weight_info *info     = &site->graph->weights[node->w[0]];
    struct dv_operand            x        = dv_site_operand(site, node->in[0]);
    struct dv_operand            y        = dv_site_operand(site, node->out[0]);
    struct dv_operand            residual = dv_site_operand(site, form->residual);
    return (struct dv_matmul_args){
        .w               = dv_site_matrix(site, node->w[0]),
        .x               = x.address,
        .norm            = dv_site_vector(site, form->norm),
        .residual        = residual.address,
        .y               = y.address,
        .x_stride        = x.stride,
        .y_stride        = y.stride,
        .residual_stride = residual.stride,
        .tokens          = x.rows,
        .rows            = info->rows,
        .slices          = info->slices,
        .x_slice         = node->x_slice,
        .eps             = node->eps,
    };
}

dsvk_status dv_matmul_dispatch(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                               const struct dv_node *node, const struct dv_matmul_form *form)
{
    const struct dv_weight_info *info   = &site->graph->weights[node->w[0]];
    enum dv_weight_format        format = site->weights[node->w[0]].format;
    bool                         paired = info->kind == DV_WEIGHT_PAIR;
    struct dv_matmul_args        args   = args_of(site, node, form);
    uint32_t                     groups = args.w.groups * (paired ? 2 : 1);
    struct dv_tile      tile  = dv_tile_of(site->caps, groups, info->slices, args.tokens, paired);
    uint32_t            tiles = dv_ceil_div(groups, tile.groups) * info->slices;
    uint32_t            turns = form->norm ? dv_tile_turns(site->caps, tiles) : 1;
    struct dv_coop_size size  = { groups * 8, args.tokens, info->slices };
    struct dv_coop_tile coop;
    if (site->math_f16 && !form->norm && dv_coop_tile_of(&coop, site->caps, &size)) {
        dv_coop_pipeline(&dispatch->pipeline, site->caps, "matmul_coop", &coop, format, paired);
        tiles       = dv_ceil_div(groups, coop.rows / 8) * info->slices;
        tile.tokens = coop.tokens;
    } else {
        dispatch->pipeline = (struct dv_pipeline_params){
            .kernel = "matmul",
            .spec   = { [DV_WORKGROUP]    = tile.workgroup,
                        [DV_DOT_FORM]     = dv_tile_form(&tile, &args.w, format),
                        [DV_DOT_FORMAT]   = format,
                        [DV_DOT_GROUPS]   = tile.groups,
                        [DV_DOT_TOKENS]   = tile.tokens,
                        [DV_DOT_MATH_F16] = site->round_f16,
                        [DV_DOT_NORM]     = form->norm != 0,
                        [DV_DOT_PAIR]     = paired,
                        [DV_DOT_TURNS]    = turns },
        };
    }
    DV_PUSH(dispatch, args);
    return dv_tile_grid(dispatch, site, dv_op_name(node->op), dv_ceil_div(tiles, turns),
                        dv_ceil_div(args.tokens, tile.tokens));
}

static dsvk_status dispatch_matmul(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                   const struct dv_node *node)
{
    return dv_matmul_dispatch(dispatch, site, node, &(struct dv_matmul_form){ 0 });
}

const struct dv_kernel dv_kernel_matmul = { "matmul", dispatch_matmul };
