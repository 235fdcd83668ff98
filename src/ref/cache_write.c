/* SPDX-License-Identifier: MIT */
/* The reference of writing latent and rope key into the cache, with the rounding of each cache
 * format. The fp8 scale is chosen by trying all candidates, so the choice depends on the record
 * alone. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/size.h"
#include "tensor/formats.h"
#include "ref/ref.h"

#define TRIES 32

/* The sum of squared errors of a block of n values with this scale. */
static float scale_error(const float *latent, uint32_t n, float scale)
{
    float inverse = 1.0f / scale, sum = 0;
    for (uint32_t k = 0; k < n; k++) {
        float v = latent[k] * inverse, e = dv_e3m4_decode(dv_e3m4_encode(v)) - v, square = e * e;
        sum += square;
    }
    return sum * scale * scale;
}

/* Of the scales max(largest magnitude, 1e-4) / 31 * (1 + i / 32) the one with the least squared
 * error; NaN if a value is no finite number. In float on purpose: the choice must be the
 * kernel's. */
static float choose_scale(const float *latent, uint32_t n)
{
    float largest = 1e-4f, best = 0, least = 0;
    for (uint32_t k = 0; k < n; k++) {
        if (!isfinite(latent[k]))
            return NAN;
        largest = fmaxf(largest, fabsf(latent[k]));
    }
    for (int i = 0; i < TRIES; i++) {
        float scale = largest / 31.0f * (1.0f + (float)i / 32.0f);
        float error = scale_error(latent, n, scale);
        if (i == 0 || error < least) {
            best  = scale;
            least = error;
        }
    }
    return best;
}

/* For each quarter of the latent: value = e3m4(x / scale) * scale */
static void round_fp8(float *latent, uint32_t kv)
{
    uint32_t block = DV_CACHE_BLOCK(kv);
    for (uint32_t start = 0; start < kv; start += block) {
        uint32_t n     = start + block < kv ? block : kv - start;
        float    scale = choose_scale(latent + start, n), inverse = 1.0f / scale;
        for (uint32_t k = start; k < start + n; k++)
            latent[k] = dv_e3m4_decode(dv_e3m4_encode(latent[k] * inverse)) * scale;
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

/* state[position of t] = (latent[t], rope_key[t]), rounded to the format; the rope key of
 * an FP8 cache is BF16. */
void dv_ref_cache_write(const struct dv_ref_site *site, const struct dv_node *node)
{
    uint32_t kv = node->cache_write.kv, rope = node->cache_write.rope,
             rows = site->graph->values[node->in.cache_write.latent].rows;
    for (uint32_t t = 0; t < rows; t++) {
        float *record = dv_ref_record(site, node->out.cache_write.state, t, site->rows[t].position);
        memcpy(record, dv_ref_row(site, node->in.cache_write.latent, t), kv * sizeof(float));
        memcpy(record + kv, dv_ref_row(site, node->in.cache_write.rope_key, t),
               rope * sizeof(float));
        dv_ref_cache_round(site, record, kv, rope);
    }
}
