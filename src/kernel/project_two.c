/* SPDX-License-Identifier: MIT */
/* Two projections of one input in one dispatch. */
#include <string.h>

#include "base/size.h"
#include "kernel/tile.h"

static bool is_pair(const struct dv_kernel_site *site, dv_weight w)
{
    return site->graph->weights[w].kind == DV_WEIGHT_PAIR;
}

/* 8-row groups that the grid covers. */
static uint32_t groups_of(const struct dv_kernel_site *site, dv_weight w)
{
    return site->weights[w].groups * (is_pair(site, w) ? 2 : 1);
}

static struct dv_project_two_args args_of(const struct dv_kernel_site *site,
                                          const struct dv_node        *node)
{
    struct dv_operand x   = dv_site_operand(site, node->in.project_two.x);
    struct dv_operand y_a = dv_site_operand(site, node->out.project_two.y_a);
    struct dv_operand y_b = dv_site_operand(site, node->out.project_two.y_b);
    return (struct dv_project_two_args){
        .a          = dv_site_matrix(site, node->w.project_two.a),
        .b          = dv_site_matrix(site, node->w.project_two.b),
        .x          = x.address,
        .norm       = dv_site_vector(site, node->w.project_two.norm),
        .y_a        = y_a.address,
        .y_b        = y_b.address,
        .x_stride   = x.stride,
        .y_a_stride = y_a.stride,
        .y_b_stride = y_b.stride,
        .tokens     = x.rows,
        .rows_a     = site->graph->weights[node->w.project_two.a].rows,
        .rows_b     = site->graph->weights[node->w.project_two.b].rows,
        .eps        = node->project_two.eps,
    };
}

static dsvk_status dispatch_project_two(struct dv_dispatch          *dispatch,
                                        const struct dv_kernel_site *site,
                                        const struct dv_node        *node)
{
    bool pair_a = is_pair(site, node->w.project_two.a),
         pair_b = is_pair(site, node->w.project_two.b);
    uint32_t a = groups_of(site, node->w.project_two.a), b = groups_of(site, node->w.project_two.b);
    struct dv_project_two_args args = args_of(site, node);
    struct dv_tile tile = dv_tile_of(site->caps, dv_max(a, b), 1, args.tokens, pair_a || pair_b);
    uint32_t form = dv_tile_form(&tile, &args.a, site->weights[node->w.project_two.a].format) &
                    dv_tile_form(&tile, &args.b, site->weights[node->w.project_two.b].format);
    uint32_t tiles     = dv_ceil_div(a, tile.groups) + dv_ceil_div(b, tile.groups);
    uint32_t turns     = node->w.project_two.norm ? dv_tile_turns(site->caps, tiles) : 1;
    dispatch->pipeline = (struct dv_pipeline_params){
        .kernel = "project_two",
        .spec   = { [DV_WORKGROUP]            = tile.workgroup,
                    [DV_DOT_FORM]             = form,
                    [DV_DOT_FORMAT]           = site->weights[node->w.project_two.a].format,
                    [DV_DOT_GROUPS]           = tile.groups,
                    [DV_DOT_TOKENS]           = tile.tokens,
                    [DV_DOT_MATH_F16]         = site->round_f16,
                    [DV_DOT_NORM]             = node->w.project_two.norm != 0,
                    [DV_DOT_PAIR]             = pair_a,
                    [DV_PROJECT_TWO_PAIR_B]   = pair_b,
                    [DV_PROJECT_TWO_FORMAT_B] = site->weights[node->w.project_two.b].format,
                    [DV_DOT_TURNS]            = turns },
    };
    DV_PUSH(dispatch, args);
    return dv_tile_grid(dispatch, site, "project_two", dv_ceil_div(tiles, turns),
                        dv_ceil_div(args.tokens, tile.tokens));
}

const struct dv_kernel dv_kernel_project_two = { dispatch_project_two };
