// SPDX-License-Identifier: MIT
// The end of attend_coop: sums from matrices through `stage` to the partials of lib/attend.glsl.
#ifndef DV_ATTEND_COOP_STORE_GLSL
#define DV_ATTEND_COOP_STORE_GLSL

// Byte offset of a pair's partial, or NONE beyond the last head or token.
const uint NONE = 0xFFFFFFFFu;
uint place_of(uint pair)
{
    uint head = head_of(pair), token = token_of(pair);
    if (head >= args.heads || token >= args.tokens)
        return NONE;
    return (token * args.y_stride + attend_place(head, 0u, 1u, KV)) * 4u;
}

void store_sums()
{
    uint from = gl_SubgroupID * SCORES;
    [[unroll]] for (uint i = 0; i < MY_PARTS; i++) {
        uint part = gl_SubgroupID + i * SUBGROUPS;
        [[unroll]] for (uint t = 0; t < TALL; t++)
            coopMatStore(sums[t * MY_PARTS + i], stage, from + t * M * N, N,
                         gl_CooperativeMatrixLayoutRowMajor);
        barrier();
        [[unroll]] for (uint j = 0; j < STORES; j++) {
            uint v = gl_SubgroupInvocationID + j * SUBGROUP;
            if (PAIRS * N / 4u % SUBGROUP != 0u && v >= PAIRS * N / 4u)
                break;
            uint pair = v / (N / 4u), column = v % (N / 4u) * 4u, at0 = from + v * 4u;
            uint place = place_of(pair);
            if (part < PARTS && place != NONE)
                Store4(at(address(args.y), place + (part * N + column) * 4u)).v =
                    floatBitsToUint(
                        vec4(stage[at0], stage[at0 + 1u], stage[at0 + 2u], stage[at0 + 3u]));
        }
        barrier();
    }
    stage[gl_LocalInvocationID.x] = total;
    barrier();
    if (gl_LocalInvocationID.x % ROW_LANES == 0u) {
        uint          place = place_of(gl_LocalInvocationID.x / ROW_LANES);
        precise float l = total;
        [[unroll]] for (uint i = 1; i < ROW_LANES; i++)
            l += stage[gl_LocalInvocationID.x + i];
        if (place != NONE)
            Store4(at(address(args.y), place + KV * 4u)).v =
                floatBitsToUint(vec4(largest, l, 0.0, 0.0));
    }
}

#endif
