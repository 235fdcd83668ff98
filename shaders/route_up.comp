#version 460
// SPDX-License-Identifier: MIT
// The choice of experts together with their first products: what router and then expert_up give,
// in one dispatch, for few tokens (op route_up):
//   route[t] = the choice (lib/router.glsl)
//   y[t*top_k + s] = W[expert[t,s]] * h[t],  h = x, or with NORM RMSNorm(x) * norm
//   with PAIR: y = silu(gate row) * up row, the two 8-row groups of each pair being neighbours
// A workgroup computes GROUPS groups of 8 rows of one pair: x and z = groups, y = pair. Each makes
// the token's whole choice again, which takes less time than a barrier between two dispatches; the
// first of a token writes it. Bound by the weight bytes. Order of summation: lib/dot.glsl.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

layout(constant_id = DV_DOT_FORMAT) const uint FORMAT = 3;
layout(constant_id = DV_DOT_GROUPS) const uint GROUPS = 1;
layout(constant_id = DV_DOT_MATH_F16) const uint MATH_F16 = 0;
layout(constant_id = DV_ROUTE_UP_EXPERTS) const uint EXPERTS = 64;
layout(constant_id = DV_DOT_NORM) const uint NORM = 0;
layout(constant_id = DV_DOT_PAIR) const uint PAIR = 0;
layout(constant_id = DV_DOT_TURNS) const uint TURNS = 1; // tiles that a workgroup computes
const uint TOKENS = 1;

ARGS(route_up);

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Rule
{
    dv_router_args rule;
};

#include "lib/norm.glsl"
#include "lib/router.glsl"
#include "lib/silu.glsl"

ADDRESS x_row;
float   factor;

vec4 dot_input(uint t, uint k, uint i)
{
    vec4 x = load4(at(x_row, k * 4u), i * 16u);
    if (NORM == 0u)
        return x;
    return norm_apply(x, factor, load4(at(address(args.norm), k * 4u), i * 16u));
}

#include "lib/dot.glsl"

void store_rows(uint group, uint pair)
{
    const uint parts = PAIR != 0u ? 2u : 1u;
    if (gl_LocalInvocationID.x >= 8u)
        return;
    [[unroll]] for (uint g = 0; g < GROUPS; g += parts) {
        uint  row = (group + g) / parts * 8u + dot_row();
        float value = dot_sum[g];
        if (PAIR != 0u)
            value = swiglu(value, dot_sum[g + parts - 1u]);
        if (row < args.rows)
            store(address(args.y), (pair * args.y_stride + row) * 4u, value);
    }
}

void main()
{
    uint groups = args.w.groups * (PAIR != 0u ? 2u : 1u);
    uint group = (gl_WorkGroupID.x + gl_WorkGroupID.z * gl_NumWorkGroups.x) * (GROUPS * TURNS);
    if (group >= groups)
        return;
    dv_router_args rule = Rule(address(args.rule)).rule;
    uint pair = gl_WorkGroupID.y, token = pair / rule.top_k, slot = pair % rule.top_k;
    router_choose(rule, token);
    if (group == 0u && slot == 0u)
        router_write(rule, token);
    x_row = at(address(args.x), token * args.x_stride * 4u);
    if (NORM != 0u)
        factor = norm_factor(x_row, args.w.cols, args.eps);
    ADDRESS tiles = load_address(address(args.w.tiles), router_ids[slot] * 8u);
    uint    end = min(group + GROUPS * TURNS, groups);
    do {
        dot_rows(tiles, args.w, group, groups);
        dot_reduce();
        store_rows(group, pair);
        group += GROUPS;
    } while (TURNS > 1u && group < end);
}
