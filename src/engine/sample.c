/* SPDX-License-Identifier: MIT */
#include "engine/sample.h"

#include <math.h>
#include <stdlib.h>

#include "base/context.h"

struct candidate {
    float    logit;
    uint32_t id;
};

/* A number in [0, 1) for each (seed, position): two rounds of a 64-bit mix, no state to keep. */
static double uniform(uint64_t seed, uint64_t position)
{
    uint64_t x = seed * UINT64_C(0x9E3779B97F4A7C15) + position * UINT64_C(0xD1B54A32D192ED03);
    for (int round = 0; round < 2; round++) {
        x ^= x >> 32;
        x *= UINT64_C(0xD6E8FEB86659FD93);
    }
    x ^= x >> 32;
    return (double)(x >> 11) * 0x1p-53;
}

static uint32_t greedy(const float *logits, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

static int by_logit(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit < y->logit ? 1 : -1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* How many of the sorted candidates remain; their probabilities replace the logits, unnormalised.
 */
static uint32_t cut(struct candidate *c, uint32_t n, const dsvk_sampling *sampling, double *total)
{
    double best = c[0].logit, sum = 0, kept = 0;
    if (sampling->top_k > 0 && sampling->top_k < n)
        n = sampling->top_k;
    for (uint32_t i = 0; i < n; i++) {
        c[i].logit = (float)exp(((double)c[i].logit - best) / sampling->temperature);
        sum += c[i].logit;
    }
    uint32_t m      = 0;
    bool     by_sum = sampling->top_p > 0 && sampling->top_p < 1;
    while (m < n) {
        if (m > 0 && by_sum && kept >= sampling->top_p * sum)
            break;
        if (m > 0 && sampling->min_p > 0 && c[m].logit < sampling->min_p * c[0].logit)
            break;
        kept += c[m++].logit;
    }
    *total = kept;
    return m;
}

dsvk_status dv_sample(uint32_t *token, const struct dv_context *ctx, float *logits, uint32_t n,
                      const dsvk_sampling *sampling, uint64_t position)
{
    *token = greedy(logits, n);
    if (!(sampling->temperature > 0))
        return DSVK_OK;
    struct candidate *c = dv_zalloc_array(ctx, n, sizeof *c);
    if (!c)
        return dv_fail(ctx, DSVK_NO_MEMORY, "sample: no memory for %u candidates", n);
    uint32_t n_finite = 0;
    for (uint32_t i = 0; i < n; i++)
        if (isfinite(logits[i]))
            c[n_finite++] = (struct candidate){ logits[i], i };
    if (n_finite > 0) {
        double total;
        qsort(c, n_finite, sizeof *c, by_logit);
        uint32_t m = cut(c, n_finite, sampling, &total), i = 0;
        double   point = uniform(sampling->seed, position) * total;
        while (i + 1 < m && point >= c[i].logit)
            point -= c[i++].logit;
        *token = c[i].id;
    }
    dv_free(ctx, c);
    return DSVK_OK;
}
