/* SPDX-License-Identifier: MIT */
/* Choosing one of n logits by chance, in integers alone, so that every machine that has the same
 * logits makes the same choice. After the rule is made, which happens on the host, nothing but
 * words of 32 bits, pairs of them and products of two words is used; no sum depends on its order.
 * A shader that follows the steps below gives the same token.
 *
 * Numbers: "x.y" has x bits before and y after the point. floor(a b / 2^32) is the high word of a
 * product of two words.
 *
 *  0. Extras, where a rule has them: then r = max(`reach`, 10) + 2, every logit is held as in 3 and
 *     changed in those units, before m is the greatest of what that gives. Each of these saturates
 *     at -(2^31 - 1) and 2^31 - 1:
 *         a + bias
 *         a >= 0: floor(a `down` / 2^24), else -floor(-a `up` / 2^24), for a token that occurs
 *         a - (`presence` + min(times, 1023) `frequency`), for a token that occurs in the answer
 *     A token that the mask leaves out, or whose bias is DV_CHOOSE_NEVER, is out from here on. With
 *     factor 0 the first by id of the greatest is chosen.
 *  1. Greatest. The bits of a float order as integers once those of negative ones are turned. m is
 *     the greatest logit. A logit that is infinite or no number is a failure.
 *  2. Range. R = 2^r with r = max(exponent of m, `reach`) + 2, a subnormal m having the exponent
 *     -126. `reach` is that of 32 T ln 2, so R is above |m| + 32 T ln 2.
 *  3. Distance. A logit is held as sign and magnitude in units of 2^(r-31), what is below a unit
 *     cut off: its 24 bits, shifted left by 7, then right by r - 1 - exponent (from 31 on that
 *     leaves 0). At R and beyond the magnitude is 2^31 - 1. d = m - logit, in the same units.
 *  4. Key. z = floor(d `factor` / 2^s), 5.27, with s = 4 - r - `exponent`: log2 of how much less
 *     likely the token is than the best. log2(e)/T is factor 2^exponent, factor from 2^31 on, so
 *     other distances have other keys. Where s would be below 0, s = 0 and factor = 2^32 - 1. A
 *     token is out from z = 31 on.
 *  5. Weight. q = whole part of z, j = next 6 bits, v = last 21 bits times 2^11, 0.32:
 *         h = v (A1 - v (A2 - v A3))          each product's high word
 *         u = P[j] - P[j] h                   0.32, P[j] = 2^(-j/64), at most 2^32 - 1
 *         w = (floor(u / 2^(q+1)) + 1) / 2    the half cut off
 *     w is 2^30 for z = 0, 2^30 2^-z to less than 2, and never 0.
 *  6. Top-k. The first `top_k` tokens in the order of keys, of equal ones by id, stay.
 *  7. Top-p. S = sum of the weights that are left, a pair of words. In the same order, the fewest
 *     stay that have a sum of at least S `top_p` / 2^32, rounded up.
 *  8. Min-p. Those of a weight of at least `min_weight` stay. The best is always among them.
 *  9. Draw. Philox4x32-10 with the key `seed` and the counter (position, 0), low words first, gives
 *     a pair x of its first two words. Of x S, S being what is left now, the two highest of four
 *     words are the point; the token is the first by id with which the sum of weights is above it.
 */
#ifndef DV_TENSOR_CHOOSE_H
#define DV_TENSOR_CHOOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/context.h"

#include "choice.h"

/* How logits are changed, for n tokens; the arrays are the caller's, NULL: none. */
struct dv_choose_extras {
    uint32_t        up, down;            /* repetition penalty and its reciprocal, 8.24 */
    int32_t         presence, frequency; /* in units of 2^(r-31), as are biases; at most 2^20 */
    const int32_t  *bias;                /* [n] */
    const uint32_t *counts;              /* [n], see DV_COUNT_ANSWER in choice.h */
    const uint32_t *mask;                /* a bit a token, lowest first: 1 may be chosen */
};

struct dv_choose_rule {
    uint32_t factor;     /* log2(e)/T = factor 2^exponent, factor >= 2^31; 0: greedy */
    int32_t  exponent;   /* -159 to 118 */
    int32_t  reach;      /* floor(log2(32 T ln 2)), -145 to 132 */
    uint32_t top_k;      /* 0 = off */
    uint32_t top_p;      /* 0.32; 0 = off */
    uint32_t min_weight; /* at most 2^30 */
    uint64_t seed;

    const struct dv_choose_extras *extras; /* NULL: none; greedy needs them */
};

/* T > 0, infinity too, which is as the greatest float. Off: top_k 0; top_p and min_p that are not
 * above 0, top_p from 1 on. */
void dv_choose_rule_make(struct dv_choose_rule *rule, float temperature, uint32_t top_k,
                         float top_p, float min_p, uint64_t seed);

/* A greedy rule. */
void dv_choose_rule_greedy(struct dv_choose_rule *rule);

/* r of a rule's extras. */
static inline int32_t dv_choose_range(int32_t reach)
{
    return (reach > DV_CHOOSE_REACH ? reach : DV_CHOOSE_REACH) + 2;
}
/* Penalties for a rule that is made, without arrays. 0 or 1 is no repetition penalty. */
void dv_choose_extras_make(struct dv_choose_extras *extras, const struct dv_choose_rule *rule,
                           float repetition, float presence, float frequency);
/* A bias, or -infinity, in the units of the rule's extras: at most 2^30 of them. */
int32_t dv_choose_bias(const struct dv_choose_rule *rule, float bias);

/* Memory for choosing among at most `most` tokens, so that a choice allocates nothing. */
struct dv_chooser;
dsvk_status dv_chooser_new(struct dv_chooser **out, const struct dv_context *ctx, uint32_t most);
void        dv_chooser_free(struct dv_chooser *chooser);

/* Chooses among logits[0 .. n-1], n >= 1. False when one of them is not finite: *token is the first
 * such; or when none may be chosen: *token is n. */
bool dv_choose(struct dv_chooser *chooser, uint32_t *token, const float *logits, uint32_t n,
               const struct dv_choose_rule *rule, uint64_t position);

/* What log-probabilities are made of, of logits as they are: a token's is its logit less the log of
 * the sum of exp(logit), in natural logarithms. That comes from the weights of T = 1. So it is the
 * same on every machine, and at most 0.0005 from the exact one: tokens 2^31 times less likely than
 * the best are left out, and weights are less than 2 of 2^30 off. NaN when a logit is no finite
 * number. */
double dv_choose_log_sum(struct dv_chooser *chooser, const float *logits, uint32_t n);
/* The same from the greatest logit and the sum of the weights, which a device has found; the sum,
 * 0 when a logit is no finite number. */
double   dv_choose_log_of(float greatest, uint64_t sum);
uint64_t dv_choose_sum(struct dv_chooser *chooser, const float *logits, uint32_t n);
/* The ids of the `most` greatest of n logits, that one first, of equal ones the lower id. */
void dv_choose_best(uint32_t *ids, uint32_t most, const float *logits, uint32_t n);

#endif
