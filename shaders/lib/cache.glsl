// SPDX-License-Identifier: MIT
// Records of the latent cache, one a token and layer: the latent (kv values), then the rotated
// rope key. The first part serves as keys and as values. Byte offsets in a record:
//   F32   latent at 0, rope at 4 kv
//   BF16  latent at 0, rope at 2 kv; two values a word, the low half first
//   FP8   latent e3m4 at 0, at kv one f32 scale (times 4096) for each quarter of the latent (128
//         values of 512: as many bytes as FlashMLA's record, 656), then rope as BF16
// e3m4: sign, 3 bits of exponent with bias 3, 4 of mantissa, all codes finite, largest 31. With a
// scale for each block its range is enough, and its error is half of e4m3's (docs/numerics.md).
// kv and rope are multiples of 4. The including kernel declares the constant CACHE before.
#ifndef DV_CACHE_GLSL
#define DV_CACHE_GLSL

#include "lib/format_rows.h"

// The values of the constant CACHE.
#define X(f, name, value, latent, rope, scale) const uint CACHE_##name = value;
DV_CACHE_ROWS(X, 0u)
#undef X
const uint CACHE_BLOCKS = 4; // most scales of a record

// Values of one scale.
uint cache_block(uint kv)
{
    return DV_CACHE_BLOCK(kv);
}

// The page of a position of the timeline with these pages.
ADDRESS cache_page(dv_address pages, uint position)
{
    return load_address(address(pages), position / DV_PAGE * 8u);
}

// The record of a position.
ADDRESS cache_record(dv_cache_place place, dv_address pages, uint position)
{
    return at(cache_page(pages, position), place.offset + position % DV_PAGE * place.record);
}

// Four e3m4 values times 2^-12, through half floats as in lib/weight.glsl.
vec2 e3m4_even(uint word)
{
    return unpackHalf2x16((word & 0x007F007Fu) << 6 | (word & 0x00800080u) << 8);
}
vec4 e3m4_decode(uint word)
{
    vec2 even = e3m4_even(word), odd = e3m4_even(word >> 8);
    return vec4(even.x, odd.x, even.y, odd.y);
}

vec4 cache_bf16(uvec2 words)
{
    return uintBitsToFloat(uvec4(words.x << 16, words.x & 0xFFFF0000u, words.y << 16,
                                 words.y & 0xFFFF0000u));
}

// Latent values k .. k+3; k is a multiple of 4.
vec4 cache_latent4(ADDRESS record, uint k, uint kv)
{
    if (CACHE == CACHE_F32)
        return load4(record, k * 4u);
    if (CACHE == CACHE_BF16)
        return cache_bf16(Load2(at(record, k * 2u)).v);
    // CACHE_FP8
    float scale = load(record, kv + k / cache_block(kv) * 4u);
    precise vec4 v = e3m4_decode(load_word(record, k)) * scale;
    return v;
}

// Byte offset of the rope part.
uint cache_rope_at(uint kv)
{
    uint block = cache_block(kv), scales = (kv + block - 1u) / block;
    return kv * DV_CACHE_LATENT_BYTES(CACHE) + scales * DV_CACHE_SCALE_BYTES(CACHE);
}

// Rope values k .. k+3; k is a multiple of 4.
vec4 cache_rope4(ADDRESS record, uint k, uint kv)
{
    uint start = cache_rope_at(kv);
    if (CACHE == CACHE_F32)
        return load4(record, start + k * 4u);
    start += k * 2u;
    return cache_bf16(uvec2(load_word(record, start), load_word(record, start + 4u)));
}

// For kernels that load records long before they use them: the words of a group of four columns, as
// they lie in memory. `group` counts those of the latent, kv / 4, then those of the rope key.
struct cache_group {
    uint at, more; // byte offsets in the record; more: of the second word of FP8
};
cache_group cache_group_at(uint group, uint kv)
{
    if (CACHE == CACHE_F32)
        return cache_group(group * 16u, 0u);
    if (CACHE == CACHE_BF16)
        return cache_group(group * 8u, 0u);
    uint k = group * 4u, rope = cache_rope_at(kv) + (k - kv) * 2u;
    return k < kv ? cache_group(k, kv + k / cache_block(kv) * 4u) : cache_group(rope, rope + 4u);
}
uvec4 cache_words(ADDRESS record, cache_group place)
{
    if (CACHE == CACHE_F32)
        return load_words4(record, place.at);
    if (CACHE == CACHE_BF16)
        return uvec4(Load2(at(record, place.at)).v, 0u, 0u);
    return uvec4(load_word(record, place.at), load_word(record, place.more), 0u, 0u);
}
// Their values, those of cache_latent4 and cache_rope4.
vec4 cache_values(uvec4 words, bool latent)
{
    if (CACHE == CACHE_F32)
        return uintBitsToFloat(words);
    if (CACHE == CACHE_BF16 || !latent)
        return cache_bf16(words.xy);
    precise vec4 v = e3m4_decode(words.x) * uintBitsToFloat(words.y);
    return v;
}

#endif
