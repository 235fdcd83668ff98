/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "ref/ref.h"

/* y = the lowest index of the largest value; NaN never wins, a row of NaN gives 0 */
void dv_ref_argmax(const struct dv_ref_site *site, const struct dv_node *node)
{
    const struct dv_value *x = &site->graph->values[node->in[0]];
    for (uint32_t r = 0; r < x->rows; r++) {
        const float *row  = dv_ref_row(site, node->in[0], r);
        uint32_t     best = 0;
        for (uint32_t k = 1; k < x->cols; k++)
            if (row[k] > row[best] || (isnan(row[best]) && !isnan(row[k])))
                best = k;
        dv_ref_words(site, node->out[0], r)[0] = best;
    }
}
