#version 460
// SPDX-License-Identifier: MIT
// attend with cooperative matrices: the same formula and the same partials, with queries, records
// and weights in float16. A workgroup handles HEADS heads of TOKENS tokens, its pairs, and walks
// over all of their context: one partial a pair, whatever `split`. Groups: x = heads / HEADS,
// z = tokens / TOKENS, the longest walks first. Bound by the matrix units and by what lies between
// their products.
//
// POSITIONS records at a time are rounded to float16 into shared memory; the words of the next ones
// are loaded before. Subgroups share the columns, for both products:
//   scores  PAIRS x POSITIONS, each subgroup its share of the sums over the columns, K at a time
//   values  PAIRS x KV, each subgroup its own columns, N at a time
// so that queries and sums stay in registers and a record is loaded and decoded once for all pairs.
//
// Order of summation: a score is SUBGROUPS sums of every SUBGROUPS-th step, added in order, then
// scaled; scores join the softmax in tiles of POSITIONS; what a weight lost by rounding is lost in
// l, too, which is a sum of each lane of a pair, added in order. Inside matrices the driver's own
// order. It does not depend on the pass. A pair has weight 0 at positions of a tile that it does
// not see.
#extension GL_GOOGLE_include_directive : require
#include "lib/coop_matrix.glsl"

layout(constant_id = DV_ATTEND_COOP_CACHE) const uint CACHE = 1;
layout(constant_id = DV_ATTEND_COOP_HEADS) const uint HEADS = 16;
layout(constant_id = DV_ATTEND_COOP_TOKENS) const uint TOKENS = 2;
layout(constant_id = DV_ATTEND_COOP_POSITIONS) const uint POSITIONS = 16; // divides DV_PAGE
layout(constant_id = DV_ATTEND_COOP_KV) const uint KV = 512;
layout(constant_id = DV_ATTEND_COOP_ROPE) const uint ROPE = 64;
layout(constant_id = DV_ATTEND_COOP_SUBGROUPS) const uint SUBGROUPS = 8; // at least 2

ARGS(attend);

#include "lib/attend.glsl"
#include "lib/cache.glsl"
#include "lib/step.glsl"

#define SUMS MATRIX(float, M, N, gl_MatrixUseAccumulator)

const uint  PAIRS = HEADS * TOKENS, SCORES = PAIRS * POSITIONS;
const uint  COLS4 = (KV + ROPE) / 4, ROW4 = COLS4 + 2; // padded: rows begin in different banks
const uint  WEIGHTS = POSITIONS + 8;                   // of a row, padded
const uint  STEPS = (KV + ROPE) / K, MY_STEPS = (STEPS + SUBGROUPS - 1) / SUBGROUPS;
const uint  PARTS = KV / N, MY_PARTS = (PARTS + SUBGROUPS - 1) / SUBGROUPS;
const uint  TALL = PAIRS / M, WIDE = POSITIONS / N; // matrices of the scores
const uint  LANES = WORKGROUP / POSITIONS;          // that load a record
const uint  LOADS = (COLS4 + LANES - 1) / LANES;
const uint  SUBGROUP = WORKGROUP / SUBGROUPS, STORES = (PAIRS * N / 4 + SUBGROUP - 1) / SUBGROUP;
const uint  ROW_LANES = WORKGROUP / PAIRS, EACH = POSITIONS / ROW_LANES; // of a pair; of a lane
const float LOWEST = -3.0e38;

// Each of these is a multiple of 16 bytes: docs/kernels.md, "Matrix units".
shared f16vec4   tile[POSITIONS * ROW4]; // records; at first queries
shared float16_t weight[PAIRS * WEIGHTS];
// Shares of the scores by subgroup [pair][position]; the first becomes the scores.
shared float stage[SUBGROUPS * SCORES];
shared float keep[PAIRS * N]; // N times each pair's
shared uint  any_fell[4];     // [0]: whether a keep is not 1

uvec4 words[LOADS];
MATRIX(float16_t, M, K, gl_MatrixUseA) query[TALL * MY_STEPS];
SUMS sums[TALL * MY_PARTS];
float largest, total; // of this lane's pair; of this lane
dv_address pages;

uint head_of(uint pair)
{
    return gl_WorkGroupID.x * HEADS + pair % HEADS;
}
uint token_of(uint pair)
{
    return (args.first - gl_WorkGroupID.z) * TOKENS + pair / HEADS;
}

#include "lib/record_tile.glsl"

// The queries of M pairs at a time, through the tile.
void load_queries()
{
    uint lane = gl_LocalInvocationID.x % LANES, row = gl_LocalInvocationID.x / LANES;
    [[unroll]] for (uint t = 0; t < TALL; t++) {
        uint pair = t * M + min(row, M - 1u);
        uint head = min(head_of(pair), args.heads - 1u);
        uint token = min(token_of(pair), args.tokens - 1u);
        uint latent = (token * args.q_latent_stride + head * KV) * 4u;
        uint rope = (token * args.q_rope_stride + head * ROPE) * 4u;
        for (uint c = lane; c < COLS4; c += LANES) {
            ADDRESS from = c < KV / 4u ? at(address(args.q_latent), latent + c * 16u)
                                       : at(address(args.q_rope), rope + (c - KV / 4u) * 16u);
            tile[row * ROW4 + c] = coop_round(load4(from, 0u));
        }
        barrier();
        [[unroll]] for (uint i = 0; i < MY_STEPS; i++) {
            uint step = min(gl_SubgroupID + i * SUBGROUPS, STEPS - 1u);
            coopMatLoad(query[t * MY_STEPS + i], tile, step * (K / 4u), ROW4,
                        gl_CooperativeMatrixLayoutRowMajor);
        }
        barrier();
    }
}

// This subgroup's share of the scores of the tile.
void multiply_keys()
{
    SUMS score[TALL * WIDE];
    [[unroll]] for (uint i = 0; i < TALL * WIDE; i++)
        score[i] = SUMS(0.0);
    [[unroll]] for (uint i = 0; i < MY_STEPS; i++) {
        uint step = gl_SubgroupID + i * SUBGROUPS;
        if (STEPS % SUBGROUPS != 0u && step >= STEPS)
            break;
        [[unroll]] for (uint j = 0; j < WIDE; j++) {
            MATRIX(float16_t, K, N, gl_MatrixUseB) keys;
            coopMatLoad(keys, tile, j * N * ROW4 + step * (K / 4u), ROW4,
                        gl_CooperativeMatrixLayoutColumnMajor);
            [[unroll]] for (uint t = 0; t < TALL; t++)
                score[t * WIDE + j] =
                    coopMatMulAdd(query[t * MY_STEPS + i], keys, score[t * WIDE + j]);
        }
    }
    uint to = gl_SubgroupID * SCORES;
    [[unroll]] for (uint t = 0; t < TALL; t++)
        [[unroll]] for (uint j = 0; j < WIDE; j++)
            coopMatStore(score[t * WIDE + j], stage, to + t * M * POSITIONS + j * N, POSITIONS,
                         gl_CooperativeMatrixLayoutRowMajor);
    if (gl_LocalInvocationID.x == 0u)
        any_fell[0] = 0u;
}

// The exponentials of the tile of n positions from `first` on, and the factor of what was summed
// before; `position` is that of token 0. ROW_LANES lanes of one subgroup share a pair.
void softmax(uint first, uint n, uint position)
{
    uint pair = gl_LocalInvocationID.x / ROW_LANES, lane = gl_LocalInvocationID.x % ROW_LANES;
    uint last = position + min(token_of(pair), args.tokens - 1u);
    uint seen = last < first ? 0u : min(n, last - first + 1u);
    uint row = pair * POSITIONS, from = lane * EACH;
    precise float score[EACH];
    [[unroll]] for (uint i = 0; i < EACH; i++) {
        precise float sum = stage[row + from + i];
        [[unroll]] for (uint s = 1; s < SUBGROUPS; s++)
            sum += stage[s * SCORES + row + from + i];
        score[i] = sum * args.scale;
        stage[row + from + i] = score[i];
    }
    coop_sync_subgroup();
    float before = largest;
    [[unroll]] for (uint p = 0; p < POSITIONS; p++)
        largest = p < seen ? max(largest, stage[row + p]) : largest;
    precise float fall = before - largest;
    float         factor = exp_or_nan(fall);
    precise float l = total * factor;
    [[unroll]] for (uint i = 0; i < EACH; i++) {
        precise float below = score[i] - largest;
        float16_t     w = float16_t(from + i < seen ? exp_or_nan(below) : 0.0);
        weight[pair * WEIGHTS + from + i] = w;
        l += float(w);
    }
    total = l;
    [[unroll]] for (uint i = 0; i < N; i += ROW_LANES)
        if (N % ROW_LANES == 0u || i + lane < N)
            keep[pair * N + i + lane] = factor;
    if (factor != 1.0)
        any_fell[0] = 1u;
}

void add_values()
{
    if (any_fell[0] != 0u) {
        [[unroll]] for (uint t = 0; t < TALL; t++) {
            SUMS factor;
            coopMatLoad(factor, keep, t * M * N, N, gl_CooperativeMatrixLayoutRowMajor);
            [[unroll]] for (uint i = 0; i < MY_PARTS; i++)
                sums[t * MY_PARTS + i] = sums[t * MY_PARTS + i] * factor;
        }
    }
    [[unroll]] for (uint k = 0; k < POSITIONS; k += K) {
        MATRIX(float16_t, M, K, gl_MatrixUseA) weights[TALL];
        [[unroll]] for (uint t = 0; t < TALL; t++)
            coopMatLoad(weights[t], weight, t * M * WEIGHTS + k, WEIGHTS,
                        gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint i = 0; i < MY_PARTS; i++) {
            uint part = gl_SubgroupID + i * SUBGROUPS;
            if (PARTS % SUBGROUPS != 0u && part >= PARTS)
                break;
            MATRIX(float16_t, K, N, gl_MatrixUseB) values;
            coopMatLoad(values, tile, k * ROW4 + part * (N / 4u), ROW4,
                        gl_CooperativeMatrixLayoutRowMajor);
            [[unroll]] for (uint t = 0; t < TALL; t++)
                sums[t * MY_PARTS + i] =
                    coopMatMulAdd(weights[t], values, sums[t * MY_PARTS + i]);
        }
    }
}

#include "lib/attend_coop_store.glsl"

void main()
{
    dv_row row = step_row(args.step, 0u);
    uint   position = row.position;
    pages = row.pages;
    uint end = position + min(token_of(PAIRS - 1u), args.tokens - 1u) + 1u;
    load_queries();
    [[unroll]] for (uint i = 0; i < TALL * MY_PARTS; i++)
        sums[i] = SUMS(0.0);
    largest = LOWEST;
    total = 0.0;
    uint p = 0u;
    load_records(p, min(POSITIONS, end - p));
    do {
        uint n = min(POSITIONS, end - p);
        share_records();
        barrier();
        uint next = p + POSITIONS;
        if (next < end)
            load_records(next, min(POSITIONS, end - next));
        multiply_keys();
        barrier();
        softmax(p, n, position);
        barrier();
        add_values();
        barrier();
        p = next;
    } while (p < end);
    store_sums();
}
