// SPDX-License-Identifier: MIT
// What every kernel includes first: extensions, addresses, loads and stores.
//
// Addresses: with ADDRESS_INT64 base + uint64(offset), else two words with carry, for devices
// without 64-bit integers. at(base, bytes) is the one macro; offsets are 32-bit bytes, so nothing
// that a kernel indexes is larger than 4 GiB.
//
// Floating point: results must not depend on the token count, on fusion or on the compiler's
// mood, so sums are explicit fma() chains in a written order and values that another kernel
// computes too are `precise`.
#ifndef DV_COMMON_GLSL
#define DV_COMMON_GLSL

#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_int32 : require
#ifdef ADDRESS_INT64
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#endif

#include "lib/args.h"
#include "lib/constants.h"

layout(local_size_x_id = DV_WORKGROUP) in;
layout(constant_id = DV_WORKGROUP) const uint WORKGROUP = 64;

#define ARGS(op) layout(push_constant, std430) uniform Push { dv_##op##_args args; }

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Load4 { uvec4 v; };
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer Load2 { uvec2 v; };
layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer Load1 { uint v; };
layout(buffer_reference, std430, buffer_reference_align = 16) writeonly buffer Store4 { uvec4 v; };
layout(buffer_reference, std430, buffer_reference_align = 4) writeonly buffer Store1 { uint v; };

#ifdef ADDRESS_INT64
#define ADDRESS uint64_t
ADDRESS address(dv_address a)
{
    return packUint2x32(uvec2(a.lo, a.hi));
}
ADDRESS at(ADDRESS base, uint bytes)
{
    return base + uint64_t(bytes);
}
#else
#define ADDRESS uvec2
ADDRESS address(dv_address a)
{
    return uvec2(a.lo, a.hi);
}
ADDRESS at(ADDRESS base, uint bytes)
{
    uint carry;
    uint low = uaddCarry(base.x, bytes, carry);
    return uvec2(low, base.y + carry);
}
#endif

// Words and floats at a byte offset from an address.
uint load_word(ADDRESS base, uint bytes)
{
    return Load1(at(base, bytes)).v;
}
uvec4 load_words4(ADDRESS base, uint bytes)
{
    return Load4(at(base, bytes)).v;
}
float load(ADDRESS base, uint bytes)
{
    return uintBitsToFloat(load_word(base, bytes));
}
vec4 load4(ADDRESS base, uint bytes)
{
    return uintBitsToFloat(load_words4(base, bytes));
}
void store_word(ADDRESS base, uint bytes, uint word)
{
    Store1(at(base, bytes)).v = word;
}
void store(ADDRESS base, uint bytes, float value)
{
    store_word(base, bytes, floatBitsToUint(value));
}
ADDRESS load_address(ADDRESS base, uint bytes)
{
    uvec2 words = Load2(at(base, bytes)).v;
    return address(dv_address(words.x, words.y));
}

// By its bits: compilers may take it that there are no others, and leave a comparison out.
bool is_finite(float value)
{
    return (floatBitsToUint(value) & 0x7F800000u) != 0x7F800000u;
}

float not_a_number()
{
    return uintBitsToFloat(0x7FC00000u);
}

// What float16 has no number for becomes NaN: it reaches the logits, where it is seen, and the pass
// is computed again in f32 (engine/pass.c). A largest number in its place would go unnoticed.
vec4 half_range(vec4 v)
{
    uvec4 size = floatBitsToUint(v) & 0x7FFFFFFFu;
    return mix(v, vec4(not_a_number()), greaterThan(size, uvec4(0x477FE000u))); // 65504
}

// Some drivers' exp() makes a number of NaN.
float exp_or_nan(float x)
{
    return (floatBitsToUint(x) & 0x7FFFFFFFu) > 0x7F800000u ? x : exp(x);
}

bool is_null(dv_address a)
{
    return (a.lo | a.hi) == 0u;
}

#endif
