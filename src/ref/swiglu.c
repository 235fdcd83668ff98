/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "ref/ref.h"

/* y = gate / (1 + exp(-gate)) * up */
void dv_ref_swiglu(const struct dv_ref_site *site, const struct dv_node *node)
{
    const struct dv_value *y = &site->graph->values[node->out.swiglu.y];
    for (uint32_t r = 0; r < y->rows; r++) {
        const float *gate = dv_ref_row(site, node->in.swiglu.gate, r);
        const float *up   = dv_ref_row(site, node->in.swiglu.up, r);
        float       *to   = dv_ref_row(site, node->out.swiglu.y, r);
        for (uint32_t k = 0; k < y->cols; k++)
            to[k] = (float)(gate[k] / (1 + exp(-(double)gate[k])) * up[k]);
    }
}
