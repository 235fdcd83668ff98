/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "base/number.h"
#include "kernel/kernel.h" /* enum dv_cache_format */
#include "ref/ref.h"

#define BLOCK 128 /* latent values of one FP8 scale */

static float bf16(float value)
{
    return dv_bf16_decode(dv_bf16_encode(value));
}

/* scale = max(largest magnitude, 1e-4) / 448 for each block; value = e4m3(x / scale) * scale */
static void write_fp8(float *record, const float *latent, uint32_t kv)
{
    for (uint32_t start = 0; start < kv; start += BLOCK) {
        uint32_t end     = start + BLOCK < kv ? start + BLOCK : kv;
        float    largest = 1e-4f;
        for (uint32_t k = start; k < end; k++)
            largest = fmaxf(largest, fabsf(latent[k]));
        float scale = largest / 448.0f;
        for (uint32_t k = start; k < end; k++)
            record[k] = dv_e4m3_decode(dv_e4m3_encode(latent[k] / scale)) * scale;
    }
}

/* cache[layer][position + t] = (latent[t], rope_key[t]), rounded to the format; the rope key of an FP8
 * cache is BF16. */
void dv_ref_cache_write(const struct dv_ref_site *site, const struct dv_node *node)
{
    uint32_t kv = node->kv, rope = node->dim, rows = site->graph->values[node->in[0]].rows;
    size_t   first = (size_t)node->layer * site->graph->size.context + site->position;
    for (uint32_t t = 0; t < rows; t++) {
        const float *latent = dv_ref_row(site, node->in[0], t);
        const float *key    = dv_ref_row(site, node->in[1], t);
        float       *record = site->cache + (first + t) * (kv + rope);
        bool         exact  = site->cache_format == DV_CACHE_F32;
        for (uint32_t k = 0; k < kv; k++)
            record[k] = exact ? latent[k] : bf16(latent[k]);
        if (site->cache_format == DV_CACHE_FP8)
            write_fp8(record, latent, kv);
        for (uint32_t k = 0; k < rope; k++)
            record[kv + k] = exact ? key[k] : bf16(key[k]);
    }
}
