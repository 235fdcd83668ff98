/* SPDX-License-Identifier: MIT */
/* Attention over the latent cache. A workgroup takes several (token, head) pairs, so that each
 * record is loaded once for all of them. What the order of summation follows from, slices and rows,
 * depends on the model and the device only; the number of pairs changes no sum. */
#include <stddef.h>
#include <string.h>

#include "base/size.h"
#include "kernel/coop.h"

/* Groups of four columns of a pair's query that a lane holds at most: with 576 columns 16 lanes
 * share a pair, each with 36 values of the query and 32 sums. */
#define LANE_COLUMNS 9

#define MOST_PAIRS 32u
#define MOST_INVOCATIONS 256u
#define MOST_SHARED 32768u
/* Below this many workgroups a GPU is not filled. */
#define ENOUGH_WORKGROUPS 256u

struct shape {
    uint32_t slices, each, rows;
    uint32_t heads, tokens; /* pairs = heads * tokens */
};

static uint32_t power_of_two_from(uint32_t n)
{
    uint32_t power = 1;
    while (power < n)
        power *= 2;
    return power;
}

static uint32_t pair_lanes(const struct shape *s)
{
    return s->heads * s->tokens / s->each;
}

static uint32_t shared_bytes(const struct shape *s, uint32_t cols)
{
    uint32_t pairs = s->heads * s->tokens;
    uint32_t words = s->rows * cols + s->slices * (s->rows * pairs + pair_lanes(s));
    return (words + 2 * s->rows * pairs + 3 * pairs) * 4;
}

static uint32_t most_invocations(const struct dv_caps *caps)
{
    return dv_min(caps->max_workgroup, MOST_INVOCATIONS);
}

/* The smallest workgroup, which decides slices and rows. */
static struct shape least_shape(const struct dv_kernel_site *site, const struct dv_node *node)
{
    struct dv_tuning tuning;
    dv_tuning_of(&tuning, site->caps);
    uint32_t     workgroup = tuning.attend_workgroup;
    struct shape s         = { .rows = tuning.attend_rows, .tokens = 1 };
    uint32_t     cols      = node->attend.kv + node->attend.rope;
    uint32_t     heads     = power_of_two_from(node->attend.heads);

    s.heads = dv_min(heads, tuning.attend_heads);
    if (s.heads > workgroup)
        s.heads = workgroup;
    s.slices = power_of_two_from(dv_ceil_div(cols / 4, LANE_COLUMNS));
    if (s.slices < workgroup / s.heads)
        s.slices = workgroup / s.heads;
    if (s.slices > workgroup)
        s.slices = workgroup;
    for (s.each = 1; s.slices * pair_lanes(&s) > most_invocations(site->caps);)
        s.each *= 2;

    /* Half of the memory, so that two workgroups fit; less of it only when one row asks for it. */
    uint32_t limit = site->caps->max_shared_bytes / 2;
    if (limit > 16384)
        limit = 16384;
    while (s.rows > 1 && shared_bytes(&s, cols) > limit)
        s.rows /= 2;
    return s;
}

/* A lane may hold two pairs, which load a record once, where it has the registers. */
static uint32_t most_each(const struct dv_caps *caps)
{
    struct dv_tuning tuning;
    dv_tuning_of(&tuning, caps);
    return tuning.attend_each;
}

/* Whether the device takes the shape, and it leaves enough workgroups. */
static bool fits(const struct shape *s, const struct dv_kernel_site *site,
                 const struct dv_node *node, uint32_t tokens)
{
    const struct dv_caps *caps   = site->caps;
    uint32_t              shared = caps->max_shared_bytes;
    uint64_t workgroups          = dv_ceil_div(node->attend.heads, s->heads) * node->attend.splits *
                          dv_ceil_div(tokens, s->tokens);
    if (shared > MOST_SHARED)
        shared = MOST_SHARED;
    return s->heads * s->tokens <= MOST_PAIRS && s->each <= most_each(caps) &&
           s->slices * pair_lanes(s) <= most_invocations(caps) &&
           shared_bytes(s, node->attend.kv + node->attend.rope) <= shared &&
           workgroups >= ENOUGH_WORKGROUPS;
}

/* Tokens that a workgroup may take: they are of one timeline. */
static uint32_t most_tokens(const struct dv_kernel_site *site, uint32_t tokens)
{
    return site->graph->size.batch ? 1 : tokens;
}

/* Twice the heads or tokens: in twice the lanes, or twice the pairs of a lane. */
static struct shape doubled(struct shape s, const struct dv_caps *caps, uint32_t heads,
                            uint32_t tokens)
{
    s.heads *= heads;
    s.tokens *= tokens;
    if (s.slices * pair_lanes(&s) > most_invocations(caps))
        s.each *= 2;
    return s;
}

/* More pairs while that pays: first heads, if that leaves no more of them idle, then tokens. */
static struct shape shape_of(const struct dv_kernel_site *site, const struct dv_node *node,
                             uint32_t tokens)
{
    struct shape s    = least_shape(site, node);
    uint32_t     most = most_tokens(site, tokens);
    for (;;) {
        struct shape heads = doubled(s, site->caps, 2, 1), both = doubled(s, site->caps, 1, 2);
        bool         idle = dv_ceil_div(node->attend.heads, heads.heads) * 2 >
                    dv_ceil_div(node->attend.heads, s.heads);
        if (!idle && fits(&heads, site, node, tokens))
            s = heads;
        else if (both.tokens <= most && fits(&both, site, node, tokens))
            s = both;
        else
            return s;
    }
}

static struct dv_attend_args args_of(const struct dv_kernel_site *site, const struct dv_node *node)
{
    struct dv_operand latent = dv_site_operand(site, node->in.attend.q_latent);
    struct dv_operand rope   = dv_site_operand(site, node->in.attend.q_rope);
    struct dv_operand y      = dv_site_operand(site, node->out.attend.partials);
    return (struct dv_attend_args){
        .step            = dv_address_of(site->step),
        .q_latent        = latent.address,
        .q_rope          = rope.address,
        .y               = y.address,
        .cache           = dv_site_state(site, node->in.attend.state),
        .q_latent_stride = latent.stride,
        .q_rope_stride   = rope.stride,
        .y_stride        = y.stride,
        .tokens          = latent.rows,
        .heads           = node->attend.heads,
        .kv              = node->attend.kv,
        .rope            = node->attend.rope,
        .split           = node->attend.split,
        .splits          = node->attend.splits,
        .scale           = node->attend.scale,
    };
}

static dsvk_status too_large(const struct dv_kernel_site *site, const struct dv_node *node,
                             uint32_t bytes)
{
    return dv_fail(site->graph->ctx, DSVK_UNSUPPORTED,
                   "attend: %u bytes of shared memory for kv %u, rope %u and splits of %u, "
                   "%s has %u",
                   (unsigned)bytes, (unsigned)node->attend.kv, (unsigned)node->attend.rope,
                   (unsigned)node->attend.split, site->caps->name,
                   (unsigned)site->caps->max_shared_bytes);
}

/* Groups of four columns that a lane multiplies at a time; more make compiling slow. */
static uint32_t step_of(uint32_t columns)
{
    return columns / 4 % 2 == 0 ? 2 : 1;
}

/* By tokens, each of which is computed for itself. */
static void let_cut(struct dv_dispatch *dispatch)
{
    dispatch->may_cut       = !dispatch->indirect;
    dispatch->cut_dimension = 2;
    dispatch->cut_first     = offsetof(struct dv_attend_args, first);
}

/* Heads and tokens of a workgroup, which do not change a sum: at most `pairs` together, and as
 * many as have room for their scores of one split. */
static dsvk_status dispatch_rows(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                 const struct dv_node *node, uint32_t pairs)
{
    struct dv_attend_args args = args_of(site, node);
    uint32_t              row  = (node->attend.split + 4) * 4; /* bytes */
    uint32_t              most = site->caps->max_shared_bytes / row;
    if (most == 0)
        return too_large(site, node, row);
    if (most > pairs)
        most = pairs;
    uint32_t groups = dv_ceil_div(node->attend.heads, most);
    uint32_t heads  = dv_ceil_div(node->attend.heads, groups);
    uint32_t tokens = dv_min(most_tokens(site, args.tokens), most / heads);
    uint32_t merge  = node->attend.splits == 1;

    /* Indirect: the step block holds the same x and z, and as y the splits of the pass. A CPU
     * driver reads them for nothing, and has up to 640 splits. */
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "attend_rows",
                      .spec   = { [DV_WORKGROUP]             = site->caps->subgroup,
                                  [DV_ATTEND_CACHE]          = site->cache_format,
                                  [DV_ATTEND_HEADS]          = heads,
                                  [DV_ATTEND_TOKENS]         = tokens,
                                  [DV_ATTEND_KV4]            = node->attend.kv / 4,
                                  [DV_ATTEND_ROPE4]          = node->attend.rope / 4,
                                  [DV_ATTEND_MERGE]          = merge,
                                  [DV_ATTEND_ROWS_SPLIT]     = node->attend.split,
                                  [DV_ATTEND_ROWS_KV_STEP]   = step_of(node->attend.kv),
                                  [DV_ATTEND_ROWS_ROPE_STEP] = step_of(node->attend.rope) } },
        .groups   = { groups, node->attend.splits, dv_ceil_div(args.tokens, tokens) },
        .indirect = !merge,
    };
    let_cut(dispatch);
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

static void dispatch_coop(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                          const struct dv_node *node, const struct dv_coop_attend *s)
{
    struct dv_attend_args args = args_of(site, node);

    *dispatch = (struct dv_dispatch){
        .groups = { dv_ceil_div(node->attend.heads, s->heads), 1,
                    dv_ceil_div(args.tokens, s->tokens) },
    };
    dv_coop_attend_pipeline(&dispatch->pipeline, site->caps, s, site->cache_format, node);
    let_cut(dispatch);
    dispatch->counts_down = true;
    args.first            = dispatch->groups[2] - 1;
    DV_PUSH(dispatch, args);
}

static dsvk_status dispatch_attend(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                   const struct dv_node *node)
{
    struct dv_tuning tuning;
    dv_tuning_of(&tuning, site->caps);
    if (tuning.attend_pairs > 0)
        return dispatch_rows(dispatch, site, node, tuning.attend_pairs);
    struct dv_attend_args args = args_of(site, node);
    struct dv_coop_attend coop;
    if (dv_site_units(site) && dv_coop_attend_of(&coop, site->caps, node, args.tokens)) {
        dispatch_coop(dispatch, site, node, &coop);
        return DSVK_OK;
    }
    struct shape s      = shape_of(site, node, args.tokens);
    uint32_t     shared = shared_bytes(&s, node->attend.kv + node->attend.rope);
    uint32_t     merge  = node->attend.splits == 1;
    if (shared > site->caps->max_shared_bytes)
        return too_large(site, node, shared);
    /* Of all splits that the context has: workgroups behind the pass's own leave at once, for less
     * than a GPU takes to read how many there are to be. */
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "attend",
                      .spec   = { [DV_WORKGROUP]     = s.slices * pair_lanes(&s),
                                  [DV_ATTEND_CACHE]  = site->cache_format,
                                  [DV_ATTEND_HEADS]  = s.heads,
                                  [DV_ATTEND_TOKENS] = s.tokens,
                                  [DV_ATTEND_KV4]    = node->attend.kv / 4,
                                  [DV_ATTEND_ROPE4]  = node->attend.rope / 4,
                                  [DV_ATTEND_MERGE]  = merge,
                                  [DV_ATTEND_EACH]   = s.each,
                                  [DV_ATTEND_ROWS]   = s.rows } },
        .groups   = { dv_ceil_div(node->attend.heads, s.heads), node->attend.splits,
                      dv_ceil_div(args.tokens, s.tokens) },
    };
    let_cut(dispatch);
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_attend = { dispatch_attend };
