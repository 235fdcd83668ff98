// SPDX-License-Identifier: MIT
// Packed weights (kernel/layout.h): a 16-byte chunk of one row decoded to f32. FORMAT is a
// specialisation constant of the including kernel, so only one branch is left in a pipeline.
#ifndef DV_WEIGHT_GLSL
#define DV_WEIGHT_GLSL

const uint FORMAT_F32 = 0, FORMAT_F16 = 1, FORMAT_BF16 = 2, FORMAT_E4M3 = 3;

// Values in a chunk: 4, 8, 8 or 16.
uint chunk_values(uint format)
{
    return format == FORMAT_F32 ? 4u : format == FORMAT_E4M3 ? 16u : 8u;
}

// Bytes 1 and 3 of a word of e4m3 as floats, times 2^-8 (the stored scales hold the 2^8): sign to
// bit 15, magnitude to bits 13..7 of two half floats. Exact, subnormals included.
vec2 e4m3_odd(uint word)
{
    return unpackHalf2x16((word >> 1 & 0x3F803F80u) | (word & 0x80008000u));
}

// Bytes 0 and 2.
vec2 e4m3_even(uint word)
{
    return e4m3_odd(word << 8);
}

// Four consecutive values of an e4m3 word.
vec4 e4m3_decode(uint word)
{
    vec2 even = e4m3_even(word), odd = e4m3_odd(word);
    return vec4(even.x, odd.x, even.y, odd.y);
}

// Values 4*quarter .. 4*quarter+3 of a chunk.
vec4 chunk_decode(uint format, uvec4 chunk, uint quarter)
{
    if (format == FORMAT_E4M3)
        return e4m3_decode(chunk[quarter]);
    if (format == FORMAT_F32)
        return uintBitsToFloat(chunk);
    uint low = chunk[2u * quarter], high = chunk[2u * quarter + 1u];
    if (format == FORMAT_F16)
        return vec4(unpackHalf2x16(low), unpackHalf2x16(high));
    return uintBitsToFloat(uvec4(low << 16, low & 0xFFFF0000u, high << 16, high & 0xFFFF0000u));
}

#endif
