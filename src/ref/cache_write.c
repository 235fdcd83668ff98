/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "kernel/kernel.h" /* enum dv_cache_format */
#include "ref/ref.h"

#define BLOCK 128 /* latent values of one FP8 scale */

/* scale = max(largest magnitude, 1e-4) / 448 for each block; value = e4m3(x / scale) * scale */
static void round_fp8(float *latent, uint32_t kv)
{
    for (uint32_t start = 0; start < kv; start += BLOCK) {
        uint32_t end     = start + BLOCK < kv ? start + BLOCK : kv;
        float    largest = 1e-4f;
        for (uint32_t k = start; k < end; k++)
            largest = fmaxf(largest, fabsf(latent[k]));
        float scale = largest / 448.0f;
        for (uint32_t k = start; k < end; k++)
            latent[k] = dv_e4m3_decode(dv_e4m3_encode(latent[k] / scale)) * scale;
    }
}

void dv_ref_cache_round(const struct dv_ref_site *site, float *record, uint32_t kv, uint32_t rope)
{
    if (site->cache_format == DV_CACHE_F32)
        return;
    if (site->cache_format == DV_CACHE_FP8)
        round_fp8(record, kv);
    for (uint32_t k = site->cache_format == DV_CACHE_FP8 ? kv : 0; k < kv + rope; k++)
        record[k] = dv_bf16_decode(dv_bf16_encode(record[k]));
}

/* cache[layer][position + t] = (latent[t], rope_key[t]), rounded to the format; the rope key of an FP8
 * cache is BF16. */
void dv_ref_cache_write(const struct dv_ref_site *site, const struct dv_node *node)
{
    uint32_t kv = node->kv, rope = node->dim, rows = site->graph->values[node->in[0]].rows;
    size_t   first = (size_t)node->layer * site->graph->size.context + site->position;
    for (uint32_t t = 0; t < rows; t++) {
        float *record = site->cache + (first + t) * (kv + rope);
        memcpy(record, dv_ref_row(site, node->in[0], t), kv * sizeof(float));
        memcpy(record + kv, dv_ref_row(site, node->in[1], t), rope * sizeof(float));
        dv_ref_cache_round(site, record, kv, rope);
    }
}
