/* SPDX-License-Identifier: MIT */
/* y[t, s*rows + i] = residual[t, s*rows + i] + sum_k W[s][i][k] * h[t, s*x_slice + k], h = x or
 * RMSNorm(x) * norm; with a pair of matrices silu(gate) * up of the two products instead of one. */
#include "ref/matrix.h"

void dv_ref_project(const struct dv_ref_site *site, const struct dv_node *node)
{
    const struct dv_weight_info *info = &site->graph->weights[node->w[0]];
    const struct dv_value       *y    = &site->graph->values[node->out[0]];
    for (uint32_t t = 0; t < y->rows; t++) {
        float *out = dv_ref_row(site, node->out[0], t);
        for (uint32_t s = 0; s < info->slices; s++) {
            struct dv_ref_product product = {
                .w      = site->weights[node->w[0]] + (uint64_t)s * info->rows * info->cols,
                .norm   = node->w[1] ? site->weights[node->w[1]] : NULL,
                .rows   = info->rows,
                .cols   = info->cols,
                .paired = info->kind == DV_WEIGHT_PAIR,
                .eps    = node->eps,
            };
            dv_ref_product(out + s * info->rows, &product,
                           dv_ref_row(site, node->in[0], t) + s * node->x_slice);
        }
        const float *residual = node->in[1] ? dv_ref_row(site, node->in[1], t) : NULL;
        for (uint32_t i = 0; residual && i < y->cols; i++)
            out[i] += residual[i];
    }
}
