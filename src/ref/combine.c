/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "ref/ref.h"

/* y[t, h*kv + c] = sum_s exp(m_s - m) sums_s[c] / sum_s exp(m_s - m) l_s, m = max m_s, over the
 * splits that position + t has */
void dv_ref_combine(const struct dv_ref_site *site, const struct dv_node *node)
{
    uint32_t rows = site->graph->values[node->out[0]].rows, size = node->kv + 4;
    for (uint32_t t = 0; t < rows; t++) {
        uint32_t count = node->splits == 1 ? 1 : (site->position + t) / node->split + 1;
        for (uint32_t h = 0; h < node->heads; h++) {
            const float *part = dv_ref_row(site, node->in[0], t) + (size_t)h * node->splits * size;
            float       *y    = dv_ref_row(site, node->out[0], t) + (size_t)h * node->kv;
            double       m = -HUGE_VAL, l = 0;
            for (uint32_t s = 0; s < count; s++)
                m = fmax(m, part[s * size + node->kv]);
            for (uint32_t s = 0; s < count; s++)
                l += exp(part[s * size + node->kv] - m) * part[s * size + node->kv + 1];
            for (uint32_t c = 0; c < node->kv; c++) {
                double sum = 0;
                for (uint32_t s = 0; s < count; s++)
                    sum += exp(part[s * size + node->kv] - m) * part[s * size + c];
                y[c] = (float)(sum / l);
            }
        }
    }
}
