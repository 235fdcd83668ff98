/* SPDX-License-Identifier: MIT */
/* Two projections of one input: y_a = project with A, y_b = project with B, the same norm. */
#include "ref/ref.h"

void dv_ref_project_two(const struct dv_ref_site *site, const struct dv_node *node)
{
    struct dv_node second = *node;
    second.w[0]           = node->w[2];
    second.out[0]         = node->out[1];
    dv_ref_project(site, node);
    dv_ref_project(site, &second);
}
