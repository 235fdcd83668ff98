// SPDX-License-Identifier: MIT
// Writing a record of the latent cache (lib/cache.glsl), by a whole workgroup. The including
// kernel defines before
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
    return uvec2(bf16_encode(v.x) | bf16_encode(v.y) << 16,
                 bf16_encode(v.z) | bf16_encode(v.w) << 16);
}

// e3m4, round to nearest, ties to even; saturates at 31.
uint e3m4_encode(float value)
{
    uint bits = floatBitsToUint(value), sign = bits >> 24 & 0x80u, size = bits & 0x7FFFFFFFu;
    if (size >= 0x41F80000u) // 31
        return sign | 0x7Fu;
    if (size < 0x3E800000u) // below 2^-2: subnormal, unit 2^-6
        return sign | uint(roundEven(uintBitsToFloat(size) * 64.0));
    return sign | min(((size + 0x3FFFFu + (size >> 19 & 1u)) >> 19) - 1984u, 127u);
}

// a / b, rounded correctly: one Newton step behind the device's division, which may be 2.5 units
// off. The remainder is exact by halves of 12 bits, because fma() need not be fused.
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

// FP8: of CACHE_TRIES scales from max(largest, 1e-4) / 31 on, 1/32 more each, a block takes the
// one with the least sum of squared errors (the smallest among equals). Its error is about 0.6 to
// 0.8 of that of the first scale. Every sum is made by one invocation in the order of the values,
// from operations that are rounded correctly everywhere, so the choice does not depend on the
// device.
const uint CACHE_TRIES = 32;
shared uint cache_largest[CACHE_BLOCKS];
shared float cache_error[CACHE_BLOCKS * CACHE_TRIES];
shared float cache_scale[CACHE_BLOCKS], cache_inverse[CACHE_BLOCKS];

float cache_try_scale(uint block, uint attempt)
{
    if (!is_finite(uintBitsToFloat(cache_largest[block])))
        return not_a_number();
    precise float first = cache_divide(uintBitsToFloat(cache_largest[block]), 31.0);
    precise float scale = first * (1.0 + float(attempt) / 32.0);
    return scale;
}

// The value that a code stands for, in units of the scale.
float e3m4_value(uint code)
{
    vec2 v = e3m4_even(code) * 4096.0;
    return v.x;
}

float cache_try_error(uint block, uint attempt, uint kv)
{
    float scale = cache_try_scale(block, attempt), inverse = cache_divide(1.0, scale);
    precise float sum = 0.0;
    uint size = cache_block(kv), end = min((block + 1u) * size, kv);
    for (uint k = block * size; k < end; k += 4u) {
        precise vec4 v = cache_latent_input(k) * inverse;
        for (uint i = 0; i < 4u; i++) {
            precise float e = e3m4_value(e3m4_encode(v[i])) - v[i];
            precise float square = e * e;
            sum += square;
        }
    }
    precise float error = sum * scale * scale;
    return error;
}

void cache_choose_scales(uint kv)
{
    uint lane = gl_LocalInvocationID.x, blocks = (kv + cache_block(kv) - 1u) / cache_block(kv);
    for (uint b = lane; b < CACHE_BLOCKS; b += WORKGROUP)
        cache_largest[b] = floatBitsToUint(1e-4);
    barrier();
    for (uint k = lane * 4u; k < kv; k += WORKGROUP * 4u) {
        // Found among words, where infinity and then NaN are the largest: a record with one of
        // them gets NaN as its scale.
        uvec4 v = floatBitsToUint(cache_latent_input(k)) & 0x7FFFFFFFu;
        uint largest = max(max(v.x, v.y), max(v.z, v.w));
        // a maximum does not depend on the order
        atomicMax(cache_largest[k / cache_block(kv)], largest);
    }
    barrier();
    for (uint i = lane; i < blocks * CACHE_TRIES; i += WORKGROUP)
        cache_error[i] = cache_try_error(i / CACHE_TRIES, i % CACHE_TRIES, kv);
    barrier();
    for (uint b = lane; b < blocks; b += WORKGROUP) {
        uint best = 0u;
        for (uint i = 1; i < CACHE_TRIES; i++)
            if (cache_error[b * CACHE_TRIES + i] < cache_error[b * CACHE_TRIES + best])
                best = i;
        cache_scale[b] = cache_try_scale(b, best);
        cache_inverse[b] = cache_divide(1.0, cache_scale[b]);
    }
    barrier();
}

void cache_store_fp8(ADDRESS record, uint kv)
{
    cache_choose_scales(kv);
    for (uint k = gl_LocalInvocationID.x * 4u; k < kv; k += WORKGROUP * 4u) {
        uint block = k / cache_block(kv);
        precise vec4 v = cache_latent_input(k) * cache_inverse[block];
        uint word = 0u;
        [[unroll]] for (uint i = 0; i < 4u; i++)
            word |= e3m4_encode(v[i]) << 8u * i;
        store_word(record, k, word);
        if (k % cache_block(kv) == 0u)
            store(record, kv + block * 4u, cache_scale[block] * 4096.0);
    }
    barrier(); // the shared arrays may be used again
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
