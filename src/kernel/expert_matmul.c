/* SPDX-License-Identifier: MIT */
/* Dispatches the matrix products of experts, over single pairs or over tiles of pairs that were
 * sorted by expert, and chooses the kernel by what the device has. */
#include <string.h>

#include "base/size.h"
#include "kernel/coop.h"
#include "kernel/matmul.h"

/* Pairs that a workgroup takes at once: with few of them an expert most of a tile would stay
 * empty. A GPU waits for weights, so that few experts should load theirs twice; a CPU computes what
 * stays empty. */
static uint32_t tokens_of(const struct dv_caps *caps, const struct dv_expert_matmul_operands *o,
                          uint32_t pairs, uint32_t experts)
{
    uint32_t mean = dv_ceil_div(pairs, experts);
    uint32_t most = caps->is_software && mean > 1 ? mean : 2 * mean;
    return dv_min(most, o->tile);
}

static struct dv_expert_matmul_args args_of(const struct dv_kernel_site            *site,
                                            const struct dv_expert_matmul_operands *o)
{
    const struct dv_weight_info *info  = &site->graph->weights[o->experts];
    struct dv_operand            x     = dv_site_operand(site, o->x);
    struct dv_operand            route = dv_site_operand(site, o->route);
    struct dv_operand            plan  = dv_site_operand(site, o->plan);
    struct dv_operand            y     = dv_site_operand(site, o->y);
    uint32_t max_tiles = dv_expert_plan_tiles(route.rows, o->top_k, info->experts, o->tile);
    return (struct dv_expert_matmul_args){
        .w            = dv_site_matrix(site, o->experts),
        .x            = x.address,
        .norm         = dv_site_vector(site, o->norm),
        .route        = route.address,
        .plan         = plan.address,
        .y            = y.address,
        .x_stride     = x.stride,
        .y_stride     = y.stride,
        .route_stride = route.stride,
        .rows         = info->rows,
        .top_k        = o->top_k,
        .x_div        = o->x_div,
        .pairs        = y.rows,
        .pairs_at     = o->plan ? dv_expert_plan_pairs_at(max_tiles) : 0,
        .eps          = o->eps,
    };
}

dsvk_status dv_expert_matmul_dispatch(struct dv_dispatch                     *dispatch,
                                      const struct dv_kernel_site            *site,
                                      const struct dv_expert_matmul_operands *o)
{
    const struct dv_weight_info *info   = &site->graph->weights[o->experts];
    enum dv_weight_format        format = site->weights[o->experts].format;
    bool                         paired = info->kind == DV_WEIGHT_PAIR, planned = o->plan != 0;
    struct dv_expert_matmul_args args = args_of(site, o);
    uint32_t                     rows = dv_site_operand(site, o->route).rows;
    uint32_t       max_tiles = dv_expert_plan_tiles(rows, o->top_k, info->experts, o->tile);
    uint32_t       groups    = args.w.groups * (paired ? 2 : 1);
    struct dv_tile tile =
        dv_tile_of(site->caps, groups, planned ? info->experts : args.pairs,
                   planned ? tokens_of(site->caps, o, args.pairs, info->experts) : 1, paired);
    struct dv_coop_size size = { groups * 8, o->tile, args.pairs / o->tile + 1 };
    struct dv_coop_tile coop;
    /* Passes of few tokens have no such kernel without a plan: they give the same bits with one. */
    bool many = planned && rows > DV_FEW_TOKENS;
    if (dv_site_units(site) && many && !o->norm && dv_coop_tile_of(&coop, site->caps, &size)) {
        dv_coop_pipeline(&dispatch->pipeline, site->caps, "expert_matmul_coop", &coop, format,
                         paired);
        tile.groups = coop.rows / 8;
    } else {
        dispatch->pipeline = (struct dv_pipeline_params){
            .kernel = "expert_matmul",
            .spec   = { [DV_WORKGROUP]          = tile.workgroup,
                        [DV_DOT_FORM]           = dv_tile_form(&tile, &args.w, format),
                        [DV_DOT_FORMAT]         = format,
                        [DV_DOT_GROUPS]         = tile.groups,
                        [DV_DOT_TOKENS]         = tile.tokens,
                        [DV_DOT_MATH_F16]       = site->round_f16,
                        [DV_DOT_NORM]           = o->norm != 0,
                        [DV_DOT_PAIR]           = paired,
                        [DV_EXPERT_MATMUL_PLAN] = planned },
        };
    }
    DV_PUSH(dispatch, args);
    return dv_tile_grid(dispatch, site, dv_op_name(o->op), dv_ceil_div(groups, tile.groups),
                        planned ? max_tiles : args.pairs);
}

static dsvk_status dispatch_expert_matmul(struct dv_dispatch          *dispatch,
                                          const struct dv_kernel_site *site,
                                          const struct dv_node        *node)
{
    struct dv_expert_matmul_operands operands = {
        .op      = node->op,
        .x       = node->in.expert_matmul.x,
        .route   = node->in.expert_matmul.route,
        .plan    = node->in.expert_matmul.plan,
        .y       = node->out.expert_matmul.y,
        .experts = node->w.expert_matmul.experts,
        .top_k   = node->expert_matmul.top_k,
        .x_div   = node->expert_matmul.x_div,
        .tile    = node->expert_matmul.tile,
    };
    return dv_expert_matmul_dispatch(dispatch, site, &operands);
}

const struct dv_kernel dv_kernel_expert_matmul = { dispatch_expert_matmul };
