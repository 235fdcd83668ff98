/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "ref/ref.h"

#define COLUMNS 256 /* summed at a time */

static double score(const struct dv_ref_site *site, const struct dv_node *node, uint32_t t,
                    uint32_t head, uint32_t j)
{
    uint32_t     nope = node->attend_heads.nope, rope = node->attend_heads.rope;
    const float *q = dv_ref_row(site, node->in.attend_heads.q, t) + (size_t)head * (nope + rope);
    const float *q_rope = dv_ref_row(site, node->in.attend_heads.q_rope, t) + (size_t)head * rope;
    const float *k      = dv_ref_row(site, node->in.attend_heads.k_nope, j) + (size_t)head * nope;
    const float *k_rope = dv_ref_row(site, node->in.attend_heads.k_rope, j);
    double       dot    = 0;
    for (uint32_t c = 0; c < nope; c++)
        dot += (double)q[c] * k[c];
    for (uint32_t c = 0; c < rope; c++)
        dot += (double)q_rope[c] * k_rope[c];
    return (double)node->attend_heads.scale * dot;
}

static void attend_head(const struct dv_ref_site *site, const struct dv_node *node, uint32_t t,
                        uint32_t head)
{
    float *y =
        dv_ref_row(site, node->out.attend_heads.y, t) + (size_t)head * node->attend_heads.v_head;
    double m = -HUGE_VAL;
    for (uint32_t j = 0; j <= t; j++)
        m = fmax(m, score(site, node, t, head, j));
    for (uint32_t start = 0; start < node->attend_heads.v_head; start += COLUMNS) {
        double   sums[COLUMNS] = { 0 }, l = 0;
        uint32_t n = node->attend_heads.v_head - start < COLUMNS ? node->attend_heads.v_head - start
                                                                 : COLUMNS;
        for (uint32_t j = 0; j <= t; j++) {
            const float *v = dv_ref_row(site, node->in.attend_heads.v, j) +
                             (size_t)head * node->attend_heads.v_head;
            double weight = exp(score(site, node, t, head, j) - m);
            l += weight;
            for (uint32_t c = 0; c < n; c++)
                sums[c] += weight * v[start + c];
        }
        for (uint32_t c = 0; c < n; c++)
            y[start + c] = (float)(sums[c] / l);
    }
}

/* For each head and token t: s_j = scale * (q . k_nope_j + q_rope . k_rope_j) for j <= t,
 * y = sum_j exp(s_j - m) v_j / sum_j exp(s_j - m), m = max s_j. */
void dv_ref_attend_heads(const struct dv_ref_site *site, const struct dv_node *node)
{
    uint32_t rows = site->graph->values[node->out.attend_heads.y].rows;
    for (uint32_t t = 0; t < rows; t++)
        for (uint32_t head = 0; head < node->attend_heads.heads; head++)
            attend_head(site, node, t, head);
}
