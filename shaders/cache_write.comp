#version 460
// SPDX-License-Identifier: MIT
// Writes the latent and the rotated rope key of each token into the latent cache. One workgroup a
// token; bound by latency.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#include "lib/step.glsl"

layout(constant_id = DV_CACHE_WRITE_CACHE) const uint CACHE = 1;

ARGS(cache_write);

uint token;

vec4 cache_latent_input(uint k)
{
    return load4(address(args.latent), (token * args.latent_stride + k) * 4u);
}

vec4 cache_rope_input(uint k)
{
    return load4(address(args.rope_key), (token * args.rope_stride + k) * 4u);
}

#include "lib/cache_store.glsl"

void main()
{
    token = gl_WorkGroupID.x; // as in embed.comp: the loop ends at its bottom
    do {
        dv_row row = step_row(args.step, token);
        cache_store(cache_record(args.cache, row.pages, row.position), args.kv, args.rope);
        token += gl_NumWorkGroups.x;
    } while (token < args.tokens);
}
