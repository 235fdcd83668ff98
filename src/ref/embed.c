/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "ref/ref.h"

/* y[t] = table[ids[t]] */
void dv_ref_embed(const struct dv_ref_site *site, const struct dv_node *node)
{
    const struct dv_value *y = &site->graph->values[node->out.embed.y];
    for (uint32_t t = 0; t < y->rows; t++)
        memcpy(dv_ref_row(site, node->out.embed.y, t),
               site->weights[node->w.embed.table] + (size_t)site->rows[t].token * y->cols,
               y->cols * sizeof(float));
}
