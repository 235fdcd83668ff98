/* SPDX-License-Identifier: MIT */
/* y[t, s*rows + i] = residual[t, s*rows + i] + sum_k W[s][i][k] * h[t, s*x_slice + k], h = x or
 * RMSNorm(x) * norm; with a pair of matrices silu(gate) * up of the two products instead of one. */
#include "ref/matrix.h"

void dv_ref_project(const struct dv_ref_site *site, const struct dv_node *node)
{
    const struct dv_weight_info *info = &site->graph->weights[node->w.project.matrix];
    const struct dv_value       *y    = &site->graph->values[node->out.project.y];
    for (uint32_t t = 0; t < y->rows; t++) {
        float *out = dv_ref_row(site, node->out.project.y, t);
        for (uint32_t s = 0; s < info->slices; s++) {
            struct dv_ref_product product = {
                .w = site->weights[node->w.project.matrix] + (uint64_t)s * info->rows * info->cols,
                .norm   = node->w.project.norm ? site->weights[node->w.project.norm] : NULL,
                .rows   = info->rows,
                .cols   = info->cols,
                .paired = info->kind == DV_WEIGHT_PAIR,
                .eps    = node->project.eps,
            };
            dv_ref_product(out + s * info->rows, &product,
                           dv_ref_row(site, node->in.project.x, t) + s * node->project.x_slice);
        }
        const float *residual =
            node->in.project.residual ? dv_ref_row(site, node->in.project.residual, t) : NULL;
        for (uint32_t i = 0; residual && i < y->cols; i++)
            out[i] += residual[i];
    }
}
