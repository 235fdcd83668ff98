/* SPDX-License-Identifier: MIT */
/* Chooses the shape of a workgroup of the matrix kernels, from the device and the count of
 * workgroups. The order of a row's sum never depends on the number of tokens. */
#include "kernel/tile.h"

#include "base/size.h"
#include "pack/layout.h"

/* Below this many workgroups a GPU is not filled; fewer rows a workgroup make more of them. */
#define ENOUGH_WORKGROUPS 256u
/* The same for the threads of a CPU. */
#define ENOUGH_SOFTWARE 32u
#define MOST_TURNS 8u

/* 8 KiB: with a norm's and other sums, far below what every device has. */
#define MAX_SHARED_FLOATS 2048u

/* A group's part of it. */
static uint32_t shared_floats(const struct dv_tile *tile)
{
    if (tile->workgroup == 8)
        return 0;
    uint32_t most = tile->workgroup >= 1024 ? 1 : 1024 / tile->workgroup;
    return tile->workgroup * dv_min(tile->tokens, most);
}

uint32_t dv_tile_shared(const struct dv_tile *tile)
{
    return tile->groups * shared_floats(tile);
}

struct dv_tile dv_tile_of(const struct dv_caps *caps, uint32_t groups, uint32_t repeats,
                          uint32_t tokens, bool paired)
{
    struct dv_tuning tuning;
    dv_tuning_of(&tuning, caps);
    struct dv_tile tile  = { tuning.matmul_workgroup, tuning.matmul_groups, 1,
                             tuning.matmul_broadcast };
    uint32_t       least = paired ? 2 : 1;
    while (tile.tokens < tokens && tile.tokens < tuning.matmul_tokens)
        tile.tokens *= 2;
    if (tile.tokens > 1)
        tile.groups = tuning.matmul_groups_wide;
    if (tile.groups < least)
        tile.groups = least;
    uint32_t enough = caps->is_software ? 1 : ENOUGH_WORKGROUPS;
    while (tile.groups > least &&
           (tile.groups * tile.tokens > tuning.matmul_sums || tile.groups / 2 >= groups ||
            (uint64_t)groups * repeats / tile.groups < enough ||
            dv_tile_shared(&tile) > MAX_SHARED_FLOATS))
        tile.groups /= 2;
    return tile;
}

uint32_t dv_tile_form(const struct dv_tile *tile, const struct dv_matrix *w,
                      enum dv_weight_format format)
{
    return (tile->broadcast ? DV_DOT_BROADCAST : 0) |
           (w->cols % dv_formats[format].values == 0 ? DV_DOT_WHOLE : 0);
}

/* On a GPU all workgroups run at the same time; on a CPU one after the other, so that the norms and
 * choices of their prologues add up (an eighth of the time of route_up). */
uint32_t dv_tile_turns(const struct dv_caps *caps, uint32_t tiles)
{
    uint32_t turns = 1;
    while (caps->is_software && turns < MOST_TURNS && tiles / (turns * 2) >= ENOUGH_SOFTWARE)
        turns *= 2;
    return turns;
}

dsvk_status dv_tile_grid(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                         const char *name, uint32_t x, uint32_t y)
{
    const uint32_t *most = site->caps->max_groups;
    uint32_t        wide = x < most[0] ? x : most[0];
    uint32_t        deep = dv_ceil_div(x, wide);
    if (y > most[1] || deep > most[2])
        return dv_fail(site->graph->ctx, DSVK_UNSUPPORTED,
                       "%s: a grid of %u x %u workgroups, the device takes %u x %u x %u", name, x,
                       y, most[0], most[1], most[2]);
    dispatch->groups[0] = wide;
    dispatch->groups[1] = y;
    dispatch->groups[2] = deep;
    return DSVK_OK;
}
