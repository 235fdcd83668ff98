// SPDX-License-Identifier: MIT
// Steps 3 to 5 of tensor/choose.h for lib/choose.glsl: a logit as a number with a fixed point, its
// key, which says how much less likely than the best its token is, and the key's weight. Pairs of
// words (x low, y high) take the place of 64-bit integers.
#ifndef DV_CHOOSE_KEYS_GLSL
#define DV_CHOOSE_KEYS_GLSL

#include "lib/choice.h"
#include "lib/step_block.h"

// In shared memory: of a constant array, which an index that is not constant reads, some compilers
// make one in scratch memory for each place that reads it, filled there each time.
shared uint choose_powers[64];

// Before weights are asked for. All invocations call.
void choose_make_powers()
{
    const uint powers[64] = uint[64](DV_CHOOSE_POWERS);
    if (gl_LocalInvocationID.x == 0u)
        [[unroll]] for (uint i = 0; i < 64u; i++)
            choose_powers[i] = powers[i];
    barrier();
}

// The row, and what its keys are made with.
struct Choice {
    ADDRESS logits;
    uint cols;
    bool changed;  // lib/choose_extras.glsl
    uint greatest; // fixed()
    int top;       // r + 126
    uint shift, factor;
    uint key, last; // the limit: what stays has a smaller key, or this one and no later id
    uint min_weight;
};
Choice choice;

// ---- pairs of words ----

uvec2 pair_add(uvec2 a, uvec2 b)
{
    uint carry;
    uint low = uaddCarry(a.x, b.x, carry);
    return uvec2(low, a.y + b.y + carry);
}
uvec2 pair_sub(uvec2 a, uvec2 b)
{
    uint borrow;
    uint low = usubBorrow(a.x, b.x, borrow);
    return uvec2(low, a.y - b.y - borrow);
}
bool pair_less(uvec2 a, uvec2 b)
{
    return a.y < b.y || (a.y == b.y && a.x < b.x);
}
uvec2 word_product(uint a, uint b)
{
    uint high, low;
    umulExtended(a, b, high, low);
    return uvec2(low, high);
}

// ---- 3 to 5: keys and weights ----

uint choose_fixed(uint bits)
{
    uint e = bits >> 23 & 0xFFu, fraction = (bits & 0x7FFFFFu) | (e != 0u ? 0x800000u : 0u);
    int shift = choice.top - int(max(e, 1u));
    uint size = shift < 0 ? 0x7FFFFFFFu : fraction << 7 >> min(uint(shift), 31u);
    uint negative = 0u - (bits >> 31);
    return (size ^ negative) - negative;
}

const uint CHOOSE_NEVER = 0x80000000u; // DV_CHOOSE_NEVER: in the place of a logit

// Of a logit with a fixed point. 0xFFFFFFFF: out
uint choose_key(uint value)
{
    if (value == CHOOSE_NEVER)
        return 0xFFFFFFFFu;
    uvec2 product = word_product(choice.greatest - value, choice.factor);
    uint s = choice.shift;
    if (s >= 32u)
        product = uvec2(product.y, 0u);
    s &= 31u;
    uint key = s == 0u ? product.x : product.x >> s | product.y << (32u - s);
    return product.y >> s == 0u && key < DV_CHOOSE_OUT ? key : 0xFFFFFFFFu;
}

uint choose_high_word(uint a, uint b)
{
    return word_product(a, b).y;
}

uint choose_weight(uint key)
{
    uint v = key << 11;
    uint h = choose_high_word(
        v, DV_CHOOSE_A1 - choose_high_word(v, DV_CHOOSE_A2 - choose_high_word(v, DV_CHOOSE_A3)));
    uint p = choose_powers[key >> 21 & 63u];
    return ((p - choose_high_word(p, h)) >> ((key >> 27) + 1u)) + 1u >> 1;
}

bool choose_stays(uint key, uint id)
{
    return key < choice.key || (key == choice.key && id <= choice.last);
}

// r, from the bits of the greatest logit.
int choose_range(uint greatest, dv_choice rule)
{
    return max(int(max(greatest >> 23 & 0xFFu, 1u)) - 127, rule.reach) + 2;
}

// What keys are made with, but for `top` and `greatest`.
void choose_scale(int r, dv_choice rule)
{
    int s = 4 - r - rule.exponent;
    choice.shift = uint(max(s, 0));
    choice.factor = s < 0 ? 0xFFFFFFFFu : rule.factor;
    choice.key = DV_CHOOSE_OUT - 1u;
    choice.last = 0xFFFFFFFFu;
    choice.min_weight = 0u;
}

#endif
