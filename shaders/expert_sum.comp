#version 460
// SPDX-License-Identifier: MIT
// y[t] = residual[t] + (sum_s weight[t,s] * x[t*top_k + s] + shared[t]), without the terms that
// are absent. Order: from 0, one fma a slot in turn, then the shared expert, then the residual;
// expert_down does the same. An invocation computes four columns; x: columns, y: tokens.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

ARGS(expert_sum);

void main()
{
    uint k = (gl_WorkGroupID.x * WORKGROUP + gl_LocalInvocationID.x) * 4u;
    if (k >= args.cols)
        return;
    uint token = gl_WorkGroupID.y; // as in embed.comp: loops end at their bottom
    do {
        precise vec4 sum = vec4(0.0);
        uint s = 0;
        do {
            uint at_weight = token * args.route_stride + args.top_k + s;
            float weight = load(address(args.route), at_weight * 4u);
            vec4 x = load4(address(args.x), ((token * args.top_k + s) * args.x_stride + k) * 4u);
            sum = fma(vec4(weight), x, sum);
        } while (++s < args.top_k);
        if (!is_null(args.shared_y))
            sum = sum + load4(address(args.shared_y), (token * args.shared_stride + k) * 4u);
        if (!is_null(args.residual))
            sum = load4(address(args.residual), (token * args.residual_stride + k) * 4u) + sum;
        Store4(at(address(args.y), (token * args.y_stride + k) * 4u)).v = floatBitsToUint(sum);
        token += gl_NumWorkGroups.y;
    } while (token < args.tokens);
}
