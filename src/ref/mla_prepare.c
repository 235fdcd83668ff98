/* SPDX-License-Identifier: MIT */
/* The cache's record, q_rope[h] = rope(q[h, nope..]) and q_latent[h] = W_UK[h] q[h, ..nope] */
#include <math.h>

#include "ref/ref.h"

static void rotate(float *y, const float *x, const float *turn, uint32_t dim)
{
    for (uint32_t i = 0; i < dim; i += 2) {
        double x0 = x[i], x1 = x[i + 1], c = turn[i], s = turn[i + 1];
        y[i]     = (float)(x0 * c - x1 * s);
        y[i + 1] = (float)(x0 * s + x1 * c);
    }
}

/* state[position of t] = (RMSNorm(kva[t][..kv]) * norm, rope(kva[t][kv..])), rounded as cache_write
 * rounds it */
static void write_cache(const struct dv_ref_site *site, const struct dv_node *node, uint32_t t)
{
    uint32_t     kv = node->mla_prepare.kv, position = site->rows[t].position;
    const float *x    = dv_ref_row(site, node->in.mla_prepare.kva, t),
                *norm = site->weights[node->w.mla_prepare.norm];
    float *record     = dv_ref_record(site, node->out.mla_prepare.state, t, position);
    double sum        = 0;
    for (uint32_t k = 0; k < kv; k++)
        sum += (double)x[k] * x[k];
    double factor = 1 / sqrt(sum / kv + (double)node->mla_prepare.eps);
    for (uint32_t k = 0; k < kv; k++)
        record[k] = (float)(x[k] * factor * norm[k]);
    const float *turn =
        site->weights[node->w.mla_prepare.table] + (size_t)position * node->mla_prepare.rope;
    rotate(record + kv, x + kv, turn, node->mla_prepare.rope);
    dv_ref_cache_round(site, record, kv, node->mla_prepare.rope);
}

void dv_ref_mla_prepare(const struct dv_ref_site *site, const struct dv_node *node)
{
    uint32_t rows = site->graph->values[node->in.mla_prepare.q].rows, kv = node->mla_prepare.kv,
             rope = node->mla_prepare.rope;
    for (uint32_t t = 0; t < rows; t++) {
        const float *turn =
            site->weights[node->w.mla_prepare.table] + (size_t)site->rows[t].position * rope;
        write_cache(site, node, t);
        for (uint32_t h = 0; h < node->mla_prepare.heads; h++) {
            const float *q = dv_ref_row(site, node->in.mla_prepare.q, t) +
                             (size_t)h * (node->mla_prepare.nope + rope);
            const float *w =
                site->weights[node->w.mla_prepare.w_uk] + (size_t)h * kv * node->mla_prepare.nope;
            float *y       = dv_ref_row(site, node->out.mla_prepare.q_latent, t) + (size_t)h * kv;
            float *rotated = dv_ref_row(site, node->out.mla_prepare.q_rope, t) + (size_t)h * rope;
            rotate(rotated, q + node->mla_prepare.nope, turn, rope);
            for (uint32_t i = 0; i < kv; i++) {
                double sum = 0;
                for (uint32_t k = 0; k < node->mla_prepare.nope; k++)
                    sum += (double)w[(size_t)i * node->mla_prepare.nope + k] * q[k];
                y[i] = (float)sum;
            }
        }
    }
}
