#version 460
// SPDX-License-Identifier: MIT
// Rotates `dim` values of each head by the angles of the token's position. An invocation turns two
// pairs; x: the quads of a token, y: tokens.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#include "lib/rope.glsl"
#include "lib/step.glsl"

ARGS(rope);

void main()
{
    uint i = (gl_WorkGroupID.x * WORKGROUP + gl_LocalInvocationID.x) * 4u;
    if (i >= args.heads * args.dim)
        return;
    uint head = i / args.dim, k = i % args.dim;
    for (uint token = gl_WorkGroupID.y; token < args.tokens; token += gl_NumWorkGroups.y) {
        uint position = step_position(args.step, token);
        uint from = token * args.x_stride + head * args.x_head + args.x_offset + k;
        vec4 y = rope_rotate(address(args.table), position, args.dim, k,
                             load4(address(args.x), from * 4u));
        Store4(at(address(args.y), (token * args.y_stride + i) * 4u)).v = floatBitsToUint(y);
    }
}
