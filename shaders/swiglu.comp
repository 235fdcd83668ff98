#version 460
// SPDX-License-Identifier: MIT
// y = silu(gate) * up. An invocation computes four columns; x: columns, y: rows.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#include "lib/silu.glsl"

ARGS(swiglu);

void main()
{
    uint k = (gl_WorkGroupID.x * WORKGROUP + gl_LocalInvocationID.x) * 4u;
    if (k >= args.cols)
        return;
    for (uint row = gl_WorkGroupID.y; row < args.rows; row += gl_NumWorkGroups.y) {
        vec4 gate = load4(address(args.gate), (row * args.gate_stride + k) * 4u);
        vec4 up = load4(address(args.up), (row * args.up_stride + k) * 4u);
        vec4 y = vec4(swiglu(gate.x, up.x), swiglu(gate.y, up.y), swiglu(gate.z, up.z),
                      swiglu(gate.w, up.w));
        Store4(at(address(args.y), (row * args.y_stride + k) * 4u)).v = floatBitsToUint(y);
    }
}
