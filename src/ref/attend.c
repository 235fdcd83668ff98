/* SPDX-License-Identifier: MIT */
/* The reference of attention over the latent cache, the specification of every attend kernel. It
 * takes positions in the kernels' splits, and sums in double precision. */
#include <math.h>

#include "ref/ref.h"

#define COLUMNS 256 /* summed at a time */

static double score(const struct dv_ref_site *site, const struct dv_node *node, uint32_t t,
                    uint32_t head, const float *record)
{
    const float *latent =
        dv_ref_row(site, node->in.attend.q_latent, t) + (size_t)head * node->attend.kv;
    const float *rope =
        dv_ref_row(site, node->in.attend.q_rope, t) + (size_t)head * node->attend.rope;
    double dot = 0;
    for (uint32_t k = 0; k < node->attend.kv; k++)
        dot += (double)latent[k] * record[k];
    for (uint32_t k = 0; k < node->attend.rope; k++)
        dot += (double)rope[k] * record[node->attend.kv + k];
    return (double)node->attend.scale * dot;
}

/* One head of token t over positions first .. end-1:
 * s_p = scale * (q_latent . latent_p + q_rope . rope_p), m = max s_p,
 * y = (sum_p exp(s_p - m) latent_p, m, sum_p exp(s_p - m)) */
static void attend(float *y, const struct dv_ref_site *site, const struct dv_node *node, uint32_t t,
                   uint32_t head, uint32_t first, uint32_t end)
{
    dv_tensor state = node->in.attend.state;
    uint32_t  kv    = node->attend.kv;
    double    m = -HUGE_VAL, l = 0;
    for (uint32_t p = first; p < end; p++)
        m = fmax(m, score(site, node, t, head, dv_ref_record(site, state, t, p)));
    for (uint32_t start = 0; start < kv; start += COLUMNS) {
        double   sums[COLUMNS] = { 0 };
        uint32_t n             = kv - start < COLUMNS ? kv - start : COLUMNS;
        l                      = 0;
        for (uint32_t p = first; p < end; p++) {
            const float *record = dv_ref_record(site, state, t, p);
            double       weight = exp(score(site, node, t, head, record) - m);
            l += weight;
            for (uint32_t k = 0; k < n; k++)
                sums[k] += weight * record[start + k];
        }
        for (uint32_t k = 0; k < n; k++)
            y[start + k] = (float)sums[k];
    }
    y[kv]     = (float)m;
    y[kv + 1] = (float)l;
    y[kv + 2] = y[kv + 3] = 0;
}

/* A partial for each token, head and split of the context, positions up to the token's own; with
 * one split the whole context is one. */
void dv_ref_attend(const struct dv_ref_site *site, const struct dv_node *node)
{
    uint32_t rows = site->graph->values[node->in.attend.q_latent].rows;
    for (uint32_t t = 0; t < rows; t++) {
        uint32_t end    = site->rows[t].position + 1;
        uint32_t length = node->attend.splits == 1 ? end : node->attend.split;
        for (uint32_t h = 0; h < node->attend.heads; h++)
            for (uint32_t s = 0; s * length < end; s++) {
                uint32_t first = s * length, last = first + length < end ? first + length : end;
                size_t   place = ((size_t)h * node->attend.splits + s) * (node->attend.kv + 4);
                attend(dv_ref_row(site, node->out.attend.partials, t) + place, site, node, t, h,
                       first, last);
            }
    }
}
