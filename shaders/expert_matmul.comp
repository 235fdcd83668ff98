#version 460
// SPDX-License-Identifier: MIT
// One matrix product for each (token, slot) pair with the matrix of the pair's expert (ops
// expert_matmul and expert_up):
//   y[pair] = W[expert of the pair] * h[pair / x_div],  h = x, or with NORM RMSNorm(x) * norm
//   with PAIR: y = silu(gate row) * up row, the two 8-row groups of each pair being neighbours
// A workgroup computes GROUPS groups of 8 rows: x and z = groups; y = the pair, whose expert stands
// in the route, or with PLAN a tile of the plan, whose pairs it takes TOKENS at a time. Bound by
// the weight bytes. Order of summation: lib/dot.glsl.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

layout(constant_id = DV_DOT_FORMAT) const uint FORMAT = 3;
layout(constant_id = DV_DOT_GROUPS) const uint GROUPS = 1;
layout(constant_id = DV_DOT_MATH_F16) const uint MATH_F16 = 0;
layout(constant_id = DV_DOT_TOKENS) const uint TOKENS = 1;
layout(constant_id = DV_DOT_NORM) const uint NORM = 0;
layout(constant_id = DV_DOT_PAIR) const uint PAIR = 0;
layout(constant_id = DV_EXPERT_MATMUL_PLAN) const uint PLAN = 0;

ARGS(expert_matmul);

#include "lib/norm.glsl"
#include "lib/silu.glsl"

uint    pair[TOKENS];
ADDRESS x_row[TOKENS];
float   factor[TOKENS];

vec4 dot_input(uint t, uint k, uint i)
{
    vec4 x = load4(at(x_row[t], k * 4u), i * 16u);
    if (NORM == 0u)
        return x;
    return norm_apply(x, factor[t], load4(at(address(args.norm), k * 4u), i * 16u));
}

#include "lib/dot.glsl"

// The i-th pair of the plan's list, or i itself.
uint pair_at(uint i)
{
    return PLAN != 0u ? load_word(address(args.plan), (args.pairs_at + i) * 4u) : i;
}

uint x_place(uint number)
{
    return number / args.x_div * args.x_stride * 4u;
}

// One copy of the sum for all pairs, and factors by selection: an index that is not constant
// would put them into memory.
void find_factors(uint first, uint end)
{
    [[dont_unroll]] for (uint t = 0; t < TOKENS; t++) {
        uint  row = x_place(pair_at(min(first + t, end - 1u)));
        float found = norm_factor(at(address(args.x), row), args.w.cols, args.eps);
        [[unroll]] for (uint i = 0; i < TOKENS; i++)
            factor[i] = i == t ? found : factor[i];
    }
}

void find_pairs(uint first, uint end)
{
    [[unroll]] for (uint t = 0; t < TOKENS; t++) {
        pair[t] = pair_at(min(first + t, end - 1u));
        x_row[t] = at(address(args.x), x_place(pair[t]));
    }
    if (NORM != 0u)
        find_factors(first, end);
}

void store_rows(uint group, uint first, uint end)
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
                if (first + t < end)
                    store(address(args.y), (pair[t] * args.y_stride + row) * 4u, value);
            }
        }
    }
}

void main()
{
    uint groups = args.w.groups * (PAIR != 0u ? 2u : 1u);
    uint group = (gl_WorkGroupID.x + gl_WorkGroupID.z * gl_NumWorkGroups.x) * GROUPS;
    uint first = gl_WorkGroupID.y, end = first + 1u, expert;
    if (group >= groups)
        return;
    if (PLAN != 0u) {
        if (gl_WorkGroupID.y >= load_word(address(args.plan), 0u))
            return;
        uvec4 tile = load_words4(address(args.plan), 16u + gl_WorkGroupID.y * 16u);
        expert = tile.x;
        first = tile.y;
        end = first + tile.z;
    } else {
        uint token = first / args.top_k, slot = first % args.top_k;
        expert = load_word(address(args.route), (token * args.route_stride + slot) * 4u);
    }
    ADDRESS tiles = load_address(address(args.w.tiles), expert * 8u);
    // No tile is empty; see expert_down.comp for why the loop exits at its bottom.
    do {
        find_pairs(first, end);
        dot_rows(tiles, args.w, group, groups);
        dot_reduce();
        store_rows(group, first, end);
        first += TOKENS;
    } while (first < end);
}
