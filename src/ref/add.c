/* SPDX-License-Identifier: MIT */
#include "ref/ref.h"

/* y = a + b */
void dv_ref_add(const struct dv_ref_site *site, const struct dv_node *node)
{
    const struct dv_value *y = &site->graph->values[node->out.add.y];
    for (uint32_t r = 0; r < y->rows; r++) {
        const float *a  = dv_ref_row(site, node->in.add.a, r);
        const float *b  = dv_ref_row(site, node->in.add.b, r);
        float       *to = dv_ref_row(site, node->out.add.y, r);
        for (uint32_t k = 0; k < y->cols; k++)
            to[k] = a[k] + b[k];
    }
}
