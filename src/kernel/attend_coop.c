/* SPDX-License-Identifier: MIT */
/* The workgroups of attend_coop and attend_heads_coop by device and model. A lane holds 64 sums of
 * the published shapes: the former has as many pairs as a subgroup has lanes and 512 columns, which
 * eight subgroups share, the latter 16 queries a subgroup and values of 128 columns. */
#include "kernel/coop.h"

#include "base/size.h"

/* With fewer tokens their matrices leave most of a device idle. */
#define FEWEST_TOKENS 16u
#define FEWEST_LANES 8u
#define MOST_PAIRS 32u
#define MOST_SUBGROUPS 8u
#define MOST_INVOCATIONS 256u
#define HEADS_SUBGROUPS 8u
#define MOST_HELD 128u
#define POSITIONS 16u /* where matrices are not larger */

static uint32_t shared_bytes(const struct dv_coop_attend *s, uint32_t n, uint32_t cols)
{
    uint32_t pairs   = s->heads * s->tokens;
    uint32_t records = s->positions * (cols + 8) * 2, weights = pairs * (s->positions + 8) * 2;
    return records + weights + s->subgroups * pairs * s->positions * 4 + pairs * n * 4 + 16;
}

/* Heads and tokens of `pairs` together: the most heads of those that leave the fewest idle. */
static void share_pairs(struct dv_coop_attend *s, uint32_t pairs, uint32_t heads)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t n = pairs; n > 0; n /= 2) {
        uint32_t idle = (n - heads % n) % n;
        if (idle < best) {
            best      = idle;
            s->heads  = n;
            s->tokens = pairs / n;
        }
    }
}

bool dv_coop_attend_of(struct dv_coop_attend *s, const struct dv_caps *caps,
                       const struct dv_node *node, uint32_t tokens)
{
    const struct dv_coop_shape *m        = &caps->coop[DV_COOP_F16];
    uint32_t                    subgroup = dv_coop_subgroup(caps);
    if (tokens < FEWEST_TOKENS || node->attend.splits != 1 || !dv_coop_is_fast(caps) ||
        subgroup < FEWEST_LANES)
        return false;
    if (node->attend.kv % m->n != 0 || node->attend.kv % m->k != 0 || node->attend.rope % m->k != 0)
        return false;
    uint32_t pairs = dv_min(subgroup, MOST_PAIRS);

    *s = (struct dv_coop_attend){
        .positions = dv_max(POSITIONS, dv_max(m->m, dv_max(m->n, m->k))),
        .subgroup  = subgroup,
        .subgroups = dv_min(MOST_SUBGROUPS, MOST_INVOCATIONS / subgroup),
    };
    uint32_t workgroup = s->subgroup * s->subgroups;
    do {
        share_pairs(s, pairs, node->attend.heads);
        pairs /= 2;
    } while (pairs >= m->m &&
             shared_bytes(s, m->n, node->attend.kv + node->attend.rope) > caps->max_shared_bytes);
    pairs = s->heads * s->tokens;
    /* The lanes of a pair are of one subgroup and have a position each at least. */
    return pairs >= m->m && workgroup <= pairs * dv_min(subgroup, s->positions) &&
           s->subgroups >= 2 && s->positions <= DV_PAGE && workgroup <= caps->max_workgroup &&
           shared_bytes(s, m->n, node->attend.kv + node->attend.rope) <= caps->max_shared_bytes;
}

void dv_coop_attend_pipeline(struct dv_pipeline_params *params, const struct dv_caps *caps,
                             const struct dv_coop_attend *shape, enum dv_cache_format format,
                             const struct dv_node *node)
{
    const struct dv_coop_shape *m = &caps->coop[DV_COOP_F16];

    *params = (struct dv_pipeline_params){
        .kernel   = "attend_coop",
        .spec     = { [DV_WORKGROUP]             = shape->subgroup * shape->subgroups,
                      [DV_COOP_M]                = m->m,
                      [DV_COOP_N]                = m->n,
                      [DV_COOP_K]                = m->k,
                      [DV_ATTEND_COOP_CACHE]     = format,
                      [DV_ATTEND_COOP_HEADS]     = shape->heads,
                      [DV_ATTEND_COOP_TOKENS]    = shape->tokens,
                      [DV_ATTEND_COOP_POSITIONS] = shape->positions,
                      [DV_ATTEND_COOP_KV]        = node->attend.kv,
                      [DV_ATTEND_COOP_ROPE]      = node->attend.rope,
                      [DV_ATTEND_COOP_SUBGROUPS] = shape->subgroups },
        .subgroup = shape->subgroup,
    };
}

static uint32_t heads_shared_bytes(const struct dv_coop_attend_heads *s,
                                   const struct dv_coop_shape *m, uint32_t cols)
{
    uint32_t stage   = m->m * dv_max(s->positions, m->n) * 4;
    uint32_t weights = m->m * (s->positions + 8) * 2, keep = m->m * m->n * 4;
    return s->positions * (cols + 16) * 2 +
           s->subgroups * (stage + weights + keep + s->subgroup * 4 + 4);
}

bool dv_coop_attend_heads_of(struct dv_coop_attend_heads *s, const struct dv_caps *caps,
                             const struct dv_node *node, uint32_t tokens)
{
    const struct dv_coop_shape *m        = &caps->coop[DV_COOP_F16];
    uint32_t                    subgroup = dv_coop_subgroup(caps);
    if (tokens < FEWEST_TOKENS || !dv_coop_is_fast(caps) || subgroup < m->m)
        return false;
    if (node->attend_heads.nope % m->k != 0 || node->attend_heads.rope % m->k != 0 ||
        node->attend_heads.v_head % m->n != 0)
        return false;
    /* Words of a lane's queries and sums. */
    uint32_t held =
        m->m *
        ((node->attend_heads.nope + node->attend_heads.rope) / 2 + node->attend_heads.v_head) /
        subgroup;

    *s = (struct dv_coop_attend_heads){
        .positions = dv_max(POSITIONS, dv_max(m->m, dv_max(m->n, m->k))),
        .subgroup  = subgroup,
        .subgroups = dv_min(HEADS_SUBGROUPS, MOST_INVOCATIONS / subgroup),
    };
    return held <= MOST_HELD && s->subgroup * s->subgroups <= caps->max_workgroup &&
           heads_shared_bytes(s, m,
                              node->attend_heads.nope + node->attend_heads.rope +
                                  node->attend_heads.v_head) <= caps->max_shared_bytes;
}

void dv_coop_attend_heads_pipeline(struct dv_pipeline_params *params, const struct dv_caps *caps,
                                   const struct dv_coop_attend_heads *shape,
                                   const struct dv_node              *node)
{
    const struct dv_coop_shape *m = &caps->coop[DV_COOP_F16];

    *params = (struct dv_pipeline_params){
        .kernel   = "attend_heads_coop",
        .spec     = { [DV_WORKGROUP]                   = shape->subgroup * shape->subgroups,
                      [DV_COOP_M]                      = m->m,
                      [DV_COOP_N]                      = m->n,
                      [DV_COOP_K]                      = m->k,
                      [DV_ATTEND_HEADS_COOP_SUBGROUPS] = shape->subgroups,
                      [DV_ATTEND_HEADS_COOP_POSITIONS] = shape->positions,
                      [DV_ATTEND_HEADS_COOP_NOPE]      = node->attend_heads.nope,
                      [DV_ATTEND_HEADS_COOP_ROPE]      = node->attend_heads.rope,
                      [DV_ATTEND_HEADS_COOP_V]         = node->attend_heads.v_head },
        .subgroup = shape->subgroup,
    };
}
