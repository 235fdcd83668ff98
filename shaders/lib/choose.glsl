// SPDX-License-Identifier: MIT
// A token by chance: the steps of tensor/choose.h, by their numbers there, for one workgroup and
// one row of logits. Words of 32 bits, pairs of them (x low, y high) and products of two words, so
// that every device finds the token that the host finds. Keys and weights are not stored: they are
// made again from the logits in each walk, of which there are 2 without cuts, 7 for a cut by top-k
// or top-p, and 12 for both; 1 more with extras; and 1 more, with 1 for each of the best, where
// what was found is told. Needs ORDER's workgroup; all invocations call.
#ifndef DV_CHOOSE_GLSL
#define DV_CHOOSE_GLSL

#define ORDER_ROOM (WORKGROUP > 256 ? WORKGROUP : 256)
#include "lib/order.glsl"
#include "lib/choose_keys.glsl"
#include "lib/choose_extras.glsl"

// Sums of the buckets of a digit, or of the invocations' ranges; then those of groups of them.
const uint CHOOSE_BUCKETS = 256;
const uint CHOOSE_GROUPS = 16;
#define choose_low order_keys
#define choose_high order_ids
shared uvec2 choose_group[CHOOSE_GROUPS];
shared uint choose_found;
shared uvec2 choose_rest;
// ---- sums and the place that a point falls into ----

// Sums of CHOOSE_GROUPS groups of the first n sums, a multiple of that; answers their sum.
uvec2 choose_add_groups(uint n)
{
    barrier();
    uint group = gl_LocalInvocationID.x, each = n / CHOOSE_GROUPS;
    if (group < CHOOSE_GROUPS) {
        uvec2 sum = uvec2(0);
        for (uint i = group * each; i < (group + 1u) * each; i++)
            sum = pair_add(sum, uvec2(choose_low[i], choose_high[i]));
        choose_group[group] = sum;
    }
    barrier();
    uvec2 sum = uvec2(0);
    for (uint i = 0; i < CHOOSE_GROUPS; i++)
        sum = pair_add(sum, choose_group[i]);
    return sum;
}

// The first of n sums with which all sums up to it are above `point`, which is below their sum; the
// point becomes the rest of it there.
uint choose_find(inout uvec2 point, uint n)
{
    if (gl_LocalInvocationID.x == 0u) {
        uint group = 0;
        while (!pair_less(point, choose_group[group]))
            point = pair_sub(point, choose_group[group++]);
        uint i = group * (n / CHOOSE_GROUPS);
        for (; !pair_less(point, uvec2(choose_low[i], choose_high[i])); i++)
            point = pair_sub(point, uvec2(choose_low[i], choose_high[i]));
        choose_found = i;
        choose_rest = point;
    }
    barrier();
    point = choose_rest;
    return choose_found;
}

// ---- walks in the order of ids: each invocation has a range ----

// One token's part: of those that stay, with `tie` of this key only, the weight or 1.
uint choose_part(uint value, uint id, bool each, bool tie, uint of)
{
    uint key = choose_key(value);
    if (!choose_stays(key, id) || (tie && key != of))
        return 0u;
    uint weight = choose_weight(key);
    return weight < choice.min_weight ? 0u : each ? 1u : weight;
}

uint choose_range()
{
    return ((choice.cols + WORKGROUP - 1u) / WORKGROUP + 3u) / 4u * 4u;
}

// Each invocation's sum, then groups of them; answers the sum of all.
uvec2 choose_sum_ranges(bool each, bool tie, uint of)
{
    uint first = gl_LocalInvocationID.x * choose_range();
    uvec2 sum = uvec2(0);
    for (uint k = first; k < min(first + choose_range(), choice.cols); k += 4u) {
        uvec4 values = choose_values(k);
        [[unroll]] for (uint j = 0; j < 4u; j++)
            if (k + j < choice.cols)
                sum = pair_add(sum, uvec2(choose_part(values[j], k + j, each, tie, of), 0u));
    }
    barrier();
    choose_low[gl_LocalInvocationID.x] = sum.x;
    choose_high[gl_LocalInvocationID.x] = sum.y;
    return choose_add_groups(WORKGROUP);
}

// After choose_sum_ranges(), the token with whose part all parts up to it are above the point.
uint choose_token(uvec2 point, bool each, bool tie, uint of)
{
    uint owner = choose_find(point, WORKGROUP);
    barrier();
    if (gl_LocalInvocationID.x == owner) {
        uint k = owner * choose_range();
        for (;; k++) {
            uvec2 part = uvec2(choose_part(choose_value(k), k, each, tie, of), 0u);
            if (pair_less(point, part))
                break;
            point = pair_sub(point, part);
        }
        choose_found = k;
    }
    barrier();
    return choose_found;
}

// ---- 6 and 7: cuts, by the key's four digits, the highest first ----

// Sums of the tokens whose keys agree with `of` in the bits of `mask`, by the digit at `shift`.
uvec2 choose_count(bool each, uint of, uint mask, uint shift)
{
    for (uint b = gl_LocalInvocationID.x; b < CHOOSE_BUCKETS; b += WORKGROUP)
        choose_low[b] = choose_high[b] = 0u;
    barrier();
    for (uint k = gl_LocalInvocationID.x * 4u; k < choice.cols; k += WORKGROUP * 4u) {
        uvec4 values = choose_values(k);
        [[unroll]] for (uint j = 0; j < 4u; j++) {
            uint key = choose_key(values[j]);
            if (k + j < choice.cols && choose_stays(key, k + j) && ((key ^ of) & mask) == 0u) {
                uint b = key >> shift & (CHOOSE_BUCKETS - 1u);
                uint weight = each ? 1u : choose_weight(key);
                if (atomicAdd(choose_low[b], weight) > 0xFFFFFFFFu - weight)
                    atomicAdd(choose_high[b], 1u);
            }
        }
    }
    return choose_add_groups(CHOOSE_BUCKETS);
}

// Moves the limit so that the fewest stay that reach the target: `top` tokens, or the part `top`
// of their weights.
void choose_cut(bool each, uint top)
{
    uint of = 0u;
    uvec2 point;
    for (uint level = 0; level < 4u; level++) {
        uint shift = 24u - 8u * level, mask = level == 0u ? 0u : 0xFFFFFFFFu << (shift + 8u);
        uvec2 sum = choose_count(each, of, mask, shift);
        if (level == 0u && each) {
            if (sum.x <= top)
                return;
            point = uvec2(top - 1u, 0u);
        } else if (level == 0u) {
            uvec2 low = word_product(sum.x, top);
            point = pair_add(word_product(sum.y, top), uvec2(low.y, 0u));
            if (low.x == 0u)
                point = pair_sub(point, uvec2(1u, 0u));
        }
        of |= choose_find(point, CHOOSE_BUCKETS) << shift;
        barrier();
    }
    choose_sum_ranges(each, true, of);
    uint last = choose_token(point, each, true, of);
    choice.key = of;
    choice.last = last;
}

// ---- 9: the draw ----

// Philox4x32-10 (Salmon and others, 2011) of a counter of one word.
uvec2 choose_random(uvec2 seed, uint position)
{
    uvec4 x = uvec4(position, 0u, 0u, 0u);
    for (uint round = 0; round < 10u; round++) {
        uvec2 a = word_product(x.x, 0xD2511F53u), b = word_product(x.z, 0xCD9E8D57u);
        x = uvec4(b.y ^ x.y ^ seed.x, b.x, a.y ^ x.w ^ seed.y, a.x);
        seed += uvec2(0x9E3779B9u, 0xBB67AE85u);
    }
    return x.xy;
}

// The two highest of the four words of a product of two pairs.
uvec2 choose_high_pair(uvec2 a, uvec2 b)
{
    uvec2 middle = pair_add(word_product(a.y, b.x), uvec2(word_product(a.x, b.x).y, 0u));
    uvec2 other = pair_add(word_product(a.x, b.y), uvec2(middle.x, 0u));
    uvec2 high = pair_add(word_product(a.y, b.y), uvec2(middle.y, 0u));
    return pair_add(high, uvec2(other.y, 0u));
}

// The first two steps, of logits that are all finite: `winner` is the first of the greatest, and
// becomes the first of those that extras make, or DV_NONE_LEFT.
void choose_begin(ADDRESS logits, uint cols, inout uint winner, dv_choice rule, dv_address where)
{
    choose_make_powers();
    choice.logits = logits;
    choice.cols = cols;
    choice.top = choose_range(load_word(logits, winner * 4u), rule) + 126;
    choose_change(where, rule);
    if (choice.changed)
        winner = choose_greatest();
}

// Then the token for `position`.
uint choose(uint winner, dv_choice rule, uint position)
{
    choose_scale(choice.top - 126, rule);
    choice.greatest = choose_value(winner);
    if (rule.top_k > 0u)
        choose_cut(true, rule.top_k);
    if (rule.top_p > 0u)
        choose_cut(false, rule.top_p);
    choice.min_weight = rule.min_weight;
    uvec2 sum = choose_sum_ranges(false, false, 0u);
    uvec2 x = choose_random(uvec2(rule.seed_low, rule.seed_high), position);
    return choose_token(choose_high_pair(x, sum), false, false, 0u);
}

#include "lib/choose_tell.glsl"

#endif
