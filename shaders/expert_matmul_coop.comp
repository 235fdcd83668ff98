#version 460
// SPDX-License-Identifier: MIT
// One matrix product for each (token, slot) pair with the matrix of the pair's expert, for pairs
// that are sorted by expert (ops expert_matmul and expert_up with a plan, without norm), with
// activations and weights in float16:
//   y[pair] = W[expert of the pair] * x[pair / x_div]
//   with PAIR: y = silu(gate row) * up row, the two 8-row groups of each pair being neighbours
// A workgroup computes ROWS rows for one tile of the plan, TOKENS pairs at a time: x and z = rows,
// y = the tile. Workgroups beyond the number of tiles end at once. What bounds it and the order of
// summation: lib/coop.glsl.
#extension GL_GOOGLE_include_directive : require
#include "lib/coop_constants.glsl"

ARGS(expert_matmul);

shared uint pairs[TOKENS];
uint first_row, n_pairs;

uint coop_x(uint t)
{
    return pairs[t] / args.x_div * args.x_stride * 4u;
}

void coop_store(uint row, uint t, float value)
{
    row += first_row;
    if (row < args.rows && t < n_pairs)
        store(address(args.y), (pairs[t] * args.y_stride + row) * 4u, value);
}

#include "lib/coop.glsl"

// Pairs beyond `end` repeat the last one and are not stored.
void find_pairs(uint first, uint end)
{
    n_pairs = end - first;
    for (uint t = gl_LocalInvocationID.x; t < TOKENS; t += WORKGROUP)
        pairs[t] = load_word(address(args.plan), (args.pairs_at + min(first + t, end - 1u)) * 4u);
    barrier();
}

void main()
{
    uint groups = args.w.groups * PARTS;
    uint group = (gl_WorkGroupID.x + gl_WorkGroupID.z * gl_NumWorkGroups.x) * GROUPS;
    if (group >= groups || gl_WorkGroupID.y >= load_word(address(args.plan), 0u))
        return;
    uvec4 tile = load_words4(address(args.plan), 16u + gl_WorkGroupID.y * 16u);
    uint first = tile.y, end = first + tile.z;
    ADDRESS tiles = load_address(address(args.w.tiles), tile.x * 8u);
    first_row = group / PARTS * 8u;
    // No tile is empty; loops over uniform data end at their bottom (expert_down.comp).
    do {
        find_pairs(first, end);
        coop_tile(tiles, args.w, group, groups);
        first += TOKENS;
    } while (first < end);
}
