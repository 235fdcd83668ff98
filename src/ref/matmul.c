/* SPDX-License-Identifier: MIT */
/* y[t, s*rows + i] = sum_k W[s][i][k] * x[t, s*x_slice + k] */
#include "ref/matrix.h"

void dv_ref_matmul(const struct dv_ref_site *site, const struct dv_node *node)
{
    const struct dv_weight_info *info   = &site->graph->weights[node->w.matmul.matrix];
    uint32_t                     tokens = site->graph->values[node->out.matmul.y].rows;
    for (uint32_t t = 0; t < tokens; t++)
        for (uint32_t s = 0; s < info->slices; s++) {
            struct dv_ref_product product = {
                .w = site->weights[node->w.matmul.matrix] + (uint64_t)s * info->rows * info->cols,
                .rows = info->rows,
                .cols = info->cols,
            };
            dv_ref_product(dv_ref_row(site, node->out.matmul.y, t) + s * info->rows, &product,
                           dv_ref_row(site, node->in.matmul.x, t) + s * node->matmul.x_slice);
        }
}
