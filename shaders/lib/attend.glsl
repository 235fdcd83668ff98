// SPDX-License-Identifier: MIT
// Partial results of attention, one a token, head and split of the context: kv unnormalised sums,
// the largest score m, the sum of exponentials l and two unused words. attend, combine and
// attend_value merge them with the functions here, so that one workgroup for the whole context and
// one a split give the same bits: split 0 first, then 1, 2, ...
#ifndef DV_ATTEND_GLSL
#define DV_ATTEND_GLSL

// Splits of the context of a row at `position`.
uint attend_splits(uint position, uint split)
{
    return position / split + 1u;
}

// Words before the partial of a head and split in a token's row; a partial has kv + 4.
uint attend_place(uint head, uint split, uint splits, uint kv)
{
    return (head * splits + split) * (kv + 4u);
}

// m and l of two merged partials, and the factors of their sums.
struct attend_merged {
    float m, l, keep, add;
};

attend_merged attend_merge(float m, float l, float m_s, float l_s)
{
    attend_merged both;
    both.m = max(m, m_s);
    precise float below = m - both.m, below_s = m_s - both.m;
    precise float keep = exp_or_nan(below), add = exp_or_nan(below_s);
    precise float added = l_s * add;
    precise float total = fma(l, keep, added);
    both.keep = keep;
    both.add = add;
    both.l = total;
    return both;
}

vec4 attend_merge_sums(attend_merged both, vec4 sums, vec4 sums_s)
{
    precise vec4 added = sums_s * both.add;
    precise vec4 y = fma(sums, vec4(both.keep), added);
    return y;
}

// sums / l of columns k .. k+3 over `count` merged partials of one head, the first at byte `place`.
// Four partials are loaded before they are merged, so that the loads do not wait for each other.
vec4 attend_result(ADDRESS partials, uint place, uint count, uint kv, uint k)
{
    const uint size = (kv + 4u) * 4u;
    vec4       sums = load4(partials, place + k * 4u);
    vec2       ml = load4(partials, place + kv * 4u).xy;
    uint       s = 1u;
    for (; s + 4u <= count; s += 4u) {
        vec4 sums_s[4];
        vec2 ml_s[4];
        [[unroll]] for (uint i = 0; i < 4u; i++) {
            sums_s[i] = load4(partials, place + (s + i) * size + k * 4u);
            ml_s[i] = load4(partials, place + (s + i) * size + kv * 4u).xy;
        }
        [[unroll]] for (uint i = 0; i < 4u; i++) {
            attend_merged both = attend_merge(ml.x, ml.y, ml_s[i].x, ml_s[i].y);
            sums = attend_merge_sums(both, sums, sums_s[i]);
            ml = vec2(both.m, both.l);
        }
    }
    for (; s < count; s++) {
        vec2          ml_s = load4(partials, place + s * size + kv * 4u).xy;
        attend_merged both = attend_merge(ml.x, ml.y, ml_s.x, ml_s.y);
        sums = attend_merge_sums(both, sums, load4(partials, place + s * size + k * 4u));
        ml = vec2(both.m, both.l);
    }
    precise vec4 y = sums / ml.y;
    return y;
}

#endif
