/* SPDX-License-Identifier: MIT */
#include "kernel/kernel.h"

#include "base/size.h"

/* The layouts are described in shaders/lib/cache.glsl. */
uint32_t dv_cache_record_bytes(enum dv_cache_format format, uint32_t kv, uint32_t rope)
{
    uint32_t bytes = 0, block = dv_ceil_div(kv, 16) * 4; /* values of one FP8 scale */
    switch (format) {
    case DV_CACHE_F32:
        bytes = (kv + rope) * 4;
        break;
    case DV_CACHE_BF16:
        bytes = (kv + rope) * 2;
        break;
    case DV_CACHE_FP8:
        bytes = kv + dv_ceil_div(kv, block) * 4 + rope * 2;
        break;
    }
    return dv_round_up(bytes, 16);
}
