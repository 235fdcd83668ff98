/* SPDX-License-Identifier: MIT */
/* The rule of a choice: the last floating point, before any logit is looked at. */
#include "tensor/choose.h"

#include <float.h>
#include <math.h>

#define LOG2_E 1.4426950408889634
#define LN_2 0.69314718055994531

/* Of 2^bits parts, those that `part` makes up: 0 when it is not above 0. */
static uint32_t share(float part, int bits)
{
    if (!(part > 0))
        return 0;
    double scaled = ceil(ldexp((double)part, bits));
    return scaled < 1 ? 1 : (uint32_t)scaled;
}

void dv_choose_rule_make(struct dv_choose_rule *rule, float temperature, uint32_t top_k,
                         float top_p, float min_p, uint64_t seed)
{
    double t = temperature < FLT_MAX ? (double)temperature : (double)FLT_MAX;
    int    exponent, reach;
    double factor = frexp(LOG2_E / t, &exponent);
    frexp(32 * LN_2 * t, &reach);
    *rule = (struct dv_choose_rule){ .factor     = (uint32_t)ldexp(factor, 32),
                                     .exponent   = exponent - 32,
                                     .reach      = reach - 1,
                                     .top_k      = top_k,
                                     .top_p      = top_p < 1 ? share(top_p, 32) : 0,
                                     .min_weight = share(min_p > 1 ? 1 : min_p, 30),
                                     .seed       = seed };
}

void dv_choose_rule_greedy(struct dv_choose_rule *rule)
{
    *rule = (struct dv_choose_rule){ 0 };
}

/* ---- extras ---- */

static uint32_t fixed_factor(double factor)
{
    double scaled = rint(ldexp(factor, 24));
    return scaled < 4294967295.0 ? (uint32_t)scaled : UINT32_MAX;
}

static int32_t in_units(const struct dv_choose_rule *rule, float value, int32_t most)
{
    double units = rint(ldexp((double)value, 31 - dv_choose_range(rule->reach)));
    return (int32_t)(units > most ? most : units < -most ? -most : units);
}

void dv_choose_extras_make(struct dv_choose_extras *extras, const struct dv_choose_rule *rule,
                           float repetition, float presence, float frequency)
{
    double penalty = repetition > 0 ? (double)repetition : 1;
    *extras        = (struct dv_choose_extras){ .up        = fixed_factor(penalty),
                                                .down      = fixed_factor(1 / penalty),
                                                .presence  = in_units(rule, presence, 1 << 20),
                                                .frequency = in_units(rule, frequency, 1 << 20) };
}

int32_t dv_choose_bias(const struct dv_choose_rule *rule, float bias)
{
    return bias == -INFINITY ? DV_CHOOSE_NEVER : in_units(rule, bias, 1 << 30);
}
