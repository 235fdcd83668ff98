#version 460
// SPDX-License-Identifier: MIT
// y[t] = table[ids[t]]: gathers rows of a packed matrix. One workgroup a token. The host has
// checked that every id is below the number of rows.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#include "lib/step.glsl"
#include "lib/weight.glsl"

layout(constant_id = DV_EMBED_FORMAT) const uint FORMAT = 2;

ARGS(embed);

void gather(uint token)
{
    ADDRESS tiles = address(args.table.tiles);
    uint row = step_id(args.step, token);
    uint first = row / 8u * args.table.chunks * 8u + row % 8u; // in chunks
    uint scales = args.table.scales + row / 8u * args.table.blocks * 4u;
    const uint values = chunk_values(FORMAT);
    for (uint c = gl_LocalInvocationID.x; c < args.table.chunks; c += WORKGROUP) {
        uvec4 raw = load_words4(tiles, (first + c * 8u) * 16u);
        float scale = 1.0;
        if (scales_blocks(FORMAT))
            scale = load(tiles, scales + ((c * values) >> args.table.block_shift) * 4u);
        if (scales_rows(FORMAT))
            scale = row_scale(load_word(tiles, scales + c * 16u + row % 8u / 2u * 4u), row);
        for (uint k = c * values; k < min((c + 1u) * values, args.table.cols); k += 4u) {
            vec4 v = chunk_decode(FORMAT, raw, k % values / 4u) * scale;
            Store4(at(address(args.y), (token * args.y_stride + k) * 4u)).v = floatBitsToUint(v);
        }
    }
}

void main()
{
    // The grid has no more workgroups than tokens. The loop ends at its bottom: Mesa 26's
    // lavapipe runs one that ends at its top once more with all lanes off, and still loads from
    // addresses that are the same for all lanes.
    uint token = gl_WorkGroupID.x;
    do {
        gather(token);
        token += gl_NumWorkGroups.x;
    } while (token < args.tokens);
}
