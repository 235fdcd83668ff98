/* SPDX-License-Identifier: MIT */
/* Dispatches plain matrix products, and what the fused ops around them share: arguments, the
 * choice of a kernel and the grid. */
#include <string.h>

#include "base/size.h"
#include "kernel/coop.h"
#include "kernel/matmul.h"

static struct dv_matmul_args args_of(const struct dv_kernel_site     *site,
                                     const struct dv_matmul_operands *o)
{
    const struct dv_weight_info *info     = &site->graph->weights[o->matrix];
    struct dv_operand            x        = dv_site_operand(site, o->x);
    struct dv_operand            y        = dv_site_operand(site, o->y);
    struct dv_operand            residual = dv_site_operand(site, o->residual);
    return (struct dv_matmul_args){
        .w               = dv_site_matrix(site, o->matrix),
        .x               = x.address,
        .norm            = dv_site_vector(site, o->norm),
        .residual        = residual.address,
        .y               = y.address,
        .x_stride        = x.stride,
        .y_stride        = y.stride,
        .residual_stride = residual.stride,
        .tokens          = x.rows,
        .rows            = info->rows,
        .slices          = info->slices,
        .x_slice         = o->x_slice,
        .eps             = o->eps,
    };
}

dsvk_status dv_matmul_dispatch(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                               const struct dv_matmul_operands *o)
{
    const struct dv_weight_info *info   = &site->graph->weights[o->matrix];
    enum dv_weight_format        format = site->weights[o->matrix].format;
    bool                         paired = info->kind == DV_WEIGHT_PAIR;
    struct dv_matmul_args        args   = args_of(site, o);
    uint32_t                     groups = args.w.groups * (paired ? 2 : 1);
    struct dv_tile      tile  = dv_tile_of(site->caps, groups, info->slices, args.tokens, paired);
    uint32_t            tiles = dv_ceil_div(groups, tile.groups) * info->slices;
    uint32_t            turns = o->norm ? dv_tile_turns(site->caps, tiles) : 1;
    struct dv_coop_size size  = { groups * 8, args.tokens, info->slices };
    struct dv_coop_tile coop;
    if (dv_site_units(site) && !o->norm && dv_coop_tile_of(&coop, site->caps, &size)) {
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
                        [DV_DOT_NORM]     = o->norm != 0,
                        [DV_DOT_PAIR]     = paired,
                        [DV_DOT_TURNS]    = turns },
        };
    }
    DV_PUSH(dispatch, args);
    return dv_tile_grid(dispatch, site, dv_op_name(o->op), dv_ceil_div(tiles, turns),
                        dv_ceil_div(args.tokens, tile.tokens));
}

static dsvk_status dispatch_matmul(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                   const struct dv_node *node)
{
    struct dv_matmul_operands operands = {
        .op      = node->op,
        .x       = node->in.matmul.x,
        .y       = node->out.matmul.y,
        .matrix  = node->w.matmul.matrix,
        .x_slice = node->matmul.x_slice,
    };
    return dv_matmul_dispatch(dispatch, site, &operands);
}

const struct dv_kernel dv_kernel_matmul = { dispatch_matmul };
