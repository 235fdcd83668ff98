#version 460
// SPDX-License-Identifier: MIT
// Sorts the (token, slot) pairs by expert, by pair within an expert, and cuts each expert's list
// into tiles (struct dv_expert_plan_args). One workgroup. An expert occurs at most once a token,
// so for a block of 32 tokens one word an expert holds a bit for each token, and the place of a
// pair is a count of bits. The atomics add and set bits only: nothing depends on their order.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

ARGS(expert_plan);

const uint BLOCK = 32;
shared uint count[DV_MAX_EXPERTS], place[DV_MAX_EXPERTS], mark[DV_MAX_EXPERTS];
shared uint lane_pairs[WORKGROUP], lane_tiles[WORKGROUP];

uint expert_of(uint token, uint slot)
{
    return load_word(address(args.route), (token * args.route_stride + slot) * 4u);
}

void count_pairs()
{
    uint lane = gl_LocalInvocationID.x, pairs = args.tokens * args.top_k;
    for (uint e = lane; e < args.experts; e += WORKGROUP)
        count[e] = mark[e] = 0u;
    barrier();
    for (uint p = lane; p < pairs; p += WORKGROUP)
        atomicAdd(count[expert_of(p / args.top_k, p % args.top_k)], 1u);
    barrier();
}

uint tiles_of(uint e)
{
    return (count[e] + args.tile - 1u) / args.tile;
}

// Writes the tiles and place[e] = the first pair of each expert. Each lane has a run of experts.
void cut_tiles()
{
    uint lane = gl_LocalInvocationID.x, run = (args.experts + WORKGROUP - 1u) / WORKGROUP;
    uint first = min(lane * run, args.experts), end = min(first + run, args.experts);
    uint pair = 0u, tile = 0u;
    for (uint e = first; e < end; e++) {
        pair += count[e];
        tile += tiles_of(e);
    }
    lane_pairs[lane] = pair;
    lane_tiles[lane] = tile;
    barrier();
    pair = tile = 0u;
    for (uint j = 0u; j < lane; j++) {
        pair += lane_pairs[j];
        tile += lane_tiles[j];
    }
    ADDRESS y = address(args.y);
    for (uint e = first; e < end; e++) {
        place[e] = pair;
        for (uint i = 0u; i < count[e]; i += args.tile) {
            Store4(at(y, (4u + 4u * tile) * 4u)).v =
                uvec4(e, pair + i, min(args.tile, count[e] - i), 0u);
            tile++;
        }
        pair += count[e];
    }
    if (lane == WORKGROUP - 1u)
        Store4(y).v = uvec4(tile, 0u, 0u, 0u);
    barrier();
}

void place_block(uint token)
{
    uint pairs = min(args.tokens - token, BLOCK) * args.top_k;
    for (uint p = gl_LocalInvocationID.x; p < pairs; p += WORKGROUP)
        atomicOr(mark[expert_of(token + p / args.top_k, p % args.top_k)], 1u << p / args.top_k);
    barrier();
    for (uint p = gl_LocalInvocationID.x; p < pairs; p += WORKGROUP) {
        uint e = expert_of(token + p / args.top_k, p % args.top_k);
        uint before = bitCount(mark[e] & ((1u << p / args.top_k) - 1u));
        store_word(address(args.y), (args.pairs_at + place[e] + before) * 4u,
                   token * args.top_k + p);
    }
    barrier();
    for (uint e = gl_LocalInvocationID.x; e < args.experts; e += WORKGROUP) {
        place[e] += bitCount(mark[e]);
        mark[e] = 0u;
    }
    barrier();
}

void main()
{
    count_pairs();
    cut_tiles();
    for (uint token = 0u; token < args.tokens; token += BLOCK)
        place_block(token);
}
