#version 460
// SPDX-License-Identifier: MIT
// y = a + b. An invocation computes four columns; x: columns, y: rows.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

ARGS(add);

void main()
{
    uint k = (gl_WorkGroupID.x * WORKGROUP + gl_LocalInvocationID.x) * 4u;
    if (k >= args.cols)
        return;
    for (uint row = gl_WorkGroupID.y; row < args.rows; row += gl_NumWorkGroups.y) {
        vec4 y = load4(address(args.a), (row * args.a_stride + k) * 4u)
                 + load4(address(args.b), (row * args.b_stride + k) * 4u);
        Store4(at(address(args.y), (row * args.y_stride + k) * 4u)).v = floatBitsToUint(y);
    }
}
