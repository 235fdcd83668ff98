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
