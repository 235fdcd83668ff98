/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "ref/ref.h"
#include "args.h"
#include "step_block.h" /* DV_NOT_FINITE */

/* y = the lowest index of the largest of the values that may be chosen; DV_NOT_FINITE if one of
 * them is NaN or infinite */
void dv_ref_argmax(const struct dv_ref_site *site, const struct dv_node *node)
{
    const struct dv_value *x = &site->graph->values[node->in.argmax.x];
    for (uint32_t r = 0; r < x->rows; r++) {
        const float *row    = dv_ref_row(site, node->in.argmax.x, r);
        uint32_t     best   = 0;
        bool         finite = true;
        for (uint32_t k = 0; k < node->argmax.choices; k++) {
            finite = finite && isfinite(row[k]);
            best   = row[k] > row[best] ? k : best;
        }
        dv_ref_words(site, node->out.argmax.token, r)[0] = finite ? best : DV_NOT_FINITE;
    }
}
