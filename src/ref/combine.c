/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "ref/ref.h"

/* y[t, h*kv + c] = sum_s exp(m_s - m) sums_s[c] / sum_s exp(m_s - m) l_s, m = max m_s, over the
 * splits that the token's position has */
void dv_ref_combine(const struct dv_ref_site *site, const struct dv_node *node)
{
    uint32_t rows = site->graph->values[node->out.combine.y].rows, size = node->combine.kv + 4;
    for (uint32_t t = 0; t < rows; t++) {
        uint32_t count =
            node->combine.splits == 1 ? 1 : site->rows[t].position / node->combine.split + 1;
        for (uint32_t h = 0; h < node->combine.heads; h++) {
            const float *part = dv_ref_row(site, node->in.combine.partials, t) +
                                (size_t)h * node->combine.splits * size;
            float *y = dv_ref_row(site, node->out.combine.y, t) + (size_t)h * node->combine.kv;
            double m = -HUGE_VAL, l = 0;
            for (uint32_t s = 0; s < count; s++)
                m = fmax(m, part[s * size + node->combine.kv]);
            for (uint32_t s = 0; s < count; s++)
                l += exp(part[s * size + node->combine.kv] - m) *
                     part[s * size + node->combine.kv + 1];
            for (uint32_t c = 0; c < node->combine.kv; c++) {
                double sum = 0;
                for (uint32_t s = 0; s < count; s++)
                    sum += exp(part[s * size + node->combine.kv] - m) * part[s * size + c];
                y[c] = (float)(sum / l);
            }
        }
    }
}
