// SPDX-License-Identifier: MIT
// Packed weights (pack/layout.h): a 16-byte chunk of one row decoded to f32. FORMAT is a
// specialisation constant of the including kernel, so only one branch is left in a pipeline.
#ifndef DV_WEIGHT_GLSL
#define DV_WEIGHT_GLSL

#include "lib/format_rows.h"

#ifdef WEIGHT_INT16
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#endif
#ifdef WEIGHT_FLOAT8
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
#extension GL_EXT_float_e4m3 : require
#endif

// The values of the FORMAT constants.
#define X(f, name, value, values, scales, factor, range) const uint FORMAT_##name = value;
DV_FORMAT_ROWS(X, 0u)
#undef X

// Of a format that is a constant at every call.
uint chunk_values(uint format)
{
    return DV_FORMAT_VALUES(format);
}
bool is_scaled(uint format)
{
    return DV_FORMAT_IS_SCALED(format);
}
bool scales_blocks(uint format)
{
    return DV_FORMAT_SCALES_BLOCKS(format);
}
bool scales_rows(uint format)
{
    return DV_FORMAT_SCALES_ROWS(format);
}

// The scale of a row of a chunk, of the 8 bf16 behind each other, from its word: that of number
// row / 2.
float row_scale(uint word, uint row)
{
    return uintBitsToFloat(row % 2u != 0u ? word & 0xFFFF0000u : word << 16);
}

// Decoding e4m3, by what a device offers; each is exact, subnormals included, and all give a sum
// the same bits. The portable ones move sign and magnitude to bit 15 and bits 13 .. 7 of two half
// floats, which are 2^-8 times the value; the stored scales hold the 2^8. The conversions take the
// value itself, so that sums are 2^8 times too large until E4M3_UNIT is applied (exact).
#ifdef WEIGHT_FLOAT8

const float E4M3_UNIT = 1.0 / float(DV_FORMAT_FACTOR(FORMAT_E4M3));

vec4 e4m3_decode(uint word)
{
    u8vec4 bytes = unpack8(word);
    return vec4(uintBitsToFloate4m3EXT(bytes));
}

#else

const float E4M3_UNIT = 1.0;

// Bytes 1 and 3 of a word.
vec2 e4m3_odd(uint word)
{
#ifdef WEIGHT_INT16 // one packed shift keeps the sign where it is and repeats it in bit 14
    return unpackHalf2x16(uint(pack32(unpack16(int(word)) >> 1s)) & 0xBF80BF80u);
#else
    return unpackHalf2x16((word >> 1 & 0x3F803F80u) | (word & 0x80008000u));
#endif
}

// Four consecutive values of a word.
vec4 e4m3_decode(uint word)
{
    vec2 even = e4m3_odd(word << 8), odd = e4m3_odd(word);
    return vec4(even.x, odd.x, even.y, odd.y);
}

#endif

// Two neighbours in the bits 4*i .. 4*i+3 of each half of a word, exact. INT4: to the lowest bits
// of the half float 1024. FP4: sign to bit 15 and magnitude to bits 11 .. 9 of half floats that are
// 2^-14 times the value (subnormals as well); the stored scales hold the 2^14.
vec2 int4_decode(uint word, uint i)
{
    return unpackHalf2x16((word >> 4u * i & 0x000F000Fu) | 0x64006400u) - 1032.0;
}
vec2 fp4_decode(uint word, uint i)
{
    uint size = i == 3u ? word >> 3 : word << (9u - 4u * i);
    return unpackHalf2x16((word << (12u - 4u * i) & 0x80008000u) | (size & 0x0E000E00u));
}

// Values 4*quarter .. 4*quarter+3 of a chunk.
vec4 chunk_decode(uint format, uvec4 chunk, uint quarter)
{
    if (format == FORMAT_E4M3)
        return e4m3_decode(chunk[quarter]);
    if (format == FORMAT_F32)
        return uintBitsToFloat(chunk);
    if (format == FORMAT_INT4 || format == FORMAT_FP4) {
        uint word = chunk[quarter / 2u], i = quarter % 2u * 2u;
        if (format == FORMAT_INT4)
            return vec4(int4_decode(word, i), int4_decode(word, i + 1u));
        return vec4(fp4_decode(word, i), fp4_decode(word, i + 1u));
    }
    uint low = chunk[2u * quarter], high = chunk[2u * quarter + 1u];
    if (format == FORMAT_F16)
        return vec4(unpackHalf2x16(low), unpackHalf2x16(high));
    // FORMAT_BF16
    return uintBitsToFloat(uvec4(low << 16, low & 0xFFFF0000u, high << 16, high & 0xFFFF0000u));
}

#endif
