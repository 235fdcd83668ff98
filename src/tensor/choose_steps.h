/* SPDX-License-Identifier: MIT */
/* The loops over all tokens of choose.c, for it alone: functions of several versions stay out of
 * the library's symbols only when they are static. */
#ifndef DV_TENSOR_CHOOSE_STEPS_H
#define DV_TENSOR_CHOOSE_STEPS_H

#include <string.h>

#include "tensor/choose.h"

#define OUT DV_CHOOSE_OUT
#define NEVER DV_CHOOSE_NEVER
#define LOW_BITS 21 /* of a key, behind its first digit */
#define BLOCK 32u

static const uint32_t powers[64] = { DV_CHOOSE_POWERS };

/* Loops that wider vectors make twice as fast are compiled for them too, and chosen as the program
 * starts; the results are the same. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) &&       \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FAST __attribute__((target_clones("avx2", "default")))
#else
#define FAST
#endif

/* ---- 1 to 4: logits become keys ---- */

static uint32_t bits_of(const float *logit)
{
    uint32_t bits;
    memcpy(&bits, logit, sizeof bits);
    return bits;
}

/* Floats in order as signed integers; its own inverse. */
static uint32_t turn(uint32_t bits)
{
    return bits ^ ((0u - (bits >> 31)) >> 1);
}

/* The bits of the greatest logit; false when one is not finite. */
FAST static bool find_greatest(uint32_t *greatest, const float *logits, uint32_t n)
{
    uint32_t most = 0, magnitude = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t bits = bits_of(&logits[i]), key = turn(bits) ^ 0x80000000u;
        uint32_t size = bits & 0x7FFFFFFFu;
        most          = key > most ? key : most;
        magnitude     = size > magnitude ? size : magnitude;
    }
    *greatest = turn(most ^ 0x80000000u);
    return magnitude < 0x7F800000u;
}

static uint32_t biased_exponent(uint32_t bits)
{
    uint32_t e = bits >> 23 & 0xFF;
    return e ? e : 1;
}

/* In units of R 2^-31, sign and magnitude as two's complement; `top` is r + 126. */
static uint32_t fixed(uint32_t bits, int32_t top)
{
    uint32_t e        = bits >> 23 & 0xFF;
    uint32_t fraction = (bits & 0x7FFFFFu) | (e ? 0x800000u : 0);
    int32_t  shift    = top - (int32_t)(e ? e : 1);
    uint32_t size     = shift < 0 ? 0x7FFFFFFFu : fraction << 7 >> (shift < 31 ? shift : 31);
    uint32_t negative = 0u - (bits >> 31);
    return (size ^ negative) - negative;
}

/* What distances in units of 2^(r-31) become keys with. */
struct scale {
    uint32_t shift, factor;
    uint64_t out;
};

static struct scale scale_of(int32_t r, const struct dv_choose_rule *rule)
{
    int32_t      s     = 4 - r - rule->exponent;
    struct scale scale = { s < 0 ? 0 : (uint32_t)s, s < 0 ? UINT32_MAX : rule->factor, 0 };
    scale.out          = (uint64_t)OUT << scale.shift;
    return scale;
}

/* Of every token, UINT32_MAX: out; answers how many are not. */
FAST static uint32_t make_keys(uint32_t *restrict keys, const float *restrict logits, uint32_t n,
                               uint32_t greatest, const struct dv_choose_rule *rule)
{
    int32_t      own   = (int32_t)biased_exponent(greatest) - 127;
    int32_t      r     = (own > rule->reach ? own : rule->reach) + 2;
    struct scale scale = scale_of(r, rule);
    uint32_t     m = fixed(greatest, r + 126), left = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t d   = m - fixed(bits_of(&logits[i]), r + 126);
        uint64_t key = (uint64_t)d * scale.factor;
        keys[i]      = key < scale.out ? (uint32_t)(key >> scale.shift) : UINT32_MAX;
        left += key < scale.out;
    }
    return left;
}

/* ---- 0: extras ---- */

static int32_t saturate(int64_t value)
{
    return (int32_t)(value > INT32_MAX ? INT32_MAX : value < -INT32_MAX ? -INT32_MAX : value);
}

static int32_t penalise(int32_t value, uint32_t count, const struct dv_choose_extras *x)
{
    int64_t  size  = value < 0 ? -(int64_t)value : value;
    uint32_t times = count / DV_COUNT_ANSWER;
    if (count == 0)
        return value;
    size  = (int64_t)((uint64_t)size * (value < 0 ? x->up : x->down) >> 24);
    value = saturate(value < 0 ? -size : size);
    if (times == 0)
        return value;
    times = times < DV_CHOOSE_TIMES ? times : DV_CHOOSE_TIMES;
    return saturate(value - (x->presence + (int64_t)times * x->frequency));
}

/* Every token's logit as it is changed, NEVER: out; answers the first of the greatest, n when all
 * are out. */
static uint32_t adjust(int32_t *restrict values, const float *restrict logits, uint32_t n,
                       const struct dv_choose_rule *rule)
{
    const struct dv_choose_extras *x    = rule->extras;
    int32_t                        most = NEVER, top = dv_choose_range(rule->reach) + 126;
    uint32_t                       best = n;
    for (uint32_t i = 0; i < n; i++)
        values[i] = (int32_t)fixed(bits_of(&logits[i]), top);
    for (uint32_t i = 0; x->bias && i < n; i++)
        values[i] = x->bias[i] == NEVER ? NEVER : saturate((int64_t)values[i] + x->bias[i]);
    for (uint32_t i = 0; x->counts && i < n; i++)
        values[i] = values[i] == NEVER ? NEVER : penalise(values[i], x->counts[i], x);
    for (uint32_t i = 0; x->mask && i < n; i++)
        values[i] = x->mask[i / 32] >> i % 32 & 1 ? values[i] : NEVER;
    for (uint32_t i = 0; i < n; i++) {
        best = values[i] > most ? i : best;
        most = values[i] > most ? values[i] : most;
    }
    return best;
}

/* As make_keys(), in the place of what adjust() made. */
static uint32_t make_adjusted_keys(uint32_t *values, uint32_t n, uint32_t best,
                                   const struct dv_choose_rule *rule)
{
    struct scale scale = scale_of(dv_choose_range(rule->reach), rule);
    uint32_t     m = values[best], left = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t key  = (uint64_t)(m - values[i]) * scale.factor;
        bool     stay = key < scale.out && (int32_t)values[i] != NEVER;
        values[i]     = stay ? (uint32_t)(key >> scale.shift) : UINT32_MAX;
        left += stay;
    }
    return left;
}

/* Moves the keys that are not out to the front, with their indices. Mostly few are, so most blocks
 * are only looked through. */
FAST static void compact(uint32_t *restrict ids, uint32_t *restrict keys, uint32_t n)
{
    uint32_t m = 0;
    for (uint32_t at = 0; at < n; at += BLOCK) {
        uint32_t end = n - at < BLOCK ? n : at + BLOCK, some = n - at < BLOCK;
        for (uint32_t i = 0; n - at >= BLOCK && i < BLOCK; i++)
            some |= keys[at + i] < OUT;
        for (uint32_t i = at; some && i < end; i++) {
            uint32_t key = keys[i];
            ids[m]       = i;
            keys[m]      = key;
            m += key < OUT;
        }
    }
}

/* ---- 5: weights ---- */

static uint32_t high(uint32_t a, uint32_t b)
{
    return (uint32_t)((uint64_t)a * b >> 32);
}

static uint32_t weight_of(uint32_t key)
{
    uint32_t q = key >> 27, v = key << 11;
    uint32_t h = high(v, DV_CHOOSE_A1 - high(v, DV_CHOOSE_A2 - high(v, DV_CHOOSE_A3)));
    uint32_t p = powers[key >> 21 & 63];
    return (((p - high(p, h)) >> (q + 1)) + 1) >> 1;
}

/* Answers the sum of the weights, as do the next ones. */
FAST static uint64_t weigh(uint32_t *restrict weights, const uint32_t *restrict keys, uint32_t n)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t weight = weight_of(keys[i]);
        weights[i]      = weight;
        sum += weight;
    }
    return sum;
}

FAST static uint64_t sum_of(const uint32_t *weights, uint32_t n)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += weights[i];
    return sum;
}

/* ---- 6 to 8: cuts ---- */

/* The indices of the keys whose first digit it is; answers how many. */
FAST static uint32_t find_members(uint32_t *restrict members, const uint32_t *restrict keys,
                                  uint32_t n, uint32_t digit)
{
    uint32_t m = 0;
    for (uint32_t at = 0; at < n; at += BLOCK) {
        uint32_t end = n - at < BLOCK ? n : at + BLOCK, some = n - at < BLOCK;
        for (uint32_t i = 0; n - at >= BLOCK && i < BLOCK; i++)
            some |= keys[at + i] >> LOW_BITS == digit;
        for (uint32_t i = at; some && i < end; i++) {
            members[m] = i;
            m += keys[i] >> LOW_BITS == digit;
        }
    }
    return m;
}

/* Each answers the sum of what stays; what does not gets the weight 0. */
FAST static uint64_t keep_below(uint32_t *restrict weights, const uint32_t *restrict keys,
                                uint32_t n, uint32_t end)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t weight = keys[i] < end ? weights[i] : 0;
        weights[i]      = weight;
        sum += weight;
    }
    return sum;
}

FAST static uint64_t keep_heavy(uint32_t *weights, uint32_t n, uint32_t least)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t weight = weights[i] >= least ? weights[i] : 0;
        weights[i]      = weight;
        sum += weight;
    }
    return sum;
}

#endif
