#version 460
// SPDX-License-Identifier: MIT
// Matrix product with packed weights, and its fused forms (ops matmul and project):
//   y[t, s*rows + i] = residual[t, s*rows + i] + sum_k W[s][i][k] * h[t, s*x_slice + k]
//   h = x, or with NORM RMSNorm(x) * norm
//   with PAIR: y = silu(gate row) * up row, the two 8-row groups of each pair being neighbours
// A workgroup computes GROUPS groups of 8 rows for TOKENS tokens: x and z = slice and groups, y =
// tokens. Bound by the weight bytes when tokens are few, by fma otherwise. Order of summation:
// lib/dot.glsl.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

layout(constant_id = DV_DOT_FORMAT) const uint FORMAT = 3;
layout(constant_id = DV_DOT_GROUPS) const uint GROUPS = 1;
layout(constant_id = DV_DOT_MATH_F16) const uint MATH_F16 = 0;
layout(constant_id = DV_DOT_TOKENS) const uint TOKENS = 1;
layout(constant_id = DV_DOT_NORM) const uint NORM = 0;
layout(constant_id = DV_DOT_PAIR) const uint PAIR = 0;
layout(constant_id = DV_DOT_TURNS) const uint TURNS = 1; // tiles that a workgroup computes

ARGS(matmul);

#include "lib/norm.glsl"
#include "lib/silu.glsl"

uint    first_token;
ADDRESS x_row[TOKENS];
float   factor[TOKENS];

uint token_row(uint t)
{
    return min(first_token + t, args.tokens - 1u);
}

vec4 dot_input(uint t, uint k, uint i)
{
    vec4 x = load4(at(x_row[t], k * 4u), i * 16u);
    if (NORM == 0u)
        return x;
    return norm_apply(x, factor[t], load4(at(address(args.norm), k * 4u), i * 16u));
}

#include "lib/dot.glsl"

// One copy of the sum for all tokens, and factors by selection: an index that is not constant
// would put them into memory.
void find_factors()
{
    [[dont_unroll]] for (uint t = 0; t < TOKENS; t++) {
        ADDRESS row = at(address(args.x), token_row(t) * args.x_stride * 4u);
        float   found = norm_factor(row, args.w.cols, args.eps);
        [[unroll]] for (uint i = 0; i < TOKENS; i++)
            factor[i] = i == t ? found : factor[i];
    }
}

void store_row(uint t, uint row, float value)
{
    uint token = first_token + t;
    if (token >= args.tokens)
        return;
    precise float y = value;
    if (!is_null(args.residual)) // no constant: one pipeline less for each format
        y = load(address(args.residual), (token * args.residual_stride + row) * 4u) + value;
    store(address(args.y), (token * args.y_stride + row) * 4u, y);
}

void store_rows(uint slice, uint group)
{
    const uint parts = PAIR != 0u ? 2u : 1u;
    if (gl_LocalInvocationID.x >= 8u)
        return;
    [[unroll]] for (uint g = 0; g < GROUPS; g += parts) {
        uint row = (group + g) / parts * 8u + dot_row();
        if (row < args.rows) {
            [[unroll]] for (uint t = 0; t < TOKENS; t++) {
                float value = dot_sum[g * TOKENS + t];
                if (PAIR != 0u)
                    value = swiglu(value, dot_sum[(g + parts - 1u) * TOKENS + t]);
                store_row(t, slice * args.rows + row, value);
            }
        }
    }
}

void compute(uint slice, uint group, uint groups)
{
    [[unroll]] for (uint t = 0; t < TOKENS; t++)
        x_row[t] = at(address(args.x),
                      (token_row(t) * args.x_stride + slice * args.x_slice) * 4u);
    dot_rows(address(args.w.tiles), args.w, slice * groups + group, (slice + 1u) * groups);
    dot_reduce();
    store_rows(slice, group);
}

void main()
{
    uint groups = args.w.groups * (PAIR != 0u ? 2u : 1u);
    uint tiles = (groups + GROUPS - 1u) / GROUPS;
    uint tile = (gl_WorkGroupID.x + gl_WorkGroupID.z * gl_NumWorkGroups.x) * TURNS;
    uint end = min(tile + TURNS, tiles * args.slices);
    if (tile >= end)
        return;
    first_token = gl_WorkGroupID.y * TOKENS;
    if (NORM != 0u)
        find_factors();
    do {
        compute(tile / tiles, tile % tiles * GROUPS, groups);
    } while (TURNS > 1u && ++tile < end);
}
