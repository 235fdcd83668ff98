/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "ref/ref.h"

/* y[t, h*rows + i] = sum_c W[h][i][c] context[c], context = combine's result for t and h */
void dv_ref_attend_value(const struct dv_ref_site *site, const struct dv_node *node)
{
    uint32_t tokens = site->graph->values[node->out.attend_value.y].rows,
             size   = node->attend_value.kv + 4;
    uint32_t rows   = site->graph->weights[node->w.attend_value.w_uv].rows;
    for (uint32_t t = 0; t < tokens; t++) {
        uint32_t count = node->attend_value.splits == 1
                             ? 1
                             : site->rows[t].position / node->attend_value.split + 1;
        for (uint32_t h = 0; h < node->attend_value.heads; h++) {
            const float *part = dv_ref_row(site, node->in.attend_value.partials, t) +
                                (size_t)h * node->attend_value.splits * size;
            float *y = dv_ref_row(site, node->out.attend_value.y, t) + (size_t)h * rows;
            double m = -HUGE_VAL, l = 0;
            for (uint32_t s = 0; s < count; s++)
                m = fmax(m, part[s * size + node->attend_value.kv]);
            for (uint32_t s = 0; s < count; s++)
                l += exp(part[s * size + node->attend_value.kv] - m) *
                     part[s * size + node->attend_value.kv + 1];
            for (uint32_t i = 0; i < rows; i++) {
                const float *w = site->weights[node->w.attend_value.w_uv] +
                                 ((size_t)h * rows + i) * node->attend_value.kv;
                double sum = 0;
                for (uint32_t s = 0; s < count; s++) {
                    double factor = exp(part[s * size + node->attend_value.kv] - m);
                    for (uint32_t c = 0; c < node->attend_value.kv; c++)
                        sum += factor * part[s * size + c] * w[c];
                }
                y[i] = (float)(sum / l);
            }
        }
    }
}
