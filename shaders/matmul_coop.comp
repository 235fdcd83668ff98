#version 460
// SPDX-License-Identifier: MIT
// Matrix product with packed weights for many tokens, and its fused forms (ops matmul and project
// without norm), with activations and weights in float16:
//   y[t, s*rows + i] = residual[t, s*rows + i] + sum_k W[s][i][k] * x[t, s*x_slice + k]
//   with PAIR: y = silu(gate row) * up row, the two 8-row groups of each pair being neighbours
// A workgroup computes ROWS rows for TOKENS tokens: x and z = slice and rows, y = tokens. What
// bounds it and the order of summation: lib/coop.glsl.
#extension GL_GOOGLE_include_directive : require
#include "lib/coop_constants.glsl"

ARGS(matmul);

uint first_token, x_base, y_base, first_row;

uint coop_x(uint t)
{
    return x_base + min(first_token + t, args.tokens - 1u) * args.x_stride * 4u;
}

void coop_store(uint row, uint t, float value)
{
    uint token = first_token + t;
    row += first_row;
    if (row >= args.rows || token >= args.tokens)
        return;
    precise float y = value;
    if (!is_null(args.residual)) // no constant: one pipeline less for each format
        y = load(address(args.residual), (token * args.residual_stride + y_base + row) * 4u) +
            value;
    store(address(args.y), (token * args.y_stride + y_base + row) * 4u, y);
}

#include "lib/coop.glsl"

void main()
{
    uint groups = args.w.groups * PARTS;
    uint tiles = (groups + GROUPS - 1u) / GROUPS;
    uint tile = gl_WorkGroupID.x + gl_WorkGroupID.z * gl_NumWorkGroups.x;
    uint slice = tile / tiles, group = tile % tiles * GROUPS;
    if (slice >= args.slices)
        return;
    first_token = gl_WorkGroupID.y * TOKENS;
    first_row = group / PARTS * 8u;
    x_base = slice * args.x_slice * 4u;
    y_base = slice * args.rows;
    coop_tile(address(args.w.tiles), args.w, slice * groups + group, (slice + 1u) * groups);
}
