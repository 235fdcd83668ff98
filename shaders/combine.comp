#version 460
// SPDX-License-Identifier: MIT
// Merges the splits of attention: y[t, h*kv + c] = sums_c / l. An invocation computes four columns;
// groups: x = columns, y = tokens. Bound by latency.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

ARGS(combine);

#include "lib/attend.glsl"
#include "lib/step.glsl"

void main()
{
    uint column = gl_GlobalInvocationID.x * 4u, token = gl_WorkGroupID.y;
    if (column >= args.heads * args.kv)
        return;
    uint position = step_position(args.step, token);
    uint count = args.splits == 1u ? 1u : attend_splits(position, args.split);
    uint head = column / args.kv;
    uint place = token * args.partials_stride + attend_place(head, 0u, args.splits, args.kv);
    vec4 y = attend_result(address(args.partials), place * 4u, count, args.kv, column % args.kv);
    Store4(at(address(args.y), (token * args.y_stride + column) * 4u)).v = floatBitsToUint(y);
}
