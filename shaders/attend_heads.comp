#version 460
// SPDX-License-Identifier: MIT
// Causal attention of a pass among its own tokens, with keys and values of each head:
//   s_j = scale * (q . k_nope_j + q_rope . k_rope_j),  j <= t
//   y_t = sum_j exp(s_j - m) v_j / sum_j exp(s_j - m),  m = max s_j
// A workgroup handles one head and QUERIES tokens in a row, and walks over their keys in tiles of
// ROWS; a tile of keys and values is loaded once, into shared memory, for all of its queries.
// Groups: x = heads, y = tokens / QUERIES, the longest walks first. Bound by fma and shared memory.
//
// A lane is one of PAIR_LANES (low bits) and SLICES; it holds EACH queries and every SLICES-th
// group of four columns of them and of their sums. Order of summation: a score is SLICES chains of
// fma, added in order, then scaled; scores join the softmax in tiles of ROWS keys from key 0 on. A
// query takes no part in tiles and rows behind itself, so its bits depend on its own keys only.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"

layout(constant_id = DV_ATTEND_HEADS_QUERIES) const uint QUERIES = 16; // of a workgroup
layout(constant_id = DV_ATTEND_HEADS_EACH) const uint EACH = 2; // of a lane
layout(constant_id = DV_ATTEND_HEADS_ROWS) const uint ROWS = 8; // keys of a tile
layout(constant_id = DV_ATTEND_HEADS_NOPE4) const uint NOPE4 = 32; // groups of four columns
layout(constant_id = DV_ATTEND_HEADS_ROPE4) const uint ROPE4 = 16;
layout(constant_id = DV_ATTEND_HEADS_V4) const uint V4 = 32;

ARGS(attend_heads);

const uint  PAIRS = QUERIES, PAIR_LANES = PAIRS / EACH, SLICES = WORKGROUP / PAIR_LANES;
const uint  KEY4 = NOPE4 + ROPE4, COLS4 = KEY4 + V4; // a row of the tile: key, then value
const uint  QUERY = (KEY4 + SLICES - 1u) / SLICES, SUMS = (V4 + SLICES - 1u) / SLICES;
const uint  PARTIAL = ROWS * QUERIES + PAIR_LANES; // padded: slices lie in different banks
const float LOWEST = -3.0e38;

shared vec4  tile[ROWS * COLS4];
shared float partial[SLICES * PARTIAL];
shared float score[ROWS * QUERIES], weight[ROWS * QUERIES]; // [row][query]
shared float keep[QUERIES], largest[2 * QUERIES];           // largest: of even and of odd tiles

vec4  query[EACH * QUERY], sums[EACH * SUMS];
float total[EACH]; // l

#include "lib/attend_scores.glsl"

uint first_token()
{
    return (args.last - gl_WorkGroupID.y) * QUERIES;
}

// Rows of the tile from key `first` on that query `q` of the workgroup sees.
uint rows_seen(uint q, uint first)
{
    uint token = min(first_token() + q, args.tokens - 1u);
    return token < first ? 0u : min(ROWS, token - first + 1u);
}

void load_query()
{
    uint head = gl_WorkGroupID.x;
    [[unroll]] for (uint e = 0; e < EACH; e++) {
        uint token = min(first_token() + pair_of(e), args.tokens - 1u);
        uint nope = token * args.q_stride * 4u + head * KEY4 * 16u;
        uint rope = token * args.q_rope_stride * 4u + head * ROPE4 * 16u;
        [[unroll]] for (uint j = 0; j < QUERY; j++) {
            uint    c = min(slice() + j * SLICES, KEY4 - 1u);
            ADDRESS from = c < NOPE4 ? at(address(args.q), nope + c * 16u)
                                     : at(address(args.q_rope), rope + (c - NOPE4) * 16u);
            query[e * QUERY + j] = load4(from, 0u);
        }
        total[e] = 0.0;
    }
    [[unroll]] for (uint i = 0; i < EACH * SUMS; i++)
        sums[i] = vec4(0.0);
}

void load_tile(uint first, uint n)
{
    uint head = gl_WorkGroupID.x;
    for (uint i = gl_LocalInvocationID.x; i < n * COLS4; i += WORKGROUP) {
        uint    c = i % COLS4, token = first + i / COLS4;
        ADDRESS from;
        if (c < NOPE4)
            from = at(address(args.k_nope), token * args.k_nope_stride * 4u +
                                                (head * NOPE4 + c) * 16u);
        else if (c < KEY4)
            from = at(address(args.k_rope), token * args.k_rope_stride * 4u + (c - NOPE4) * 16u);
        else
            from = at(address(args.v), token * args.v_stride * 4u + (head * V4 + c - KEY4) * 16u);
        tile[i] = load4(from, 0u);
    }
}

// The tile's exponentials, and the factor of what was summed before.
void softmax(uint n, uint first)
{
    uint parity = first / ROWS % 2u;
    for (uint i = gl_LocalInvocationID.x; i < n * QUERIES; i += WORKGROUP) {
        uint  q = i % QUERIES, seen = rows_seen(q, first);
        float before = first == 0u ? LOWEST : largest[parity * QUERIES + q], top = before;
        for (uint r = 0; r < seen; r++)
            top = max(top, score[r * QUERIES + q]);
        precise float below = score[i] - top, fall = before - top;
        weight[i] = i / QUERIES < seen ? exp_or_nan(below) : 0.0;
        if (i < QUERIES) {
            keep[q] = exp_or_nan(fall);
            largest[(1u - parity) * QUERIES + q] = top;
        }
    }
}

void add_values(uint first)
{
    uint seen[EACH], most = 0u;
    [[unroll]] for (uint e = 0; e < EACH; e++) {
        seen[e] = rows_seen(pair_of(e), first);
        most = max(most, seen[e]);
        float         factor = seen[e] > 0u ? keep[pair_of(e)] : 1.0;
        precise float l = total[e] * factor;
        for (uint r = 0; r < seen[e]; r++)
            l += weight[r * QUERIES + pair_of(e)];
        total[e] = l;
        [[unroll]] for (uint j = 0; j < SUMS; j++) {
            precise vec4 scaled = sums[e * SUMS + j] * factor;
            sums[e * SUMS + j] = scaled;
        }
    }
    for (uint r = 0; r < most; r++) {
        [[unroll]] for (uint j = 0; j < SUMS; j++) {
            if (inside(j, V4)) {
                vec4 v = tile[r * COLS4 + KEY4 + slice() + j * SLICES];
                [[unroll]] for (uint e = 0; e < EACH; e++) {
                    vec4 w = vec4(weight[r * QUERIES + pair_of(e)]);
                    if (r < seen[e])
                        sums[e * SUMS + j] = fma(w, v, sums[e * SUMS + j]);
                }
            }
        }
    }
}

void store_sums()
{
    [[unroll]] for (uint e = 0; e < EACH; e++) {
        uint token = first_token() + pair_of(e);
        uint place = token * args.y_stride * 4u + gl_WorkGroupID.x * V4 * 16u;
        if (token < args.tokens) {
            [[unroll]] for (uint j = 0; j < SUMS; j++) {
                precise vec4 y = sums[e * SUMS + j] / total[e];
                if (inside(j, V4))
                    Store4(at(address(args.y), place + (slice() + j * SLICES) * 16u)).v =
                        floatBitsToUint(y);
            }
        }
    }
}

void main()
{
    uint end = min(first_token() + QUERIES, args.tokens);
    load_query();
    for (uint first = 0u; first < end; first += ROWS) {
        uint n = min(ROWS, end - first);
        load_tile(first, n);
        barrier();
        score_partials(n);
        barrier();
        score_sums(n);
        barrier();
        softmax(n, first);
        barrier();
        add_values(first);
        barrier();
    }
    store_sums();
}
