#version 460
// SPDX-License-Identifier: MIT
// attend's combination and the value projection (ops combine and matmul by heads):
//   y[t, h*rows + i] = sum_c W[h][i][c] * context[t, h, c],  context = sums / l
// A workgroup merges one head's context of TOKENS tokens into shared memory, then computes GROUPS
// groups of 8 rows: x = heads and groups, y = tokens. The same bits as combine and matmul give.
// Bound by latency.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

layout(constant_id = DV_DOT_FORMAT) const uint FORMAT = 3;
layout(constant_id = DV_DOT_GROUPS) const uint GROUPS = 1;
layout(constant_id = DV_DOT_MATH_F16) const uint MATH_F16 = 0;
layout(constant_id = DV_DOT_TOKENS) const uint TOKENS = 1;
layout(constant_id = DV_ATTEND_VALUE_KV4) const uint KV4 = 128; // groups of four columns

ARGS(attend_value);

#include "lib/attend_context.glsl"

vec4 dot_input(uint t, uint k, uint i)
{
    return context[t * KV4 + k / 4u + i];
}

#include "lib/dot.glsl"

void main()
{
    uint tiles = (args.w.groups + GROUPS - 1u) / GROUPS;
    uint head = gl_WorkGroupID.x / tiles, group = gl_WorkGroupID.x % tiles * GROUPS;
    uint first = gl_WorkGroupID.y * TOKENS;
    load_context(context_site(args.step, args.partials, head, first, args.tokens,
                              args.partials_stride, args.split, args.splits));
    dot_rows(address(args.w.tiles), args.w, head * args.w.groups + group,
             (head + 1u) * args.w.groups);
    dot_reduce();
    if (gl_LocalInvocationID.x >= 8u)
        return;
    [[unroll]] for (uint g = 0; g < GROUPS; g++) {
        uint row = (group + g) * 8u + dot_row();
        [[unroll]] for (uint t = 0; t < TOKENS; t++) {
            if (row < args.rows && first + t < args.tokens)
                store(address(args.y), ((first + t) * args.y_stride + head * args.rows + row) * 4u,
                      dot_sum[g * TOKENS + t]);
        }
    }
}
