#version 460
// SPDX-License-Identifier: MIT
// Two matrix products with the same input, one role a workgroup (op project_two):
//   y_a[t, i] = sum_k A[i][k] * h[t, k],  y_b with B,  h = x, or with NORM RMSNorm(x) * norm
//   with PAIR_A or PAIR_B: y = silu(gate row) * up row, the two 8-row groups of each pair being
//   neighbours
// A workgroup computes GROUPS groups of 8 rows of A or of B for TOKENS tokens: x and z = the groups
// of A, then those of B; y = tokens. For few tokens: bound by the weight bytes. Order of summation:
// lib/dot.glsl.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

layout(constant_id = DV_DOT_FORMAT) const uint FORMAT_A = 3;
layout(constant_id = DV_DOT_GROUPS) const uint GROUPS = 1;
layout(constant_id = DV_DOT_MATH_F16) const uint MATH_F16 = 0;
layout(constant_id = DV_DOT_TOKENS) const uint TOKENS = 1;
layout(constant_id = DV_DOT_NORM) const uint NORM = 0;
layout(constant_id = DV_DOT_PAIR) const uint PAIR_A = 0;
layout(constant_id = DV_DOT_TURNS) const uint TURNS = 1; // tiles that a workgroup computes
layout(constant_id = DV_PROJECT_TWO_PAIR_B) const uint PAIR_B = 0;
layout(constant_id = DV_PROJECT_TWO_FORMAT_B) const uint FORMAT_B = 3;
const uint FORMAT = FORMAT_A;

ARGS(project_two);

#include "lib/norm.glsl"
#include "lib/silu.glsl"

uint    first_token;
ADDRESS x_row[TOKENS];
float factor[TOKENS];

vec4 dot_input(uint t, uint k, uint i)
{
    vec4 x = load4(at(x_row[t], k * 4u), i * 16u);
    if (NORM == 0u)
        return x;
    return norm_apply(x, factor[t], load4(at(address(args.norm), k * 4u), i * 16u));
}

#include "lib/dot.glsl"

// Factors by selection, as in matmul.comp.
void find_rows()
{
    [[unroll]] for (uint t = 0; t < TOKENS; t++)
        x_row[t] = at(address(args.x), min(first_token + t, args.tokens - 1u) * args.x_stride * 4u);
    if (NORM == 0u)
        return;
    [[dont_unroll]] for (uint t = 0; t < TOKENS; t++) {
        uint  row = min(first_token + t, args.tokens - 1u) * args.x_stride * 4u;
        float found = norm_factor(at(address(args.x), row), args.a.cols, args.eps);
        [[unroll]] for (uint i = 0; i < TOKENS; i++)
            factor[i] = i == t ? found : factor[i];
    }
}

void store_rows(bool paired, ADDRESS y, uint stride, uint rows, uint group)
{
    if (gl_LocalInvocationID.x >= 8u)
        return;
    [[unroll]] for (uint g = 0; g < GROUPS; g++) {
        uint row = (paired ? (group + g) / 2u : group + g) * 8u + dot_row();
        if (row >= rows || (paired && g % 2u == 1u))
            continue;
        [[unroll]] for (uint t = 0; t < TOKENS; t++) {
            float value = dot_sum[g * TOKENS + t];
            if (paired)
                value = swiglu(value, dot_sum[(g + 1u) % GROUPS * TOKENS + t]);
            if (first_token + t < args.tokens)
                store(y, ((first_token + t) * stride + row) * 4u, value);
        }
    }
}

// `group` counts through both matrices; that of B begins with a tile of its own.
void compute(uint group, uint groups_a, uint groups_b, uint before_b)
{
    if (group < before_b) {
        dot_rows_of(FORMAT_A, address(args.a.tiles), args.a, group, groups_a);
        dot_reduce();
        store_rows(PAIR_A != 0u, address(args.y_a), args.y_a_stride, args.rows_a, group);
    } else {
        group -= before_b;
        dot_rows_of(FORMAT_B, address(args.b.tiles), args.b, group, groups_b);
        dot_reduce();
        store_rows(PAIR_B != 0u, address(args.y_b), args.y_b_stride, args.rows_b, group);
    }
}

void main()
{
    uint groups_a = args.a.groups * (PAIR_A != 0u ? 2u : 1u);
    uint groups_b = args.b.groups * (PAIR_B != 0u ? 2u : 1u);
    uint before_b = (groups_a + GROUPS - 1u) / GROUPS * GROUPS;
    uint group = (gl_WorkGroupID.x + gl_WorkGroupID.z * gl_NumWorkGroups.x) * (GROUPS * TURNS);
    uint end = min(group + GROUPS * TURNS, before_b + groups_b);
    if (group >= end)
        return;
    first_token = gl_WorkGroupID.y * TOKENS;
    find_rows();
    do {
        compute(group, groups_a, groups_b, before_b);
        group += GROUPS;
    } while (TURNS > 1u && group < end);
}
