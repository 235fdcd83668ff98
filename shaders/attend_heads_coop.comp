#version 460
// SPDX-License-Identifier: MIT
// attend_heads with cooperative matrices: the same formula, with queries, keys, values and weights
// in float16. A workgroup handles one head and QUERIES tokens in a row, M of them a subgroup, and
// walks over their keys in tiles of POSITIONS; a tile goes through shared memory once for all of
// its queries, the words of the next one are loaded before. Queries and sums stay in registers.
// Groups: x = heads, y = tokens / QUERIES, the longest walks first. Bound by shared memory and the
// matrix units.
//
// Order of summation: a score K columns after K columns, then scaled; scores join the softmax in
// tiles of POSITIONS keys from key 0 on; what a weight lost by rounding is lost in the divisor,
// too, which is one sum of each lane of a row, added in order. Inside matrices the driver's own
// order. A query has weight 0 at keys behind itself, so its bits depend on its own keys only.
#extension GL_GOOGLE_include_directive : require
#include "lib/coop_matrix.glsl"

layout(constant_id = DV_ATTEND_HEADS_COOP_SUBGROUPS) const uint SUBGROUPS = 4;
layout(constant_id = DV_ATTEND_HEADS_COOP_POSITIONS) const uint POSITIONS = 16;
layout(constant_id = DV_ATTEND_HEADS_COOP_NOPE) const uint NOPE = 128;
layout(constant_id = DV_ATTEND_HEADS_COOP_ROPE) const uint ROPE = 64;
layout(constant_id = DV_ATTEND_HEADS_COOP_V) const uint V = 128;

ARGS(attend_heads);

#define SUMS MATRIX(float, M, N, gl_MatrixUseAccumulator)

const uint QUERIES = SUBGROUPS * M, SUBGROUP = WORKGROUP / SUBGROUPS;
const uint NOPE4 = NOPE / 4, ROPE4 = ROPE / 4, V4 = V / 4, KEY4 = NOPE4 + ROPE4;
const uint KEY_ROW4 = KEY4 + 2, V_ROW4 = V4 + 2; // padded: rows begin in different banks
const uint WEIGHTS = POSITIONS + 8;              // of a row, padded
const uint STEPS = (NOPE + ROPE) / K, PARTS = V / N, WIDE = POSITIONS / N;
const uint LANES = WORKGROUP / POSITIONS; // that load a key and its value
const uint LOADS = (KEY4 + V4 + LANES - 1) / LANES;
const uint ROW_LANES = SUBGROUP / M, EACH = POSITIONS / ROW_LANES; // of a query; scores of a lane
const uint STAGE = M * POSITIONS > M * N ? M * POSITIONS : M * N;
const uint STORES = (M * N / 4 + SUBGROUP - 1) / SUBGROUP;
const float LOWEST = -3.0e38;

// Each of these is a multiple of 16 bytes: docs/kernels.md, "Matrix units".
shared f16vec4   keys[POSITIONS * KEY_ROW4], values[POSITIONS * V_ROW4]; // keys: at first queries
shared float16_t weight[QUERIES * WEIGHTS];
// Of each subgroup.
shared float stage[SUBGROUPS * STAGE]; // scores [query][position], at the end sums
shared float keep[SUBGROUPS * M * N];  // N times each query's
shared float divisor[SUBGROUPS * SUBGROUP];
shared uint  any_fell[(SUBGROUPS + 3) / 4 * 4]; // whether a keep is not 1

uvec4 words[LOADS];
MATRIX(float16_t, M, K, gl_MatrixUseA) query[STEPS];
SUMS  sums[PARTS];
float largest, total; // of this lane's query, of this lane

uint first_token()
{
    return (args.last - gl_WorkGroupID.y) * QUERIES;
}

// Of key `first` + row, where there is one.
void load_tile(uint first)
{
    uint lane = gl_LocalInvocationID.x % LANES, head = gl_WorkGroupID.x;
    uint token = min(first + gl_LocalInvocationID.x / LANES, args.tokens - 1u);
    [[unroll]] for (uint i = 0; i < LOADS; i++) {
        uint    c = min(lane + i * LANES, KEY4 + V4 - 1u);
        ADDRESS from;
        if (c < NOPE4)
            from = at(address(args.k_nope),
                      (token * args.k_nope_stride + head * NOPE) * 4u + c * 16u);
        else if (c < KEY4)
            from = at(address(args.k_rope), token * args.k_rope_stride * 4u + (c - NOPE4) * 16u);
        else
            from = at(address(args.v), (token * args.v_stride + head * V) * 4u + (c - KEY4) * 16u);
        words[i] = load_words4(from, 0u);
    }
}
void share_tile()
{
    uint lane = gl_LocalInvocationID.x % LANES, row = gl_LocalInvocationID.x / LANES;
    [[unroll]] for (uint i = 0; i < LOADS; i++) {
        uint c = lane + i * LANES;
        if (c < KEY4)
            keys[row * KEY_ROW4 + c] = coop_round(uintBitsToFloat(words[i]));
        else if ((KEY4 + V4) % LANES == 0u || c < KEY4 + V4)
            values[row * V_ROW4 + c - KEY4] = coop_round(uintBitsToFloat(words[i]));
    }
}

// M queries of each subgroup in turn, through the room of the keys.
void load_queries()
{
    uint lane = gl_LocalInvocationID.x % LANES, row = gl_LocalInvocationID.x / LANES;
    uint head = gl_WorkGroupID.x;
    for (uint s = 0; s < SUBGROUPS; s++) {
        uint token = min(first_token() + s * M + min(row, M - 1u), args.tokens - 1u);
        uint nope = (token * args.q_stride + head * (NOPE + ROPE)) * 4u;
        uint rope = (token * args.q_rope_stride + head * ROPE) * 4u;
        for (uint c = lane; c < KEY4; c += LANES) {
            ADDRESS from = c < NOPE4 ? at(address(args.q), nope + c * 16u)
                                     : at(address(args.q_rope), rope + (c - NOPE4) * 16u);
            keys[row * KEY_ROW4 + c] = coop_round(load4(from, 0u));
        }
        barrier();
        if (gl_SubgroupID == s) {
            [[unroll]] for (uint i = 0; i < STEPS; i++)
                coopMatLoad(query[i], keys, i * (K / 4u), KEY_ROW4,
                            gl_CooperativeMatrixLayoutRowMajor);
        }
        barrier();
    }
}

void multiply_keys()
{
    SUMS score[WIDE];
    [[unroll]] for (uint j = 0; j < WIDE; j++)
        score[j] = SUMS(0.0);
    [[unroll]] for (uint i = 0; i < STEPS; i++) {
        [[unroll]] for (uint j = 0; j < WIDE; j++) {
            MATRIX(float16_t, K, N, gl_MatrixUseB) b;
            coopMatLoad(b, keys, j * N * KEY_ROW4 + i * (K / 4u), KEY_ROW4,
                        gl_CooperativeMatrixLayoutColumnMajor);
            score[j] = coopMatMulAdd(query[i], b, score[j]);
        }
    }
    [[unroll]] for (uint j = 0; j < WIDE; j++)
        coopMatStore(score[j], stage, gl_SubgroupID * STAGE + j * N, POSITIONS,
                     gl_CooperativeMatrixLayoutRowMajor);
    if (gl_SubgroupInvocationID == 0u)
        any_fell[gl_SubgroupID] = 0u;
}

// The exponentials of the tile from key `first` on, and the factor of what was summed before. A
// lane has every ROW_LANES-th position of its query.
void softmax(uint first)
{
    uint row = gl_SubgroupInvocationID / ROW_LANES, lane = gl_SubgroupInvocationID % ROW_LANES;
    uint from = gl_SubgroupID * STAGE + row * POSITIONS, q = gl_SubgroupID * M + row;
    uint token = min(first_token() + q, args.tokens - 1u);
    uint seen = token < first ? 0u : min(POSITIONS, token - first + 1u);
    float before = largest;
    [[unroll]] for (uint p = 0; p < POSITIONS; p++) {
        precise float scaled = stage[from + p] * args.scale;
        largest = p < seen ? max(largest, scaled) : largest;
    }
    precise float fall = before - largest;
    float         factor = exp_or_nan(fall);
    precise float l = total * factor;
    [[unroll]] for (uint i = 0; i < EACH; i++) {
        uint          p = lane + i * ROW_LANES;
        precise float scaled = stage[from + p] * args.scale;
        precise float below = scaled - largest;
        float16_t     w = float16_t(p < seen ? exp_or_nan(below) : 0.0);
        weight[q * WEIGHTS + p] = w;
        l += float(w);
    }
    total = l;
    [[unroll]] for (uint i = 0; i < N; i += ROW_LANES)
        if (N % ROW_LANES == 0u || i + lane < N)
            keep[q * N + i + lane] = factor;
    if (factor != 1.0)
        any_fell[gl_SubgroupID] = 1u;
}

void add_values()
{
    if (any_fell[gl_SubgroupID] != 0u) {
        SUMS factor;
        coopMatLoad(factor, keep, gl_SubgroupID * M * N, N, gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint i = 0; i < PARTS; i++)
            sums[i] = sums[i] * factor;
    }
    [[unroll]] for (uint k = 0; k < POSITIONS; k += K) {
        MATRIX(float16_t, M, K, gl_MatrixUseA) a;
        coopMatLoad(a, weight, gl_SubgroupID * M * WEIGHTS + k, WEIGHTS,
                    gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint i = 0; i < PARTS; i++) {
            MATRIX(float16_t, K, N, gl_MatrixUseB) b;
            coopMatLoad(b, values, k * V_ROW4 + i * (N / 4u), V_ROW4,
                        gl_CooperativeMatrixLayoutRowMajor);
            sums[i] = coopMatMulAdd(a, b, sums[i]);
        }
    }
}

void store_sums()
{
    uint from = gl_SubgroupID * STAGE;
    divisor[gl_LocalInvocationID.x] = total;
    [[unroll]] for (uint i = 0; i < PARTS; i++) {
        coop_sync_subgroup();
        coopMatStore(sums[i], stage, from, N, gl_CooperativeMatrixLayoutRowMajor);
        coop_sync_subgroup();
        [[unroll]] for (uint j = 0; j < STORES; j++) {
            uint v = gl_SubgroupInvocationID + j * SUBGROUP;
            uint row = v / (N / 4u), column = v % (N / 4u) * 4u, at0 = from + v * 4u;
            uint token = first_token() + gl_SubgroupID * M + row;
            if ((M * N / 4u % SUBGROUP != 0u && row >= M) || token >= args.tokens)
                break;
            precise float l = divisor[gl_SubgroupID * SUBGROUP + row * ROW_LANES];
            [[unroll]] for (uint n = 1; n < ROW_LANES; n++)
                l += divisor[gl_SubgroupID * SUBGROUP + row * ROW_LANES + n];
            precise vec4 y =
                vec4(stage[at0], stage[at0 + 1u], stage[at0 + 2u], stage[at0 + 3u]) / l;
            uint to = token * args.y_stride + gl_WorkGroupID.x * V + i * N + column;
            Store4(at(address(args.y), to * 4u)).v = floatBitsToUint(y);
        }
    }
}

void main()
{
    uint end = min(first_token() + QUERIES, args.tokens);
    load_queries();
    [[unroll]] for (uint i = 0; i < PARTS; i++)
        sums[i] = SUMS(0.0);
    largest = LOWEST;
    total = 0.0;
    uint first = 0u;
    load_tile(0u);
    do {
        share_tile();
        barrier();
        uint next = first + POSITIONS;
        if (next < end)
            load_tile(next);
        multiply_keys();
        coop_sync_subgroup();
        softmax(first);
        coop_sync_subgroup();
        add_values();
        barrier();
        first = next;
    } while (first < end);
    store_sums();
}
