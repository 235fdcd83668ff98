#version 460
// SPDX-License-Identifier: MIT
// The experts' last matrix product with their sum, the shared expert and the residual:
//   y[t] = residual[t] + (sum_s weight[t,s] * (W[expert[t,s]] * x[t*top_k + s])
//                         + shared W * shared x[t])
// A workgroup computes GROUPS groups of 8 rows of one token: x and z = groups, y = token. Bound by
// the weight bytes. Order: each product as in lib/dot.glsl; then, as expert_sum does,
//   sum = 0; sum = fma(weight_s, product_s, sum) for s = 0, 1, ...; sum + shared; residual + sum.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

layout(constant_id = DV_DOT_FORMAT) const uint FORMAT = 3;
layout(constant_id = DV_DOT_GROUPS) const uint GROUPS = 1;
layout(constant_id = DV_DOT_MATH_F16) const uint MATH_F16 = 0;
layout(constant_id = DV_EXPERT_DOWN_SHARED_FORMAT) const uint SHARED_FORMAT = 3;
layout(constant_id = DV_EXPERT_DOWN_SHARED) const uint SHARED = 0;
layout(constant_id = DV_EXPERT_DOWN_RESIDUAL) const uint RESIDUAL = 0;
const uint TOKENS = 1;

ARGS(expert_down);

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Block
{
    dv_expert_down_block block;
};

ADDRESS x_row;

vec4 dot_input(uint t, uint k, uint i)
{
    return load4(at(x_row, k * 4u), i * 16u);
}

#include "lib/dot.glsl"

float total[GROUPS];

void add_experts(dv_expert_down_block block, uint token, uint group)
{
    uint route = token * block.route_stride * 4u, s = 0u;
    [[unroll]] for (uint g = 0; g < GROUPS; g++)
        total[g] = 0.0;
    // The place of the next expert's matrix is on its way while this one's is multiplied.
    uint    first = load_word(address(block.route), route);
    ADDRESS tiles = load_address(address(args.w.tiles), first * 8u);
    // Not a loop that exits at its top: lavapipe (Mesa 26) runs the body of such a loop once more
    // with all lanes off and does not mask loads at uniform addresses, here through a wrong id.
    do {
        uint    next = load_word(address(block.route), route + min(s + 1u, args.top_k - 1u) * 4u);
        ADDRESS next_tiles = load_address(address(args.w.tiles), next * 8u);
        float weight = load(address(block.route), route + (args.top_k + s) * 4u);
        x_row = at(address(block.x), (token * args.top_k + s) * block.x_stride * 4u);
        dot_rows(tiles, args.w, group, args.w.groups);
        dot_reduce();
        [[unroll]] for (uint g = 0; g < GROUPS; g++) {
            precise float sum = fma(weight, dot_sum[g], total[g]);
            total[g] = sum;
        }
        tiles = next_tiles;
    } while (++s < args.top_k);
}

void add_shared(dv_expert_down_block block, uint token, uint group)
{
    x_row = at(address(block.shared_x), token * block.shared_stride * 4u);
    dot_rows_of(SHARED_FORMAT, address(block.shared_w.tiles), block.shared_w, group, args.w.groups);
    dot_reduce();
    [[unroll]] for (uint g = 0; g < GROUPS; g++) {
        precise float sum = total[g] + dot_sum[g];
        total[g] = sum;
    }
}

void main()
{
    uint group = (gl_WorkGroupID.x + gl_WorkGroupID.z * gl_NumWorkGroups.x) * GROUPS;
    uint token = gl_WorkGroupID.y;
    if (group >= args.w.groups)
        return;
    dv_expert_down_block block = Block(address(args.block)).block;
    add_experts(block, token, group);
    if (SHARED != 0u)
        add_shared(block, token, group);
    if (gl_LocalInvocationID.x >= 8u)
        return;
    [[unroll]] for (uint g = 0; g < GROUPS; g++) {
        uint row = (group + g) * 8u + dot_row();
        if (row < args.rows) {
            precise float y = total[g];
            if (RESIDUAL != 0u)
                y = load(address(block.residual), (token * block.residual_stride + row) * 4u) + y;
            store(address(block.y), (token * block.y_stride + row) * 4u, y);
        }
    }
}
