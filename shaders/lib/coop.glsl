// SPDX-License-Identifier: MIT
// Tiled products of packed weights and activations with cooperative matrices: the inner loop of
// matmul_coop and expert_matmul_coop.
//
// A workgroup computes ROWS x TOKENS results. Its subgroups stand in a grid over that tile, each
// with SUB_ROWS x SUB_TOKENS sums in f32, as matrices of M x N. Step by step, DEPTH columns of the
// weights and of the activations are rounded to float16 into shared memory and multiplied from
// there; the words of the next step are loaded before. Bound by the matrix units; the tile decides
// how often a weight is decoded (tokens / TOKENS times) and an activation converted (rows / ROWS).
//
// FP8, INT4 and FP4: a weight times its scale becomes one float16. A power of two for each 8-row
// group, that of its largest scale, is taken out before and multiplied to the sums at the end, so
// that weights are below 4096 (FP8: 896) whatever their scale, and small scales lose nothing to
// float16's range.
//
// Order of summation: DEPTH columns after DEPTH columns, K at a time; inside the driver's own. It
// does not depend on the number of tokens, but it is not that of lib/dot.glsl.
//
// The including kernel defines ARGS before, and
//   uint coop_x(uint t);   byte offset of the row of x of token t of the tile
//   void coop_store(uint row, uint t, float value);   a result; row 0 is the tile's first
#ifndef DV_COOP_GLSL
#define DV_COOP_GLSL

#include "lib/silu.glsl"
#include "lib/weight.glsl"

const uint VALUES = DV_FORMAT_VALUES(FORMAT); // of a chunk
const bool SCALED = DV_FORMAT_IS_SCALED(FORMAT);
const bool ROW_SCALES = DV_FORMAT_SCALES_ROWS(FORMAT);
const uint CHUNKS = DEPTH / VALUES;
const uint GROUPS = ROWS / 8;
const uint QUADS = DEPTH / 4;
const uint STRIDE = QUADS + 2; // padded, so that rows begin in different banks
const uint W_WORK = GROUPS * CHUNKS * 8, W_LOADS = (W_WORK + WORKGROUP - 1) / WORKGROUP;
const uint X_WORK = TOKENS * QUADS, X_LOADS = (X_WORK + WORKGROUP - 1) / WORKGROUP;
const uint ALONG = ROWS / SUB_ROWS, SUBGROUPS = ALONG * (TOKENS / SUB_TOKENS);
const uint TALL = SUB_ROWS / M, WIDE = SUB_TOKENS / N; // matrices of a subgroup
const uint PARTS = PAIR != 0 ? 2 : 1;
const uint STAGES = DV_COOP_STAGES; // divides SUBGROUPS

// Each of these is a multiple of 16 bytes: docs/kernels.md, "Matrix units".
shared f16vec4 coop_w[ROWS * STRIDE], coop_xs[TOKENS * STRIDE];
shared float   coop_stage[STAGES * SUB_ROWS * N];
shared uint    coop_largest[GROUPS]; // scale, as bits

uvec4 coop_raw[W_LOADS];
float coop_scale[W_LOADS], coop_inverse[W_LOADS]; // of a group's power of two
vec4  coop_x4[X_LOADS];
MATRIX(float, M, N, gl_MatrixUseAccumulator) coop_sum[TALL * WIDE];
uint  coop_x_row[X_LOADS];

// The power of two that is taken out of a group's weights; 1 for formats without scales.
float coop_power(uint group)
{
    if (!SCALED)
        return 1.0;
    float power = uintBitsToFloat(coop_largest[group] & 0x7F800000u);
    return clamp(power, 1e-30, 1e30) / float(DV_FORMAT_FACTOR(FORMAT) * DV_FORMAT_RANGE(FORMAT));
}

// The largest scales: maxima do not depend on the order of the atomics.
void coop_find_largest(ADDRESS tiles, dv_matrix w, uint group, uint end)
{
    if (!SCALED)
        return;
    uint lane = gl_LocalInvocationID.x;
    for (uint g = lane; g < GROUPS; g += WORKGROUP)
        coop_largest[g] = 0u;
    barrier();
    for (uint i = lane; i < GROUPS * w.blocks; i += WORKGROUP) {
        uint g = i / w.blocks, inside = min(group + g, end - 1u);
        uint word = load_word(tiles, w.scales + (inside * w.blocks + i % w.blocks) * 4u);
        if (ROW_SCALES)
            word = max(word << 16 & 0x7FFF0000u, word & 0x7FFF0000u);
        atomicMax(coop_largest[g], word & 0x7FFFFFFFu);
    }
    barrier();
}

// What stays the same for an invocation from step to step.
void coop_prepare(ADDRESS tiles, dv_matrix w, uint group, uint end)
{
    coop_find_largest(tiles, w, group, end);
    [[unroll]] for (uint i = 0; i < W_LOADS; i++) {
        uint g = (gl_LocalInvocationID.x + i * WORKGROUP) / (8u * CHUNKS);
        coop_inverse[i] = 1.0 / coop_power(min(g, GROUPS - 1u));
    }
    [[unroll]] for (uint i = 0; i < X_LOADS; i++)
        coop_x_row[i] = coop_x(min((gl_LocalInvocationID.x + i * WORKGROUP) / QUADS, TOKENS - 1u));
    [[unroll]] for (uint i = 0; i < TALL * WIDE; i++)
        coop_sum[i] = MATRIX(float, M, N, gl_MatrixUseAccumulator)(0.0);
}

void coop_load_weights(ADDRESS tiles, dv_matrix w, uint group, uint end, uint step)
{
    [[unroll]] for (uint i = 0; i < W_LOADS; i++) {
        uint at = gl_LocalInvocationID.x + i * WORKGROUP;
        if (W_WORK % WORKGROUP != 0u && at >= W_WORK)
            break;
        uint row = at % 8u, c = step * CHUNKS + at / 8u % CHUNKS, g = at / (8u * CHUNKS);
        uint inside = min(group + g, end - 1u), last = min(c, w.chunks - 1u);
        coop_raw[i] = load_words4(tiles, (inside * w.chunks + last) * 128u + row * 16u);
        if (c >= w.chunks)
            coop_raw[i] = uvec4(0u);
        if (ROW_SCALES) {
            uint at = (inside * w.chunks + last) * 16u + row / 2u * 4u;
            coop_scale[i] = row_scale(load_word(tiles, w.scales + at), row);
        } else if (SCALED) {
            uint block = last * VALUES >> w.block_shift;
            coop_scale[i] = load(tiles, w.scales + (inside * w.blocks + block) * 4u);
        }
    }
}

void coop_load_activations(dv_matrix w, uint step)
{
    [[unroll]] for (uint i = 0; i < X_LOADS; i++) {
        uint at = gl_LocalInvocationID.x + i * WORKGROUP;
        if (X_WORK % WORKGROUP != 0u && at >= X_WORK)
            break;
        uint k = step * DEPTH + at % QUADS * 4u;
        coop_x4[i] = load4(address(args.x), coop_x_row[i] + min(k, w.cols - 4u) * 4u);
        if (k >= w.cols)
            coop_x4[i] = vec4(0.0);
    }
}

// From registers to shared memory.
void coop_share()
{
    [[unroll]] for (uint i = 0; i < W_LOADS; i++) {
        uint at = gl_LocalInvocationID.x + i * WORKGROUP;
        if (W_WORK % WORKGROUP != 0u && at >= W_WORK)
            break;
        uint row = at % 8u, c = at / 8u % CHUNKS, g = at / (8u * CHUNKS);
        uint to = (g * 8u + row) * STRIDE + c * (VALUES / 4u);
        float scale = SCALED ? coop_scale[i] * coop_inverse[i] : 1.0;
        [[unroll]] for (uint q = 0; q < VALUES / 4u; q++) {
            vec4 v = chunk_decode(FORMAT, coop_raw[i], q);
            if (SCALED)
                coop_w[to + q] = f16vec4(v * scale);
            else
                coop_w[to + q] = coop_round(v);
        }
    }
    [[unroll]] for (uint i = 0; i < X_LOADS; i++) {
        uint at = gl_LocalInvocationID.x + i * WORKGROUP;
        if (X_WORK % WORKGROUP != 0u && at >= X_WORK)
            break;
        coop_xs[at / QUADS * STRIDE + at % QUADS] = coop_round(coop_x4[i]);
    }
}

// Multiplies what lies in shared memory.
void coop_multiply()
{
    uint row = gl_SubgroupID % ALONG * SUB_ROWS, token = gl_SubgroupID / ALONG * SUB_TOKENS;
    [[unroll]] for (uint k = 0; k < DEPTH; k += K) {
        MATRIX(float16_t, M, K, gl_MatrixUseA) a[TALL];
        [[unroll]] for (uint i = 0; i < TALL; i++)
            coopMatLoad(a[i], coop_w, (row + i * M) * STRIDE + k / 4u, STRIDE,
                        gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint j = 0; j < WIDE; j++) {
            MATRIX(float16_t, K, N, gl_MatrixUseB) b;
            coopMatLoad(b, coop_xs, (token + j * N) * STRIDE + k / 4u, STRIDE,
                        gl_CooperativeMatrixLayoutColumnMajor);
            [[unroll]] for (uint i = 0; i < TALL; i++)
                coop_sum[i * WIDE + j] = coopMatMulAdd(a[i], b, coop_sum[i * WIDE + j]);
        }
    }
}

// The results of N tokens of STAGES subgroups, from the stage to where they belong.
void coop_store_stage(uint first, uint j)
{
    const uint height = SUB_ROWS / PARTS, part = height * N;
    for (uint v = gl_LocalInvocationID.x; v < STAGES * part; v += WORKGROUP) {
        uint subgroup = first + v / part, t = v % part / height, r = v % height, at = r;
        uint row = subgroup % ALONG * SUB_ROWS, token = subgroup / ALONG * SUB_TOKENS + j * N;
        if (PAIR != 0u)
            at = r / 8u * 16u + r % 8u;
        uint  from = v / part * SUB_ROWS * N + t * SUB_ROWS + at;
        float value = coop_stage[from] * coop_power((row + at) / 8u);
        if (PAIR != 0u)
            value = swiglu(value, coop_stage[from + 8u] * coop_power((row + at) / 8u + 1u));
        coop_store(row / PARTS + r, token + t, value);
    }
}

void coop_store_all()
{
    uint to = gl_SubgroupID % STAGES * SUB_ROWS * N;
    [[unroll]] for (uint j = 0; j < WIDE; j++) {
        for (uint first = 0; first < SUBGROUPS; first += STAGES) {
            if (gl_SubgroupID / STAGES == first / STAGES) {
                [[unroll]] for (uint i = 0; i < TALL; i++)
                    coopMatStore(coop_sum[i * WIDE + j], coop_stage, to + i * M, SUB_ROWS,
                                 gl_CooperativeMatrixLayoutColumnMajor);
            }
            barrier();
            coop_store_stage(first, j);
            barrier();
        }
    }
}

// The tile of the 8-row groups from `group` on with the TOKENS rows of x. Groups at or beyond `end`
// repeat the last one and must not be stored. All invocations call it, with the same flow.
void coop_tile(ADDRESS tiles, dv_matrix w, uint group, uint end)
{
    coop_prepare(tiles, w, group, end);
    coop_load_weights(tiles, w, group, end, 0u);
    coop_load_activations(w, 0u);
    uint step = 0u, steps = (w.chunks + CHUNKS - 1u) / CHUNKS;
    do {
        coop_share();
        barrier();
        step++;
        if (step < steps) {
            coop_load_weights(tiles, w, group, end, step);
            coop_load_activations(w, step);
        }
        coop_multiply();
        barrier();
    } while (step < steps);
    coop_store_all();
}

#endif
