/* SPDX-License-Identifier: MIT */
/* y[t] = residual[t] + (sum_s weight[t,s] * (W[expert[t,s]] * x[t*top_k + s]) + V * shared[t]) */
#include <string.h>

#include "ref/matrix.h"

static double row_value(const struct dv_ref_site *site, const struct dv_node *node, uint32_t t,
                        uint32_t i)
{
    const struct dv_weight_info *info  = &site->graph->weights[node->w.expert_down.experts];
    const uint32_t              *route = dv_ref_words(site, node->in.expert_down.route, t);
    double                       sum   = 0;
    for (uint32_t s = 0; s < node->expert_down.top_k; s++) {
        uint64_t row = (uint64_t)route[s] * info->rows + i;
        float    weight;
        memcpy(&weight, &route[node->expert_down.top_k + s], sizeof weight);
        sum += weight *
               dv_ref_dot(site->weights[node->w.expert_down.experts] + row * info->cols,
                          dv_ref_row(site, node->in.expert_down.h, t * node->expert_down.top_k + s),
                          info->cols, NULL, 1.0);
    }
    if (node->w.expert_down.shared) {
        uint32_t cols = site->graph->weights[node->w.expert_down.shared].cols;
        sum += dv_ref_dot(site->weights[node->w.expert_down.shared] + (uint64_t)i * cols,
                          dv_ref_row(site, node->in.expert_down.shared, t), cols, NULL, 1.0);
    }
    return node->in.expert_down.residual
               ? dv_ref_row(site, node->in.expert_down.residual, t)[i] + sum
               : sum;
}

void dv_ref_expert_down(const struct dv_ref_site *site, const struct dv_node *node)
{
    const struct dv_value *y = &site->graph->values[node->out.expert_down.y];
    for (uint32_t t = 0; t < y->rows; t++)
        for (uint32_t i = 0; i < y->cols; i++)
            dv_ref_row(site, node->out.expert_down.y, t)[i] = (float)row_value(site, node, t, i);
}
