// SPDX-License-Identifier: MIT
// The inner product of packed weight rows with activation rows: the one inner loop of every matrix
// kernel (matmul, experts, attend_value, mla_prepare).
//
// A workgroup of WORKGROUP = 8 * S invocations: invocation = row (low 3 bits) + 8 * k-slice. Slice
// s takes the chunks s, s + S, ... in order; each invocation keeps GROUPS x TOKENS sums in
// registers; at the end the S slices are added in shared memory, in the order of s. So a sum's
// order depends on the matrix and on S only, never on the number of tokens or groups: every batch
// size gives the same bits. FP8, INT4 and FP4: the products of one chunk (16 or 32 columns) are
// summed from 0 and then added as fma(scale, chunk's sum, sum).
//
// The including kernel defines before the constants FORMAT, GROUPS, TOKENS, MATH_F16 and
//   vec4 dot_input(uint token, uint k, uint i);   four activations from column k + 4i on; token <
//       TOKENS, i is a constant: an address that differs by a constant only costs nothing on GPUs
// and passes dv_tile_form() (kernel/tile.h) as DV_DOT_FORM.
#ifndef DV_DOT_GLSL
#define DV_DOT_GLSL

#include "lib/weight.glsl"

layout(constant_id = DV_DOT_FORM) const uint DOT_FORM = 0; // DV_DOT_BROADCAST, _WHOLE
const uint DOT_SLICES = WORKGROUP / 8;

// Which slice and row this invocation has. With one slice the number is a constant, which tells
// compilers for CPUs that addresses of activations and scales are the same for all lanes.
uint dot_slice()
{
    return DOT_SLICES == 1u ? 0u : gl_LocalInvocationID.x / 8u;
}
uint dot_row()
{
    return gl_LocalInvocationID.x % 8u;
}

float dot_sum[GROUPS * TOKENS];

// Tokens whose sums are reduced at a time: 1024 floats a group of rows at most, or one token.
const uint DOT_MOST = WORKGROUP >= 1024u ? 1u : 1024u / WORKGROUP;
const uint DOT_BATCH = TOKENS < DOT_MOST ? TOKENS : DOT_MOST;
shared float dot_shared[DOT_SLICES == 1u ? 1u : WORKGROUP * GROUPS * DOT_BATCH];

vec4 dot_round(vec4 x)
{
    if (MATH_F16 == 0u)
        return x;
    x = half_range(x);
    return vec4(unpackHalf2x16(packHalf2x16(x.xy)), unpackHalf2x16(packHalf2x16(x.zw)));
}

// Where each group's micro-tiles and scales begin: the same for all lanes, so that a lane adds one
// offset, which serves all groups.
ADDRESS dot_tile[GROUPS], dot_scale[GROUPS];

// Chunks of a row whose words a lane loads before it uses the first: with one token a GPU waits for
// memory, and a lane has 64 bytes on their way. A CPU's loads do not wait for each other.
const uint DOT_AHEAD = TOKENS > 1 || DOT_SLICES == 1u ? 1u : GROUPS >= 4 ? 1u : 4u / GROUPS;

uvec4 raw[GROUPS];
float part[GROUPS * TOKENS];

// This lane's row of micro-tile c. With DV_DOT_BROADCAST each row is loaded at an address that is
// the same for all lanes and the lane keeps its own: compilers for CPUs make one masked broadcast
// of each such load, which costs a fifth of a gather and, other than a gather, is seen by the
// hardware's prefetcher. Only in modules for devices that may ask for it: some drivers compile
// what a constant switches off too, for minutes.
uvec4 dot_load(ADDRESS tiles, uint c)
{
#ifdef WEIGHT_BROADCAST
    if ((DOT_FORM & DV_DOT_BROADCAST) != 0u) {
        ADDRESS tile = at(tiles, c * 128u);
        uvec4   words = load_words4(tile, 0u);
        [[unroll]] for (uint i = 1; i < 8u; i++) {
            bool  mine = dot_row() == i;
            uvec4 row = load_words4(tile, i * 16u);
            words.x = mine ? row.x : words.x;
            words.y = mine ? row.y : words.y;
            words.z = mine ? row.z : words.z;
            words.w = mine ? row.w : words.w;
        }
        return words;
    }
#endif
    return load_words4(tiles, c * 128u + dot_row() * 16u);
}

// Activations of columns 4q .. 4q+3 of chunk c. Columns beyond the last are zeros in the packed
// matrix and meet the last four activations once more, which leaves the sum as it is.
vec4 dot_activations(uint format, dv_matrix w, uint t, uint c, uint q)
{
    uint k = c * chunk_values(format);
    if ((DOT_FORM & DV_DOT_WHOLE) != 0u)
        return dot_round(dot_input(t, k, q));
    return dot_round(dot_input(t, min(k + 4u * q, w.cols - 4u), 0u));
}

// Adds the products of columns 4q .. 4q+3 of a chunk to `part`.
void dot_quarter(uint format, dv_matrix w, uint c, uint q)
{
    vec4 x[TOKENS];
    [[unroll]] for (uint t = 0; t < TOKENS; t++)
        x[t] = dot_activations(format, w, t, c, q);
    [[unroll]] for (uint g = 0; g < GROUPS; g++) {
        vec4 v = chunk_decode(format, raw[g], q);
        [[unroll]] for (uint t = 0; t < TOKENS; t++) {
            precise float p = part[g * TOKENS + t];
            p = fma(v.x, x[t].x, p);
            p = fma(v.y, x[t].y, p);
            p = fma(v.z, x[t].z, p);
            p = fma(v.w, x[t].w, p);
            part[g * TOKENS + t] = p;
        }
    }
}

// The scale of this lane's row in chunk c.
float dot_scale_of(uint format, ADDRESS scales, dv_matrix w, uint c)
{
    if (scales_blocks(format))
        return load(scales, (c >> (w.block_shift - findMSB(chunk_values(format)))) * 4u);
#ifdef WEIGHT_BROADCAST
    if ((DOT_FORM & DV_DOT_BROADCAST) != 0u) {
        uvec4 words = load_words4(scales, c * 16u);
        uvec2 two = dot_row() < 4u ? words.xy : words.zw;
        return row_scale(dot_row() % 4u < 2u ? two.x : two.y, dot_row());
    }
#endif
    return row_scale(load_word(scales, c * 16u + dot_row() / 2u * 4u), dot_row());
}

// Adds chunk c of every group, whose words are in `raw`, to dot_sum, if it is one of the row.
void dot_chunk(uint format, dv_matrix w, uint c, bool inside)
{
    uint values = chunk_values(format);
    [[unroll]] for (uint i = 0; i < GROUPS * TOKENS; i++)
        part[i] = is_scaled(format) ? 0.0 : dot_sum[i];
    // A loop would select every sum by the lanes that are still in it, on CPUs.
    [[unroll]] for (uint q = 0; q < values / 4u; q++)
        dot_quarter(format, w, c, q);
    [[unroll]] for (uint g = 0; g < GROUPS; g++) {
        float s = 1.0;
        if (is_scaled(format))
            s = dot_scale_of(format, dot_scale[g], w, c);
        [[unroll]] for (uint t = 0; t < TOKENS; t++) {
            precise float p = part[g * TOKENS + t];
            if (is_scaled(format))
                p = fma(s, p, dot_sum[g * TOKENS + t]);
            dot_sum[g * TOKENS + t] = inside ? p : dot_sum[g * TOKENS + t];
        }
    }
}

// Adds this lane's next DOT_AHEAD chunks from c on. Those beyond the last repeat it, so that no
// load depends on a branch.
void dot_chunks(uint format, dv_matrix w, uint c)
{
    uvec4 ahead[DOT_AHEAD * GROUPS];
    [[unroll]] for (uint u = 0; u < DOT_AHEAD; u++)
        [[unroll]] for (uint g = 0; g < GROUPS; g++)
            ahead[u * GROUPS + g] =
                dot_load(dot_tile[g], u == 0u ? c : min(c + u * DOT_SLICES, w.chunks - 1u));
    [[unroll]] for (uint u = 0; u < DOT_AHEAD; u++) {
        uint next = c + u * DOT_SLICES;
        [[unroll]] for (uint g = 0; g < GROUPS; g++)
            raw[g] = ahead[u * GROUPS + g];
        if (u == 0u)
            dot_chunk(format, w, c, true);
        else
            dot_chunk(format, w, min(next, w.chunks - 1u), next < w.chunks);
    }
}

// dot_sum = the inner products of GROUPS 8-row groups from `group` on with the TOKENS rows, this
// lane's share of K. Groups at or beyond `end` repeat the last one and must not be stored.
// `format` is a constant at every call.
void dot_rows_of(uint format, ADDRESS tiles, dv_matrix w, uint group, uint end)
{
    [[unroll]] for (uint g = 0; g < GROUPS; g++) {
        uint inside = min(group + g, end - 1u);
        dot_tile[g] = at(tiles, inside * w.chunks * 128u);
        dot_scale[g] = at(tiles, w.scales + inside * w.blocks * 4u);
    }
    [[unroll]] for (uint i = 0; i < GROUPS * TOKENS; i++)
        dot_sum[i] = 0.0;
    // Exits at the bottom: see the same in expert_down.comp.
    uint c = dot_slice();
    if (DOT_SLICES == 1u || c < w.chunks)
        do {
            dot_chunks(format, w, c);
            c += DOT_AHEAD * DOT_SLICES;
        } while (c < w.chunks);
    if (format == FORMAT_E4M3)
        [[unroll]] for (uint i = 0; i < GROUPS * TOKENS; i++)
            dot_sum[i] *= E4M3_UNIT;
}
void dot_rows(ADDRESS tiles, dv_matrix w, uint group, uint end)
{
    dot_rows_of(FORMAT, tiles, w, group, end);
}

// Adds the slices' shares: afterwards dot_sum is whole in all lanes. All invocations call it, with
// the same flow. One lane a sum, for as many tokens at a time as shared memory holds.
void dot_reduce()
{
    const uint lane = gl_LocalInvocationID.x;
    if (DOT_SLICES == 1u)
        return;
    [[unroll]] for (uint first = 0; first < TOKENS; first += DOT_BATCH) {
        [[unroll]] for (uint t = 0; t < DOT_BATCH; t++)
            [[unroll]] for (uint g = 0; g < GROUPS; g++)
                dot_shared[(g * DOT_BATCH + t) * WORKGROUP + lane] =
                    dot_sum[g * TOKENS + first + t];
        barrier();
        for (uint i = lane; i < 8u * GROUPS * DOT_BATCH; i += WORKGROUP) {
            uint at = i / 8u * WORKGROUP + i % 8u;
            precise float sum = dot_shared[at];
            for (uint s = 1; s < DOT_SLICES; s++)
                sum += dot_shared[at + s * 8u];
            dot_shared[at] = sum;
        }
        barrier();
        [[unroll]] for (uint t = 0; t < DOT_BATCH; t++)
            [[unroll]] for (uint g = 0; g < GROUPS; g++)
                dot_sum[g * TOKENS + first + t] =
                    dot_shared[(g * DOT_BATCH + t) * WORKGROUP + dot_row()];
        barrier();
    }
}

#endif
