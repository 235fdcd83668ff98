// SPDX-License-Identifier: MIT
// The scores of a tile of keys in shared memory (attend, attend_heads). A lane is one of PAIR_LANES
// (low bits) and SLICES; it holds EACH pairs and every SLICES-th group of four columns of their
// queries. A score is SLICES chains of fma, added in order, then scaled.
//
// The including kernel defines before the constants EACH, PAIRS, PAIR_LANES and SLICES, QUERY
// (groups of a query in a lane), KEY4 (groups of a key), COLS4 (of a row of the tile) and PARTIAL
// (floats of a slice), and the arrays tile, partial, score and query.
#ifndef DV_ATTEND_SCORES_GLSL
#define DV_ATTEND_SCORES_GLSL

uint slice()
{
    return gl_LocalInvocationID.x / PAIR_LANES;
}
uint pair_of(uint e) // in the workgroup
{
    return gl_LocalInvocationID.x % PAIR_LANES + e * PAIR_LANES;
}

// Whether the j-th group of columns of this lane is one of `count`; mostly known when compiled.
bool inside(uint j, uint count)
{
    return (j + 1u) * SLICES <= count || slice() + j * SLICES < count;
}

// This lane's share of the scores of the tile.
void score_partials(uint n)
{
    for (uint r = 0; r < n; r++) {
        precise float dot[EACH];
        [[unroll]] for (uint e = 0; e < EACH; e++)
            dot[e] = 0.0;
        [[unroll]] for (uint j = 0; j < QUERY; j++) {
            if (inside(j, KEY4)) {
                vec4 v = tile[r * COLS4 + slice() + j * SLICES];
                [[unroll]] for (uint e = 0; e < EACH; e++) {
                    vec4 q = query[e * QUERY + j];
                    dot[e] = fma(q.w, v.w, fma(q.z, v.z, fma(q.y, v.y, fma(q.x, v.x, dot[e]))));
                }
            }
        }
        [[unroll]] for (uint e = 0; e < EACH; e++)
            partial[slice() * PARTIAL + r * PAIRS + pair_of(e)] = dot[e];
    }
}

void score_sums(uint n)
{
    for (uint i = gl_LocalInvocationID.x; i < n * PAIRS; i += WORKGROUP) {
        precise float sum = partial[i];
        for (uint s = 1; s < SLICES; s++)
            sum += partial[s * PARTIAL + i];
        precise float scaled = sum * args.scale;
        score[i] = scaled;
    }
}

#endif
