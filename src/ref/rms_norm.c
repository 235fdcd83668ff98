/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "ref/ref.h"

/* y = x / sqrt(mean(x^2) + eps) * weight, row by row; NaN where the squares' sum leaves f32 */
void dv_ref_rms_norm(const struct dv_ref_site *site, const struct dv_node *node)
{
    const struct dv_value *x      = &site->graph->values[node->in.rms_norm.x];
    const float           *weight = site->weights[node->w.rms_norm.norm];
    for (uint32_t r = 0; r < x->rows; r++) {
        const float *from = dv_ref_row(site, node->in.rms_norm.x, r);
        float       *to   = dv_ref_row(site, node->out.rms_norm.y, r);
        double       sum  = 0;
        for (uint32_t k = 0; k < x->cols; k++)
            sum += (double)from[k] * from[k];
        double factor = 1 / sqrt(sum / x->cols + (double)node->rms_norm.eps);
        if (!isfinite((float)sum))
            factor = NAN;
        for (uint32_t k = 0; k < x->cols; k++)
            to[k] = (float)(from[k] * factor * weight[k]);
    }
}
