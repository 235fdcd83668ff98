// SPDX-License-Identifier: MIT
// Writing a record of the latent cache (lib/cache.glsl), by a whole workgroup. The including kernel
// defines before
//   vec4 cache_latent_input(uint k);   latent values k .. k+3, normalised
//   vec4 cache_rope_input(uint k);     rope key values k .. k+3, rotated
#ifndef DV_CACHE_STORE_GLSL
#define DV_CACHE_STORE_GLSL

#include "lib/cache.glsl"

// Round to nearest, ties to even; NaN stays NaN.
uint bf16_encode(float value)
{
    uint bits = floatBitsToUint(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
        return bits >> 16 | 0x40u;
    return (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
}
uvec2 bf16_encode4(vec4 v)
{
    return uvec2(bf16_encode(v.x) | bf16_encode(v.y) << 16, bf16_encode(v.z) | bf16_encode(v.w) << 16);
}

// Round to nearest, ties to even; saturates at 448.
uint e4m3_encode(float value)
{
    uint bits = floatBitsToUint(value), sign = bits >> 24 & 0x80u, size = bits & 0x7FFFFFFFu;
    if (size > 0x7F800000u)
        return 0x7Fu;
    if (size >= 0x43E00000u) // 448
        return sign | 0x7Eu;
    if (size < 0x3C800000u) // below 2^-6: subnormal, unit 2^-9
        return sign | uint(roundEven(uintBitsToFloat(size) * 512.0));
    return sign | (((size + 0x7FFFFu + (size >> 20 & 1u)) >> 20) - 960u);
}

// a / b, rounded correctly: one Newton step behind the device's division, which may be 2.5 units off.
// The remainder is exact by halves of 12 bits, because fma() need not be fused.
float cache_divide(float a, float b)
{
    precise float q = a / b;
    float q_high = uintBitsToFloat(floatBitsToUint(q) & 0xFFFFF000u);
    float b_high = uintBitsToFloat(floatBitsToUint(b) & 0xFFFFF000u);
    precise float q_low = q - q_high;
    precise float b_low = b - b_high;
    precise float rest = a - q_high * b_high;
    rest -= q_high * b_low;
    rest -= q_low * b_high;
    rest -= q_low * b_low;
    precise float y = q + rest / b;
    return y;
}

shared uint cache_largest[CACHE_BLOCKS];

// FP8: scale = max(largest, 1e-4) / 448. A maximum does not depend on the order of the atomics.
void cache_store_fp8(ADDRESS record, uint kv)
{
    uint lane = gl_LocalInvocationID.x;
    for (uint b = lane; b < CACHE_BLOCKS; b += WORKGROUP)
        cache_largest[b] = floatBitsToUint(1e-4);
    barrier();
    for (uint k = lane * 4u; k < kv; k += WORKGROUP * 4u) {
        vec4 v = abs(cache_latent_input(k));
        atomicMax(cache_largest[k / CACHE_BLOCK], floatBitsToUint(max(max(v.x, v.y), max(v.z, v.w))));
    }
    barrier();
    for (uint k = lane * 4u; k < kv; k += WORKGROUP * 4u) {
        vec4 v = cache_latent_input(k);
        float scale = cache_divide(uintBitsToFloat(cache_largest[k / CACHE_BLOCK]), 448.0);
        uint word = 0u;
        [[unroll]] for (uint i = 0; i < 4u; i++)
            word |= e4m3_encode(cache_divide(v[i], scale)) << 8u * i;
        store_word(record, k, word);
        if (k % CACHE_BLOCK == 0u)
            store(record, kv + k / CACHE_BLOCK * 4u, scale * 256.0);
    }
    barrier(); // cache_largest may be used again
}

// All invocations of the workgroup call it.
void cache_store(ADDRESS record, uint kv, uint rope)
{
    uint lane = gl_LocalInvocationID.x;
    if (CACHE == CACHE_FP8) {
        cache_store_fp8(record, kv);
    } else {
        for (uint k = lane * 4u; k < kv; k += WORKGROUP * 4u) {
            vec4 v = cache_latent_input(k);
            uvec2 packed = bf16_encode4(v);
            if (CACHE == CACHE_F32) {
                Store4(at(record, k * 4u)).v = floatBitsToUint(v);
            } else {
                store_word(record, k * 2u, packed.x);
                store_word(record, k * 2u + 4u, packed.y);
            }
        }
    }
    uint start = cache_rope_at(kv);
    for (uint k = lane * 4u; k < rope; k += WORKGROUP * 4u) {
        vec4 v = cache_rope_input(k);
        uvec2 packed = bf16_encode4(v);
        if (CACHE == CACHE_F32) {
            Store4(at(record, start + k * 4u)).v = floatBitsToUint(v);
        } else {
            store_word(record, start + k * 2u, packed.x);
            store_word(record, start + k * 2u + 4u, packed.y);
        }
    }
}

#endif
