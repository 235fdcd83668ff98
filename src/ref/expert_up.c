/* SPDX-License-Identifier: MIT */
/* y[t*top_k + s] = silu(gate) * up, (gate, up) = W[expert[t,s]] * h[(t*top_k + s) / x_div],
 * h = x or RMSNorm(x) * norm; a single product where W is no pair. */
#include "ref/matrix.h"

void dv_ref_expert_up(const struct dv_ref_site *site, const struct dv_node *node)
{
    const struct dv_weight_info *info   = &site->graph->weights[node->w.expert_up.experts];
    bool                         paired = info->kind == DV_WEIGHT_PAIR;
    uint64_t                     matrix = (uint64_t)info->rows * info->cols * (paired ? 2 : 1);
    uint32_t                     pairs  = site->graph->values[node->out.expert_up.y].rows;
    for (uint32_t pair = 0; pair < pairs; pair++) {
        const uint32_t *route =
            dv_ref_words(site, node->in.expert_up.route, pair / node->expert_up.top_k);
        struct dv_ref_product product = {
            .w = site->weights[node->w.expert_up.experts] +
                 route[pair % node->expert_up.top_k] * matrix,
            .norm   = node->w.expert_up.norm ? site->weights[node->w.expert_up.norm] : NULL,
            .rows   = info->rows,
            .cols   = info->cols,
            .paired = paired,
            .eps    = node->expert_up.eps,
        };
        dv_ref_product(dv_ref_row(site, node->out.expert_up.y, pair), &product,
                       dv_ref_row(site, node->in.expert_up.x, pair / node->expert_up.x_div));
    }
}
