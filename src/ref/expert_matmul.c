/* SPDX-License-Identifier: MIT */
/* y[t*top_k + s] = W[expert[t,s]] * x[(t*top_k + s) / x_div] */
#include "ref/matrix.h"

void dv_ref_expert_matmul(const struct dv_ref_site *site, const struct dv_node *node)
{
    const struct dv_weight_info *info   = &site->graph->weights[node->w.expert_matmul.experts];
    uint64_t                     matrix = (uint64_t)info->rows * info->cols;
    uint32_t                     pairs  = site->graph->values[node->out.expert_matmul.y].rows;
    for (uint32_t pair = 0; pair < pairs; pair++) {
        const uint32_t *route =
            dv_ref_words(site, node->in.expert_matmul.route, pair / node->expert_matmul.top_k);
        struct dv_ref_product product = {
            .w = site->weights[node->w.expert_matmul.experts] +
                 route[pair % node->expert_matmul.top_k] * matrix,
            .rows = info->rows,
            .cols = info->cols,
        };
        dv_ref_product(
            dv_ref_row(site, node->out.expert_matmul.y, pair), &product,
            dv_ref_row(site, node->in.expert_matmul.x, pair / node->expert_matmul.x_div));
    }
}
