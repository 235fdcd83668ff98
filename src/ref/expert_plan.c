/* SPDX-License-Identifier: MIT */
#include "ref/ref.h"

/* The pairs (token * top_k + slot) sorted by expert, then by pair; tiles {expert, first, count, 0}
 * of one expert and at most `tile` pairs. Word 0: number of tiles; tiles from word 4 on. */
void dv_ref_expert_plan(const struct dv_ref_site *site, const struct dv_node *node)
{
    uint32_t  tokens = site->graph->values[node->in.expert_plan.route].rows, n = 0, tiles = 0;
    uint32_t *y         = dv_ref_words(site, node->out.expert_plan.plan, 0);
    uint32_t  max_tiles = dv_expert_plan_tiles(tokens, node->expert_plan.top_k,
                                               node->expert_plan.experts, node->expert_plan.tile);
    uint32_t *pairs     = y + dv_expert_plan_pairs_at(max_tiles);
    for (uint32_t e = 0; e < node->expert_plan.experts; e++) {
        uint32_t in_tile = node->expert_plan.tile;
        for (uint32_t p = 0; p < tokens * node->expert_plan.top_k; p++) {
            if (dv_ref_words(site, node->in.expert_plan.route,
                             p / node->expert_plan.top_k)[p % node->expert_plan.top_k] != e)
                continue;
            if (in_tile == node->expert_plan.tile) {
                uint32_t *tile = y + 4 + (size_t)4 * tiles++;
                tile[0]        = e;
                tile[1]        = n;
                tile[2] = tile[3] = in_tile = 0;
            }
            y[4 + 4 * (size_t)(tiles - 1) + 2] = ++in_tile;
            pairs[n++]                         = p;
        }
    }
    y[0] = tiles;
    y[1] = y[2] = y[3] = 0;
}
