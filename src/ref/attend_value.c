/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "ref/ref.h"

/* y[t, h*rows + i] = sum_c W[h][i][c] context[c], context = combine's result for t and h */
void dv_ref_attend_value(const struct dv_ref_site *site, const struct dv_node *node)
{
    uint32_t tokens = site->graph->values[node->out[0]].rows, size = node->kv + 4;
    uint32_t rows = site->graph->weights[node->w[0]].rows;
    for (uint32_t t = 0; t < tokens; t++) {
        uint32_t count = node->splits == 1 ? 1 : (site->position + t) / node->split + 1;
        for (uint32_t h = 0; h < node->heads; h++) {
            const float *part = dv_ref_row(site, node->in[0], t) + (size_t)h * node->splits * size;
            float       *y    = dv_ref_row(site, node->out[0], t) + (size_t)h * rows;
            double       m = -HUGE_VAL, l = 0;
            for (uint32_t s = 0; s < count; s++)
                m = fmax(m, part[s * size + node->kv]);
            for (uint32_t s = 0; s < count; s++)
                l += exp(part[s * size + node->kv] - m) * part[s * size + node->kv + 1];
            for (uint32_t i = 0; i < rows; i++) {
                const float *w   = site->weights[node->w[0]] + ((size_t)h * rows + i) * node->kv;
                double       sum = 0;
                for (uint32_t s = 0; s < count; s++) {
                    double factor = exp(part[s * size + node->kv] - m);
                    for (uint32_t c = 0; c < node->kv; c++)
                        sum += factor * part[s * size + c] * w[c];
                }
                y[i] = (float)(sum / l);
            }
        }
    }
}
