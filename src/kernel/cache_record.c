/* SPDX-License-Identifier: MIT */
#include "kernel/kernel.h"

#include "base/size.h"

/* The layouts are described in shaders/lib/cache.glsl. */
uint32_t dv_cache_record_bytes(enum dv_cache_format format, uint32_t kv, uint32_t rope)
{
    uint32_t scales = dv_ceil_div(kv, DV_CACHE_BLOCK(kv));
    uint32_t bytes  = kv * DV_CACHE_LATENT_BYTES(format) + scales * DV_CACHE_SCALE_BYTES(format) +
                     rope * DV_CACHE_ROPE_BYTES(format);
    return dv_round_up(bytes, 16);
}
