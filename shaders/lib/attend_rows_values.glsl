// SPDX-License-Identifier: MIT
// The second product of attend_rows: each position's latent times each row's weight. A lane has
// four columns of all rows.
#ifndef DV_ATTEND_ROWS_VALUES_GLSL
#define DV_ATTEND_ROWS_VALUES_GLSL

// sums = the weighted values of columns c .. c+3. The last positions, which some rows do not see,
// and those that are no multiple of four are taken one by one.
void add_values(uint first, uint n, uint position, uint c)
{
    uint all = min(n, seen_by(0u, position, first)) & ~3u, p = 0u; // row 0 sees least
    [[unroll]] for (uint r = 0; r < ROWS; r++)
        sums[r] = vec4(0.0);
    if (all > 0u)
        do {
            vec4 v[4];
            ADDRESS record = record_of(first + p);
            [[unroll]] for (uint i = 0; i < 4u; i++)
                v[i] = cache_latent4(at(record, i * args.cache.record), c, KV4 * 4u);
            [[unroll]] for (uint r = 0; r < ROWS; r++) {
                uint w = (p / 4u * ROWS + r) * 4u;
                vec4 s = sums[r];
                [[unroll]] for (uint i = 0; i < 4u; i++)
                    s = fma(vec4(weight[w + i]), v[i], s);
                sums[r] = s;
            }
            p += 4u;
        } while (p < all);
    if (p < n)
        do {
            vec4 v = cache_latent4(record_of(first + min(p, n - 1u)), c, KV4 * 4u);
            [[unroll]] for (uint r = 0; r < ROWS; r++) {
                vec4 more = fma(vec4(weight[weight_at(p, r)]), v, sums[r]);
                sums[r] = p < seen_by(r, position, first) ? more : sums[r];
            }
            p++;
        } while (p < n);
}

void values(uint first, uint n, uint split, uint position, bool start)
{
    uint j = 0u;
    do {
        uint c = j + gl_LocalInvocationID.x;
        add_values(first, n, position, min(c, KV4 - 1u) * 4u);
        [[unroll]] for (uint r = 0; r < ROWS; r++) {
            uint place = place_of(r, split, position);
            if (c < KV4 && place != NONE) {
                Sums4         y = Sums4(at(address(args.y), place + c * 16u));
                attend_merged both = attend_merged(0.0, 0.0, row_keep[r], row_add[r]);
                y.v = start ? sums[r] : attend_merge_sums(both, y.v, sums[r]);
            }
        }
        j += WORKGROUP;
    } while (j < KV4);
}

#endif
