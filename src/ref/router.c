/* SPDX-License-Identifier: MIT */
/* Scores s = softmax(logits) or sigmoid(logits). The choice looks at b = s + bias. With groups
 * (runs of experts / groups), a group counts by its best b or the sum of its two best; outside of
 * the top_k_groups best groups b becomes -infinity. The top_k largest b are taken, the lowest
 * index where equal, and listed in ascending order. Weights: s, divided by (their sum + 1e-20)
 * where asked, times scale. An expert whose logit or bias is no finite number comes before all
 * others, with NaN as its weight; softmax makes that of all of them. */
#include <math.h>

#include "ref/ref.h"

#define MAX_EXPERTS 512

struct scores {
    float score[MAX_EXPERTS], choice[MAX_EXPERTS];
};

static void score_experts(struct scores *s, const struct dv_router_shape *shape,
                          const float *logits, const float *bias)
{
    double largest = -INFINITY, sum = 0;
    for (uint32_t e = 0; e < shape->experts; e++)
        largest = fmax(largest, logits[e]);
    for (uint32_t e = 0; e < shape->experts; e++)
        sum += isfinite(logits[e]) ? exp(logits[e] - largest) : NAN;
    for (uint32_t e = 0; e < shape->experts; e++) {
        double value =
            shape->sigmoid ? 1 / (1 + exp(-(double)logits[e])) : exp(logits[e] - largest) / sum;
        s->score[e]  = (float)value;
        s->choice[e] = bias ? s->score[e] + bias[e] : s->score[e];
        if (!isfinite(logits[e]) || !isfinite(s->choice[e])) {
            s->score[e]  = NAN;
            s->choice[e] = INFINITY;
        }
    }
}

/* The lowest index of the largest value. */
static uint32_t best_of(const float *values, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

static void limit_groups(struct scores *s, const struct dv_router_shape *shape)
{
    uint32_t size = shape->experts / shape->groups;
    float    group[MAX_EXPERTS];
    bool     kept[MAX_EXPERTS] = { false };
    for (uint32_t g = 0; g < shape->groups; g++) {
        float best = -INFINITY, second = -INFINITY;
        for (uint32_t e = g * size; e < (g + 1) * size; e++) {
            second = fmaxf(second, fminf(best, s->choice[e]));
            best   = fmaxf(best, s->choice[e]);
        }
        group[g] = shape->group_sums && size > 1 ? best + second : best;
    }
    for (uint32_t i = 0; i < shape->top_k_groups; i++) {
        uint32_t g = best_of(group, shape->groups);
        kept[g]    = true;
        group[g]   = -INFINITY;
    }
    for (uint32_t e = 0; e < shape->experts; e++)
        if (!kept[e / size])
            s->choice[e] = -INFINITY;
}

static void route_token(const struct dv_ref_site *site, const struct dv_node *node, uint32_t t)
{
    const struct dv_router_shape *shape = &node->router.shape;
    uint32_t                     *ids = dv_ref_words(site, node->out.router.route, t), n = 0;
    float        *weights = dv_ref_row(site, node->out.router.route, t) + shape->top_k;
    struct scores s;
    bool          taken[MAX_EXPERTS] = { false };
    score_experts(&s, shape, dv_ref_row(site, node->in.router.logits, t),
                  site->weights[node->w.router.bias]);
    if (shape->groups > 1)
        limit_groups(&s, shape);
    for (uint32_t i = 0; i < shape->top_k; i++) {
        uint32_t best = 0;
        while (taken[best])
            best++;
        for (uint32_t e = best + 1; e < shape->experts; e++)
            if (!taken[e] && s.choice[e] > s.choice[best])
                best = e;
        taken[best] = true;
    }
    double sum = 1e-20;
    for (uint32_t e = 0; e < shape->experts; e++)
        if (taken[e]) {
            weights[n] = s.score[e];
            sum += s.score[e];
            ids[n++] = e;
        }
    for (uint32_t i = 0; i < shape->top_k; i++)
        weights[i] = (float)(weights[i] / (shape->normalise ? sum : 1) * shape->scale);
}

void dv_ref_router(const struct dv_ref_site *site, const struct dv_node *node)
{
    for (uint32_t t = 0; t < site->graph->values[node->out.router.route].rows; t++)
        route_token(site, node, t);
}
