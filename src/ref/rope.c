/* SPDX-License-Identifier: MIT */
#include "ref/ref.h"

/* Pair (2i, 2i+1) of each head turns by the angle of (position, i):
 * (x0 cos - x1 sin, x0 sin + x1 cos); table: [context, dim/2] (cos, sin). */
void dv_ref_rope(const struct dv_ref_site *site, const struct dv_node *node)
{
    uint32_t rows = site->graph->values[node->out.rope.y].rows;
    for (uint32_t t = 0; t < rows; t++) {
        const float *turn =
            site->weights[node->w.rope.table] + (size_t)site->rows[t].position * node->rope.dim;
        for (uint32_t h = 0; h < node->rope.heads; h++) {
            const float *x =
                dv_ref_row(site, node->in.rope.x, t) + h * node->rope.x_head + node->rope.x_offset;
            float *y = dv_ref_row(site, node->out.rope.y, t) + h * node->rope.dim;
            for (uint32_t i = 0; i < node->rope.dim; i += 2) {
                double x0 = x[i], x1 = x[i + 1], c = turn[i], s = turn[i + 1];
                y[i]     = (float)(x0 * c - x1 * s);
                y[i + 1] = (float)(x0 * s + x1 * c);
            }
        }
    }
}
