/* SPDX-License-Identifier: MIT */
/* Attention with keys and values of each head. A workgroup takes one head of several tokens, so
 * that each tile of keys is loaded once for all of them; its shape depends on the model and the
 * device only, because the order of summation follows from it. */
#include <stddef.h>
#include <string.h>

#include "base/size.h"
#include "kernel/coop.h"

#define QUERIES 16 /* of a workgroup */
#define EACH 2     /* of a lane: each word from shared memory serves two fma */
#define ROWS 8     /* keys of a tile, where they fit */
/* Floats of queries and sums that a lane holds; more of them spill on GPUs of 128 registers. */
#define MOST_HELD 96

struct shape {
    uint32_t workgroup, queries, each, rows;
};

static uint32_t slices(const struct shape *s)
{
    return s->workgroup / (s->queries / s->each);
}

static uint32_t shared_bytes(const struct shape *s, uint32_t cols)
{
    uint32_t partial = s->rows * s->queries + s->queries / s->each;
    uint32_t words   = s->rows * cols + slices(s) * partial + 2 * s->rows * s->queries;
    return (words + 3 * s->queries) * 4;
}

static struct shape shape_of(const struct dv_kernel_site *site, const struct dv_node *node)
{
    struct dv_tuning tuning;
    dv_tuning_of(&tuning, site->caps);
    struct shape s = { tuning.attend_workgroup, QUERIES, EACH, ROWS };
    uint32_t cols  = node->attend_heads.nope + node->attend_heads.rope + node->attend_heads.v_head;
    if (s.each * cols > MOST_HELD * slices(&s))
        s.each = 1, s.queries = QUERIES / EACH; /* the same lanes and slices */
    /* Half of the memory, so that two workgroups fit. */
    uint32_t limit = site->caps->max_shared_bytes / 2;
    if (limit > 16384)
        limit = 16384;
    while (s.rows > 1 && shared_bytes(&s, cols) > limit)
        s.rows /= 2;
    return s;
}

static dsvk_status check_shared(const struct dv_kernel_site *site, const struct dv_node *node,
                                const struct shape *s)
{
    const struct dv_caps *caps = site->caps;
    uint32_t bytes             = shared_bytes(s, node->attend_heads.nope + node->attend_heads.rope +
                                                     node->attend_heads.v_head);
    if (bytes > caps->max_shared_bytes)
        return dv_fail(site->graph->ctx, DSVK_UNSUPPORTED,
                       "attend_heads: %u bytes of shared memory for heads of %u + %u and %u, "
                       "%s has %u",
                       (unsigned)bytes, (unsigned)node->attend_heads.nope,
                       (unsigned)node->attend_heads.rope, (unsigned)node->attend_heads.v_head,
                       caps->name, (unsigned)caps->max_shared_bytes);
    return DSVK_OK;
}

static dsvk_status check_grid(const struct dv_kernel_site *site, const struct dv_node *node,
                              uint32_t tiles)
{
    const struct dv_caps *caps = site->caps;
    if (node->attend_heads.heads > caps->max_groups[0] || tiles > caps->max_groups[1])
        return dv_fail(site->graph->ctx, DSVK_UNSUPPORTED,
                       "attend_heads: a grid of %u x %u workgroups, the device takes %u x %u",
                       (unsigned)node->attend_heads.heads, (unsigned)tiles,
                       (unsigned)caps->max_groups[0], (unsigned)caps->max_groups[1]);
    return DSVK_OK;
}

/* The pipeline, and the tokens of a workgroup. */
static dsvk_status choose(struct dv_pipeline_params *pipeline, uint32_t *queries,
                          const struct dv_kernel_site *site, const struct dv_node *node,
                          uint32_t tokens)
{
    struct dv_coop_attend_heads coop;
    if (dv_site_units(site) && dv_coop_attend_heads_of(&coop, site->caps, node, tokens)) {
        *queries = coop.subgroups * site->caps->coop[DV_COOP_F16].m;
        dv_coop_attend_heads_pipeline(pipeline, site->caps, &coop, node);
        return DSVK_OK;
    }
    struct shape s = shape_of(site, node);
    *queries       = s.queries;

    *pipeline = (struct dv_pipeline_params){
        .kernel = "attend_heads",
        .spec   = { [DV_WORKGROUP]            = s.workgroup,
                    [DV_ATTEND_HEADS_QUERIES] = s.queries,
                    [DV_ATTEND_HEADS_EACH]    = s.each,
                    [DV_ATTEND_HEADS_ROWS]    = s.rows,
                    [DV_ATTEND_HEADS_NOPE4]   = node->attend_heads.nope / 4,
                    [DV_ATTEND_HEADS_ROPE4]   = node->attend_heads.rope / 4,
                    [DV_ATTEND_HEADS_V4]      = node->attend_heads.v_head / 4 },
    };
    return check_shared(site, node, &s);
}

static dsvk_status dispatch_attend_heads(struct dv_dispatch          *dispatch,
                                         const struct dv_kernel_site *site,
                                         const struct dv_node        *node)
{
    dsvk_status       status;
    struct dv_operand q      = dv_site_operand(site, node->in.attend_heads.q);
    struct dv_operand q_rope = dv_site_operand(site, node->in.attend_heads.q_rope);
    struct dv_operand k_nope = dv_site_operand(site, node->in.attend_heads.k_nope);
    struct dv_operand k_rope = dv_site_operand(site, node->in.attend_heads.k_rope);
    struct dv_operand v      = dv_site_operand(site, node->in.attend_heads.v);
    struct dv_operand y      = dv_site_operand(site, node->out.attend_heads.y);
    uint32_t          queries;
    *dispatch = (struct dv_dispatch){ .groups = { node->attend_heads.heads, 1, 1 } };
    TRY(choose(&dispatch->pipeline, &queries, site, node, q.rows));
    dispatch->groups[1] = dv_ceil_div(q.rows, queries);
    TRY(check_grid(site, node, dispatch->groups[1]));
    struct dv_attend_heads_args args = {
        .q             = q.address,
        .q_rope        = q_rope.address,
        .k_nope        = k_nope.address,
        .k_rope        = k_rope.address,
        .v             = v.address,
        .y             = y.address,
        .q_stride      = q.stride,
        .q_rope_stride = q_rope.stride,
        .k_nope_stride = k_nope.stride,
        .k_rope_stride = k_rope.stride,
        .v_stride      = v.stride,
        .y_stride      = y.stride,
        .tokens        = q.rows,
        .scale         = node->attend_heads.scale,
        .last          = dispatch->groups[1] - 1,
    };
    dispatch->may_cut = dispatch->counts_down = true;
    dispatch->cut_dimension                   = 1;
    dispatch->cut_first                       = offsetof(struct dv_attend_heads_args, last);
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_attend_heads = { dispatch_attend_heads };
