/* SPDX-License-Identifier: MIT */
/* Two projections of one input: y_a = project with A, y_b = project with B, the same norm. */
#include "ref/ref.h"

static void project(const struct dv_ref_site *site, const struct dv_node *node, dv_weight matrix,
                    dv_tensor y)
{
    struct dv_node one = { .op          = DV_OP_project,
                           .in.project  = { .x = node->in.project_two.x },
                           .w.project   = { .matrix = matrix, .norm = node->w.project_two.norm },
                           .out.project = { .y = y },
                           .project     = { .eps = node->project_two.eps } };
    dv_ref_project(site, &one);
}

void dv_ref_project_two(const struct dv_ref_site *site, const struct dv_node *node)
{
    project(site, node, node->w.project_two.a, node->out.project_two.y_a);
    project(site, node, node->w.project_two.b, node->out.project_two.y_b);
}
