/* SPDX-License-Identifier: MIT */
/* Counts the bytes that a node reads and the operations that it performs, from shapes and packed
 * sizes. It measures nothing; plans and profiles divide by it. */
#include "kernel/cost.h"

#include "base/size.h"

#define TILE_BYTES 128u /* 8 rows x 16 bytes */

uint32_t dv_experts_touched(uint64_t pairs, uint32_t experts)
{
    return dv_min(pairs, experts);
}

bool dv_weight_is_matrix(const struct dv_weight_info *info)
{
    return info->kind == DV_WEIGHT_MATRIX || info->kind == DV_WEIGHT_PAIR;
}

dv_weight dv_node_matrix(const struct dv_graph *g, const struct dv_node *node)
{
    for (uint32_t k = 0; k < dv_n_weights(node->op); k++)
        if (node->w.at[k] && dv_weight_is_matrix(&g->weights[node->w.at[k]]))
            return node->w.at[k];
    return 0;
}

static uint64_t parts_of(const struct dv_weight_info *info)
{
    return info->kind == DV_WEIGHT_PAIR ? 2 : 1;
}

/* Of one matrix, of one expert. */
static uint64_t matrix_bytes(const struct dv_weight_info *info, const struct dv_weight_place *place)
{
    uint64_t groups = (uint64_t)place->groups * info->slices * parts_of(info);
    return groups * ((uint64_t)place->chunks * TILE_BYTES + (uint64_t)place->blocks * 4);
}

static void add_matrix(struct dv_cost *cost, const struct dv_graph *g, const struct dv_node *node,
                       const struct dv_weight_info *info, const struct dv_weight_place *place)
{
    uint64_t rows   = g->values[node->out.at[0]].rows;
    uint64_t values = (uint64_t)info->rows * info->slices * parts_of(info) * info->cols;
    if (node->op == DV_OP_embed) { /* a row for each token */
        uint64_t row = place->chunks * 16 + (uint64_t)place->blocks * 4;
        cost->weight_bytes += rows * row;
    } else if (info->experts) {
        uint64_t pairs = (uint64_t)g->size.tokens * dv_node_expert_use(node).top_k;
        cost->weight_bytes += dv_experts_touched(pairs, info->experts) * matrix_bytes(info, place);
        cost->flops += 2 * pairs * values;
    } else {
        cost->weight_bytes += matrix_bytes(info, place);
        cost->flops += 2 * rows * values;
    }
}

/* Token t of the pass sees all positions up to its own. */
static void add_attention(struct dv_cost *cost, const struct dv_cost_site *site,
                          const struct dv_graph *g, const struct dv_node *node)
{
    uint64_t tokens = g->size.tokens;
    uint64_t seen   = tokens * site->position + tokens * (tokens + 1) / 2;
    if (node->op == DV_OP_attend) {
        uint64_t widths = (uint64_t)node->attend.kv + node->attend.rope + node->attend.kv;
        cost->flops += 2 * seen * node->attend.heads * widths;
        dv_state state = g->values[node->in.attend.state].state;
        if (site->states)
            cost->cache_bytes += (site->position + tokens) * site->states[state].record;
    } else {
        uint64_t widths =
            (uint64_t)node->attend_heads.nope + node->attend_heads.rope + node->attend_heads.v_head;
        cost->flops += 2 * seen * node->attend_heads.heads * widths;
    }
}

void dv_node_cost(struct dv_cost *cost, const struct dv_cost_site *site, const struct dv_graph *g,
                  const struct dv_node *node)
{
    *cost = (struct dv_cost){ 0 };
    for (uint32_t k = 0; k < dv_n_weights(node->op); k++) {
        const struct dv_weight_info *info = &g->weights[node->w.at[k]];
        if (node->w.at[k] && dv_weight_is_matrix(info))
            add_matrix(cost, g, node, info, &site->weights[node->w.at[k]]);
        else if (node->w.at[k] && info->kind == DV_WEIGHT_VECTOR)
            cost->weight_bytes += (uint64_t)info->cols * 4;
    }
    if (node->op == DV_OP_attend || node->op == DV_OP_attend_heads)
        add_attention(cost, site, g, node);
}
