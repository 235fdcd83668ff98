// SPDX-License-Identifier: MIT
// What all kernels with cooperative matrices begin with: extensions, the matrices' size and
// type, rounding to what is multiplied.
#ifndef DV_COOP_MATRIX_GLSL
#define DV_COOP_MATRIX_GLSL

#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require

#include "lib/common.glsl"

// Of one matrix: M x N sums of K products.
layout(constant_id = DV_COOP_M) const uint M = 16;
layout(constant_id = DV_COOP_N) const uint N = 16;
layout(constant_id = DV_COOP_K) const uint K = 16;

#define MATRIX(type, rows, cols, use) coopmat<type, gl_ScopeSubgroup, rows, cols, use>

f16vec4 coop_round(vec4 v)
{
    return f16vec4(half_range(v));
}

// What lanes of a subgroup wrote to shared memory is there for the others.
void coop_sync_subgroup()
{
    subgroupMemoryBarrierShared();
    subgroupBarrier();
}

#endif
