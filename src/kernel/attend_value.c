/* SPDX-License-Identifier: MIT */
/* attend's combination and the value projection. The workgroup is that of matmul, whose bits this
 * must give; tokens and groups of a workgroup do not change a sum. */
#include <string.h>

#include "base/size.h"
#include "kernel/tile.h"

#define TOKENS 4 /* contexts in shared memory */
/* Floats of a token beside its context: the factors of 64 splits and a few more. */
#define MERGE_FLOATS (64 * 6 + 5)

/* Each workgroup merges the partials of its head again: fewer of them read less, and these are
 * still enough for one wave of a device. */
#define MOST_GROUPS 4u
#define ENOUGH_WORKGROUPS 64u

static uint32_t shared_bytes(const struct dv_tile *tile, uint32_t kv)
{
    return (tile->tokens * (kv + MERGE_FLOATS) + dv_tile_shared(tile)) * 4;
}

static void widen(struct dv_tile *tile, const struct dv_caps *caps, uint32_t groups, uint32_t heads)
{
    while (!caps->is_software && tile->tokens == 1 && tile->groups < MOST_GROUPS &&
           (uint64_t)heads * groups / (tile->groups * 2) >= ENOUGH_WORKGROUPS)
        tile->groups *= 2;
}

static dsvk_status dispatch_attend_value(struct dv_dispatch          *dispatch,
                                         const struct dv_kernel_site *site,
                                         const struct dv_node        *node)
{
    const struct dv_weight_info *info     = &site->graph->weights[node->w.attend_value.w_uv];
    struct dv_operand            partials = dv_site_operand(site, node->in.attend_value.partials);
    struct dv_operand            y        = dv_site_operand(site, node->out.attend_value.y);
    uint32_t                     heads = node->attend_value.heads, kv = node->attend_value.kv;
    struct dv_attend_value_args  args = {
         .w               = dv_site_matrix(site, node->w.attend_value.w_uv),
         .step            = dv_address_of(site->step),
         .partials        = partials.address,
         .y               = y.address,
         .partials_stride = partials.stride,
         .y_stride        = y.stride,
         .tokens          = y.rows,
         .rows            = info->rows,
         .heads           = heads,
         .split           = node->attend_value.split,
         .splits          = node->attend_value.splits,
    };
    uint32_t       tokens = dv_min(y.rows, TOKENS);
    struct dv_tile tile   = dv_tile_of(site->caps, args.w.groups, heads, tokens, false);
    widen(&tile, site->caps, args.w.groups, heads);
    while (tile.tokens > 1 && shared_bytes(&tile, kv) > site->caps->max_shared_bytes)
        tile.tokens /= 2;
    enum dv_weight_format format = site->weights[node->w.attend_value.w_uv].format;

    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "attend_value",
                      .spec   = { [DV_WORKGROUP]        = tile.workgroup,
                                  [DV_DOT_FORM]         = dv_tile_form(&tile, &args.w, format),
                                  [DV_DOT_FORMAT]       = format,
                                  [DV_DOT_GROUPS]       = tile.groups,
                                  [DV_DOT_MATH_F16]     = site->round_f16,
                                  [DV_DOT_TOKENS]       = tile.tokens,
                                  [DV_ATTEND_VALUE_KV4] = kv / 4 } },
        .groups   = { heads * dv_ceil_div(args.w.groups, tile.groups),
                      dv_ceil_div(y.rows, tile.tokens), 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_attend_value = { dispatch_attend_value };
