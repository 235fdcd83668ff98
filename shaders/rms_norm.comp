#version 460
// SPDX-License-Identifier: MIT
// y = x / sqrt(mean(x^2) + eps) * weight, row by row. One workgroup a row; the row is read twice,
// the second time from a cache. Sums in the order of lib/norm.glsl.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

ARGS(rms_norm);

#include "lib/norm.glsl"

void main()
{
    for (uint row = gl_WorkGroupID.x; row < args.rows; row += gl_NumWorkGroups.x) {
        ADDRESS x = at(address(args.x), row * args.x_stride * 4u);
        ADDRESS y = at(address(args.y), row * args.y_stride * 4u);
        float factor = norm_factor(x, args.cols, args.eps);
        for (uint k = gl_LocalInvocationID.x * 4u; k < args.cols; k += WORKGROUP * 4u) {
            vec4 v = norm_apply(load4(x, k * 4u), factor, load4(address(args.weight), k * 4u));
            Store4(at(y, k * 4u)).v = floatBitsToUint(v);
        }
    }
}
