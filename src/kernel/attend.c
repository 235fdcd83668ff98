/* SPDX-License-Identifier: MIT */
/* Attention over the latent cache. A workgroup takes several heads of one token, so that each
 * record is loaded once for all of them; its shape depends on the model and the device only,
 * because the order of summation follows from it. */
#include <string.h>

#include "kernel/kernel.h"

/* Groups of four columns of a head's query that a lane holds: with 576 columns 16 lanes share a
 * head, each with 36 values of the query and 32 sums; as many again for a second head. */
#define LANE_COLUMNS 9

struct shape {
    uint32_t workgroup, heads, each, rows;
    uint32_t shared; /* bytes */
};

static uint32_t power_of_two_from(uint32_t n)
{
    uint32_t power = 1;
    while (power < n)
        power *= 2;
    return power;
}

static uint32_t shared_bytes(const struct shape *s, uint32_t cols)
{
    uint32_t head_lanes = s->heads / s->each, slices = s->workgroup / head_lanes;
    uint32_t words = s->rows * cols + slices * (s->rows * s->heads + head_lanes);
    return (words + 2 * s->rows * s->heads + 3 * s->heads) * 4;
}

static struct shape shape_of(const struct dv_kernel_site *site, const struct dv_node *node)
{
    struct dv_tuning tuning;
    dv_tuning_of(&tuning, site->caps);
    struct shape s     = { .workgroup = tuning.attend_workgroup, .rows = tuning.attend_rows };
    uint32_t     cols  = node->kv + node->dim, slices;
    uint32_t     heads = power_of_two_from(node->heads);

    s.heads = heads < tuning.attend_heads ? heads : tuning.attend_heads;
    if (s.heads > s.workgroup)
        s.heads = s.workgroup;
    slices = power_of_two_from((cols / 4 + LANE_COLUMNS - 1) / LANE_COLUMNS);
    if (slices < s.workgroup / s.heads)
        slices = s.workgroup / s.heads;
    if (slices > s.workgroup)
        slices = s.workgroup;
    s.each = s.heads / (s.workgroup / slices);

    /* Half of the memory, so that two workgroups fit; less of it only when one row asks for it. */
    uint32_t limit = site->caps->max_shared_bytes / 2;
    if (limit > 16384)
        limit = 16384;
    while (s.rows > 1 && shared_bytes(&s, cols) > limit)
        s.rows /= 2;
    s.shared = shared_bytes(&s, cols);
    return s;
}

static struct dv_attend_args args_of(const struct dv_kernel_site *site, const struct dv_node *node)
{
    struct dv_operand latent = dv_site_operand(site, node->in[0]);
    struct dv_operand rope = dv_site_operand(site, node->in[1]);
    struct dv_operand y = dv_site_operand(site, node->out[0]);
    return (struct dv_attend_args){
        .step = dv_address_of(site->step),
        .q_latent = latent.address,
        .q_rope = rope.address,
        .y = y.address,
        .cache = dv_site_cache(site, node->layer),
        .q_latent_stride = latent.stride,
        .q_rope_stride = rope.stride,
        .y_stride = y.stride,
        .tokens = latent.rows,
        .heads = node->heads,
        .kv = node->kv,
        .rope = node->dim,
        .split = node->split,
        .splits = node->splits,
        .scale = node->scale,
    };
}

static dsvk_status too_large(const struct dv_kernel_site *site, const struct dv_node *node,
                             uint32_t bytes)
{
    return dv_fail(site->graph->ctx, DSVK_UNSUPPORTED,
                   "attend: %u bytes of shared memory for kv %u, rope %u and splits of %u, "
                   "%s has %u",
                   (unsigned)bytes, (unsigned)node->kv, (unsigned)node->dim,
                   (unsigned)node->split, site->caps->name,
                   (unsigned)site->caps->max_shared_bytes);
}

/* Groups of four columns that a lane multiplies at a time; more make compiling slow. */
static uint32_t step_of(uint32_t columns)
{
    return columns / 4 % 2 == 0 ? 2 : 1;
}

/* Heads and tokens of a workgroup, which do not change a sum: at most `pairs` together, and as
 * many as have room for their scores of one split. */
static dsvk_status dispatch_rows(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                 const struct dv_node *node, uint32_t pairs)
{
    struct dv_attend_args args = args_of(site, node);
    uint32_t              row  = (node->split + 4) * 4; /* bytes */
    uint32_t              most = site->caps->max_shared_bytes / row;
    if (most == 0)
        return too_large(site, node, row);
    if (most > pairs)
        most = pairs;
    uint32_t groups = (node->heads + most - 1) / most;
    uint32_t heads  = (node->heads + groups - 1) / groups;
    uint32_t tokens = args.tokens < most / heads ? args.tokens : most / heads;
    uint32_t merge  = node->splits == 1;
    *dispatch       = (struct dv_dispatch){
        .pipeline = { .kernel = "attend_rows",
                      .spec = { site->caps->subgroup, 0, site->cache_format, heads, tokens,
                                node->split, node->kv / 4, node->dim / 4, merge,
                                step_of(node->kv), step_of(node->dim) },
                      .n_spec = 11 },
        .groups = { groups, node->splits, (args.tokens + tokens - 1) / tokens },
        .indirect = !merge,
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

static dsvk_status dispatch_attend(struct dv_dispatch *dispatch,
                                    const struct dv_kernel_site *site,
                                    const struct dv_node *node)
{
    struct dv_tuning tuning;
    dv_tuning_of(&tuning, site->caps);
    if (tuning.attend_pairs > 0)
        return dispatch_rows(dispatch, site, node, tuning.attend_pairs);
    struct shape s = shape_of(site, node);
    if (s.shared > site->caps->max_shared_bytes)
        return too_large(site, node, s.shared);
    struct dv_attend_args args  = args_of(site, node);
    uint32_t              merge = node->splits == 1;
    /* Indirect: the parameter block holds the same x and z, and as y the splits of the pass. */
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "attend",
                      .spec = { s.workgroup, 0, site->cache_format, s.heads, s.each, s.rows,
                                node->kv / 4, node->dim / 4, merge },
                      .n_spec = 9 },
        .groups = { (node->heads + s.heads - 1) / s.heads, node->splits, args.tokens },
        .indirect = !merge,
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_attend = { "attend", dispatch_attend };
