/* SPDX-License-Identifier: MIT */
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

/* cache[position + t] = (RMSNorm(kva[t][..kv]) * norm, rope(kva[t][kv..])), rounded as cache_write
 * rounds it */
static void write_cache(const struct dv_ref_site *site, const struct dv_node *node, uint32_t t)
{
    uint32_t     kv = node->kv, position = site->position + t;
    const float *x = dv_ref_row(site, node->in[1], t), *norm = site->weights[node->w[2]];
    size_t       row    = (size_t)node->layer * site->graph->size.context + position;
    float       *record = site->cache + row * (kv + node->dim);
    double       sum    = 0;
    for (uint32_t k = 0; k < kv; k++)
        sum += (double)x[k] * x[k];
    double factor = 1 / sqrt(sum / kv + (double)node->eps);
    for (uint32_t k = 0; k < kv; k++)
        record[k] = (float)(x[k] * factor * norm[k]);
    const float *turn = site->weights[node->w[1]] + (size_t)position * node->dim;
    rotate(record + kv, x + kv, turn, node->dim);
    dv_ref_cache_round(site, record, kv, node->dim);
}

/* The cache's record, q_rope[h] = rope(q[h, nope..]) and q_latent[h] = W_UK[h] q[h, ..nope] */
void dv_ref_mla_prepare(const struct dv_ref_site *site, const struct dv_node *node)
{
    uint32_t rows = site->graph->values[node->in[0]].rows, kv = node->kv, rope = node->dim;
    for (uint32_t t = 0; t < rows; t++) {
        const float *turn = site->weights[node->w[1]] + (size_t)(site->position + t) * rope;
        write_cache(site, node, t);
        for (uint32_t h = 0; h < node->heads; h++) {
            const float *q = dv_ref_row(site, node->in[0], t) + (size_t)h * (node->nope + rope);
            const float *w = site->weights[node->w[0]] + (size_t)h * kv * node->nope;
            float       *y = dv_ref_row(site, node->out[0], t) + (size_t)h * kv;
            float       *rotated = dv_ref_row(site, node->out[1], t) + (size_t)h * rope;
            rotate(rotated, q + node->nope, turn, rope);
            for (uint32_t i = 0; i < kv; i++) {
                double sum = 0;
                for (uint32_t k = 0; k < node->nope; k++)
                    sum += (double)w[(size_t)i * node->nope + k] * q[k];
                y[i] = (float)sum;
            }
        }
    }
}
