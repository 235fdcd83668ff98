/* SPDX-License-Identifier: MIT */
#include "ref/ref.h"

/* y[t] = residual[t] + (sum_s weight[t,s] * x[t*top_k + s] + shared[t]) */
void dv_ref_expert_sum(const struct dv_ref_site *site, const struct dv_node *node)
{
    const struct dv_value *y = &site->graph->values[node->out.expert_sum.y];
    for (uint32_t t = 0; t < y->rows; t++) {
        const float *weights =
            dv_ref_row(site, node->in.expert_sum.route, t) + node->expert_sum.top_k;
        const float *shared =
            node->in.expert_sum.shared ? dv_ref_row(site, node->in.expert_sum.shared, t) : NULL;
        const float *residual =
            node->in.expert_sum.residual ? dv_ref_row(site, node->in.expert_sum.residual, t) : NULL;
        float *to = dv_ref_row(site, node->out.expert_sum.y, t);
        for (uint32_t k = 0; k < y->cols; k++) {
            double sum = 0;
            for (uint32_t s = 0; s < node->expert_sum.top_k; s++)
                sum += (double)weights[s] *
                       dv_ref_row(site, node->in.expert_sum.x, t * node->expert_sum.top_k + s)[k];
            to[k] = (float)(sum + (shared ? shared[k] : 0) + (residual ? residual[k] : 0));
        }
    }
}
