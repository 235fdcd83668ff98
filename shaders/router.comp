#version 460
// SPDX-License-Identifier: MIT
// Chooses top_k experts for each token and writes the ids in ascending order, then the weights:
// lib/router.glsl. One workgroup a token; bound by latency.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

layout(constant_id = DV_ROUTER_EXPERTS) const uint EXPERTS = 64;

ARGS(router);

#include "lib/router.glsl"

void main()
{
    for (uint token = gl_WorkGroupID.x; token < args.tokens; token += gl_NumWorkGroups.x) {
        router_choose(args, token);
        router_write(args, token);
        barrier();
    }
}
