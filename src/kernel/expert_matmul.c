/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/size.h"
#include "kernel/coop.h"
#include "kernel/matmul.h"

/* Pairs that a workgroup takes at once: with few of them an expert most of a tile would stay
 * empty. */
static uint32_t tokens_of(const struct dv_node *node, uint32_t pairs, uint32_t experts)
{
    uint32_t twice_the_mean = 2 * dv_ceil_div(pairs, experts);
    return dv_min(twice_the_mean, node->tile);
}

static struct dv_expert_matmul_args args_of(const struct dv_kernel_site *site,
                                            const struct dv_node        *node,
                                            const struct dv_matmul_form *form)
{
    const struct dv_weight_info *info  = &site->graph->weights[node->w[0]];
    struct dv_operand            x     = dv_site_operand(site, node->in[0]);
    struct dv_operand            route = dv_site_operand(site, node->in[1]);
    struct dv_operand            plan  = dv_site_operand(site, node->in[2]);
    struct dv_operand            y     = dv_site_operand(site, node->out[0]);
    uint32_t max_tiles = dv_expert_plan_tiles(route.rows, node->top_k, info->experts, node->tile);
    return (struct dv_expert_matmul_args){
        .w            = dv_site_matrix(site, node->w[0]),
        .x            = x.address,
        .norm         = dv_site_vector(site, form->norm),
        .route        = route.address,
        .plan         = plan.address,
        .y            = y.address,
        .x_stride     = x.stride,
        .y_stride     = y.stride,
        .route_stride = route.stride,
        .rows         = info->rows,
        .top_k        = node->top_k,
        .x_div        = node->x_div,
        .pairs        = y.rows,
        .pairs_at     = node->in[2] ? dv_expert_plan_pairs_at(max_tiles) : 0,
        .eps          = node->eps,
    };
}

dsvk_status dv_expert_matmul_dispatch(struct dv_dispatch          *dispatch,
                                      const struct dv_kernel_site *site, const struct dv_node *node,
                                      const struct dv_matmul_form *form)
{
    const struct dv_weight_info *info   = &site->graph->weights[node->w[0]];
    enum dv_weight_format        format = site->weights[node->w[0]].format;
    bool                         paired = info->kind == DV_WEIGHT_PAIR, planned = node->in[2] != 0;
    struct dv_expert_matmul_args args = args_of(site, node, form);
    uint32_t                     rows = dv_site_operand(site, node->in[1]).rows;
    uint32_t       max_tiles = dv_expert_plan_tiles(rows, node->top_k, info->experts, node->tile);
    uint32_t       groups    = args.w.groups * (paired ? 2 : 1);
    struct dv_tile tile =
        dv_tile_of(site->caps, groups, planned ? info->experts : args.pairs,
                   planned ? tokens_of(node, args.pairs, info->experts) : 1, paired);
    struct dv_coop_size size = { groups * 8, node->tile, args.pairs / node->tile + 1 };
    struct dv_coop_tile coop;
    /* Passes of few tokens have no such kernel without a plan: they give the same bits with one. */
    bool many = planned && rows > DV_FEW_TOKENS;
    if (site->math_f16 && many && !form->norm && dv_coop_tile_of(&coop, site->caps, &size)) {
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
                        [DV_DOT_NORM]           = form->norm != 0,
                        [DV_DOT_PAIR]           = paired,
                        [DV_EXPERT_MATMUL_PLAN] = planned },
        };
    }
    DV_PUSH(dispatch, args);
    return dv_tile_grid(dispatch, site, dv_op_name(node->op), dv_ceil_div(groups, tile.groups),
                        planned ? max_tiles : args.pairs);
}

static dsvk_status dispatch_expert_matmul(struct dv_dispatch          *dispatch,
                                          const struct dv_kernel_site *site,
                                          const struct dv_node        *node)
{
    return dv_expert_matmul_dispatch(dispatch, site, node, &(struct dv_matmul_form){ 0 });
}

const struct dv_kernel dv_kernel_expert_matmul = { "expert_matmul", dispatch_expert_matmul };
