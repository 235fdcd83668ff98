#version 460
// SPDX-License-Identifier: MIT
// What attention needs of a token, in one dispatch with three roles, one a workgroup:
//   x = 0             cache[position] = (RMSNorm(kva[..kv]) * norm, rope(kva[kv..]))
//   x = 1 .. ROTATORS q_rope[h] = rope(q[h, nope..])
//   then              q_latent[h] = W_UK[h] q[h, ..nope], GROUPS groups of 8 rows
// y = TOKENS tokens. The same bits as rms_norm, rope, cache_write and matmul by heads give. Bound
// by latency with few tokens, so the longest chain, the cache's, comes first.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

layout(constant_id = DV_DOT_FORMAT) const uint FORMAT = 3;
layout(constant_id = DV_DOT_GROUPS) const uint GROUPS = 1;
layout(constant_id = DV_DOT_MATH_F16) const uint MATH_F16 = 0;
layout(constant_id = DV_DOT_TOKENS) const uint TOKENS = 1;
layout(constant_id = DV_MLA_PREPARE_CACHE) const uint CACHE = 1;
layout(constant_id = DV_MLA_PREPARE_ROTATORS) const uint ROTATORS = 1;

ARGS(mla_prepare);

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Block {
    dv_mla_prepare_block v;
};

#include "lib/norm.glsl"
#include "lib/rope.glsl"
#include "lib/step.glsl"

dv_mla_prepare_block block; // read once: it lies in memory

uint    first_token, token; // token: whose record is written
float   factor;
ADDRESS query; // of the head that is absorbed
ADDRESS query_row[TOKENS]; // its rows

uint position_of(uint t)
{
    return step_position(block.step, t);
}

vec4 dot_input(uint t, uint k, uint i)
{
    return load4(at(query_row[t], k * 4u), i * 16u);
}

#include "lib/dot.glsl"

vec4 cache_latent_input(uint k)
{
    vec4 x = load4(address(block.kva), (token * block.kva_stride + k) * 4u);
    return norm_apply(x, factor, load4(address(block.norm), k * 4u));
}

vec4 cache_rope_input(uint k)
{
    vec4 x = load4(address(block.kva), (token * block.kva_stride + block.kv + k) * 4u);
    return rope_rotate(address(block.table), position_of(token), block.rope, k, x);
}

#include "lib/cache_store.glsl"

void write_cache(uint end)
{
    token = first_token; // as in embed.comp: loops over tokens end at their bottom
    do {
        ADDRESS row = at(address(block.kva), token * block.kva_stride * 4u);
        factor = norm_factor(row, block.kv, args.eps);
        dv_row place = step_row(block.step, token);
        cache_store(cache_record(block.cache, place.pages, place.position), block.kv, block.rope);
    } while (++token < end);
}

void rotate_query(uint rotator, uint end)
{
    uint cols = block.heads * block.rope;
    uint t = first_token;
    do {
        for (uint c = (rotator * WORKGROUP + gl_LocalInvocationID.x) * 4u; c < cols;
             c += ROTATORS * WORKGROUP * 4u) {
            uint h = c / block.rope, k = c % block.rope;
            uint from = t * block.q_stride + h * (block.nope + block.rope) + block.nope + k;
            vec4 x = load4(address(block.q), from * 4u);
            vec4 y = rope_rotate(address(block.table), position_of(t), block.rope, k, x);
            Store4 to = Store4(at(address(block.q_rope), (t * block.q_rope_stride + c) * 4u));
            to.v = floatBitsToUint(y);
        }
    } while (++t < end);
}

void absorb(uint part, uint end)
{
    uint tiles = (args.w.groups + GROUPS - 1u) / GROUPS;
    uint head = part / tiles, group = part % tiles * GROUPS;
    query = at(address(block.q), head * (block.nope + block.rope) * 4u);
    [[unroll]] for (uint t = 0; t < TOKENS; t++)
        query_row[t] = at(query, min(first_token + t, args.tokens - 1u) * block.q_stride * 4u);
    dot_rows(address(args.w.tiles), args.w, head * args.w.groups + group,
             (head + 1u) * args.w.groups);
    dot_reduce();
    if (gl_LocalInvocationID.x >= 8u)
        return;
    [[unroll]] for (uint g = 0; g < GROUPS; g++) {
        uint row = (group + g) * 8u + dot_row();
        [[unroll]] for (uint t = 0; t < TOKENS; t++) {
            uint place = (first_token + t) * block.q_latent_stride + head * block.kv + row;
            if (row < block.kv && first_token + t < end)
                store(address(block.q_latent), place * 4u, dot_sum[g * TOKENS + t]);
        }
    }
}

void main()
{
    uint role = gl_WorkGroupID.x;
    block = Block(address(args.block)).v;
    first_token = gl_WorkGroupID.y * TOKENS;
    uint end = min(first_token + TOKENS, args.tokens);
    if (role == 0u)
        write_cache(end);
    else if (role <= ROTATORS)
        rotate_query(role - 1u, end);
    else
        absorb(role - 1u - ROTATORS, end);
}
