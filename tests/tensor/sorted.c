/* SPDX-License-Identifier: MIT */
/* A second implementation of choose.h: tokens are sorted, keys and weights come from scalbn() and
 * exp2() and not from bits and tables. */
#include "tensor/test_choose.h"

#include <stdlib.h>

struct candidate {
    uint32_t key, id;
    uint64_t weight;
};

float *make_logits(uint32_t n, int spread, uint32_t seed)
{
    float *logits = calloc(n, sizeof *logits);
    for (uint32_t i = 0; logits && i < n; i++) {
        seed      = seed * 1664525u + 1013904223u;
        logits[i] = ldexpf((float)((int32_t)(seed >> 8) - 8388608), spread - 23);
    }
    return logits;
}

static int by_key(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

static int by_id(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return x->id < y->id ? -1 : 1;
}

/* floor() of a factor of 2^32 parts. */
static uint64_t part(uint64_t a, uint64_t b)
{
    return a * b >> 32;
}

static uint64_t weight_of(uint32_t key)
{
    double   table = round(ldexp(exp2(-(double)(key >> 21 & 63) / 64), 32));
    uint64_t p     = table < 4294967295.0 ? (uint64_t)table : UINT32_MAX;
    uint64_t v     = (uint64_t)(key & 0x1FFFFF) << 11;
    uint64_t h     = part(v, 46516320 - part(v, 251894 - part(v, 906)));
    return (((p - part(p, h)) >> ((key >> 27) + 1)) + 1) / 2;
}

static double fixed(float logit, int r)
{
    double size = floor(ldexp(fabs((double)logit), 31 - r));
    return copysign(fmin(size, 2147483647.0), logit);
}

static int exponent_of(float logit)
{
    int exponent;
    if (logit == 0)
        return -126;
    frexpf(logit, &exponent);
    return exponent - 1 < -126 ? -126 : exponent - 1;
}

static int64_t within(int64_t value)
{
    return value > 2147483647 ? 2147483647 : value < -2147483647 ? -2147483647 : value;
}

bool change_logit(int64_t *value, float logit, uint32_t id, const struct dv_choose_rule *rule)
{
    const struct dv_choose_extras *x    = rule->extras;
    int64_t                        bias = x->bias ? x->bias[id] : 0;
    uint32_t                       all = 0, answer = 0;
    if (bias == INT32_MIN || (x->mask && !(x->mask[id >> 5] & 1u << (id & 31))))
        return false;
    if (x->counts) {
        all    = x->counts[id] % 65536;
        answer = x->counts[id] / 65536;
    }
    *value = within((int64_t)fixed(logit, rule->reach < 10 ? 12 : rule->reach + 2) + bias);
    if (all > 0 && *value >= 0)
        *value = within((*value * x->down) / 16777216);
    else if (all > 0)
        *value = within(-((-*value * x->up) / 16777216));
    if (answer > 0)
        *value =
            within(*value - x->presence - (answer < 1023 ? answer : 1023) * (int64_t)x->frequency);
    return true;
}

static uint32_t list_changed(struct candidate *c, const float *logits, uint32_t n,
                             const struct dv_choose_rule *rule)
{
    int64_t  best = INT64_MIN, value;
    int      r = rule->reach < 10 ? 12 : rule->reach + 2, s = 4 - r - rule->exponent;
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++)
        if (change_logit(&value, logits[i], i, rule) && value > best)
            best = value;
    for (uint32_t i = 0; i < n; i++) {
        if (!change_logit(&value, logits[i], i, rule))
            continue;
        uint64_t d = (uint64_t)(best - value), z = s < 0 ? d * UINT32_MAX : d * rule->factor >> s;
        if (z < UINT64_C(31) << 27)
            c[m++] = (struct candidate){ (uint32_t)z, i, weight_of((uint32_t)z) };
    }
    qsort(c, m, sizeof *c, by_key);
    return m;
}

static uint32_t list(struct candidate *c, const float *logits, uint32_t n,
                     const struct dv_choose_rule *rule)
{
    if (rule->extras)
        return list_changed(c, logits, n, rule);
    float    best = logits[0];
    uint32_t m    = 0;
    for (uint32_t i = 1; i < n; i++)
        best = logits[i] > best ? logits[i] : best;
    int own = exponent_of(best), r = (own > rule->reach ? own : rule->reach) + 2;
    int s = 4 - r - rule->exponent;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t d = (uint64_t)(fixed(best, r) - fixed(logits[i], r));
        uint64_t z = s < 0 ? d * UINT32_MAX : d * rule->factor >> s;
        if (z < UINT64_C(31) << 27)
            c[m++] = (struct candidate){ (uint32_t)z, i, weight_of((uint32_t)z) };
    }
    qsort(c, m, sizeof *c, by_key);
    return m;
}

static uint64_t sum_of(const struct candidate *c, uint32_t m)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < m; i++)
        sum += c[i].weight;
    return sum;
}

static uint32_t cut(const struct candidate *c, uint32_t m, const struct dv_choose_rule *rule)
{
    uint32_t kept = 0;
    if (rule->top_k > 0 && rule->top_k < m)
        m = rule->top_k;
    if (rule->top_p > 0) { /* sum / 2^32 >= need, of 2^64 parts, without losing a bit */
        uint64_t total = sum_of(c, m), low = (total & UINT32_MAX) * rule->top_p, sum = 0;
        uint64_t need = (total >> 32) * rule->top_p + (low >> 32) + (low % 4294967296u > 0);
        while (sum < need)
            sum += c[kept++].weight;
        m = kept;
    }
    while (m > 1 && c[m - 1].weight < rule->min_weight)
        m--;
    return m;
}

static uint64_t random_pair(uint64_t seed, uint64_t position)
{
    uint32_t c[4] = { (uint32_t)position, (uint32_t)(position >> 32), 0, 0 };
    for (uint32_t i = 0; i < 10; i++) {
        uint64_t a = UINT64_C(0xD2511F53) * c[0], b = UINT64_C(0xCD9E8D57) * c[2];
        c[0] = (uint32_t)(b >> 32) ^ c[1] ^ ((uint32_t)seed + i * 0x9E3779B9u);
        c[1] = (uint32_t)b;
        c[2] = (uint32_t)(a >> 32) ^ c[3] ^ ((uint32_t)(seed >> 32) + i * 0xBB67AE85u);
        c[3] = (uint32_t)a;
    }
    return (uint64_t)c[1] << 32 | c[0];
}

uint32_t choose_sorted_by(const float *logits, uint32_t n, const struct dv_choose_rule *rule,
                          uint64_t position)
{
    struct candidate *c = calloc(n, sizeof *c);
    uint32_t          m = cut(c, list(c, logits, n, rule), rule), i = 0;
    qsort(c, m, sizeof *c, by_id);
    uint64_t total = sum_of(c, m), x = random_pair(rule->seed, position);
    /* The high half of x total, in pieces of 32 bits of x. */
    uint64_t low = (total & UINT32_MAX) * (x & UINT32_MAX), carry = 0;
    uint64_t middle[] = { (total >> 32) * (x & UINT32_MAX), (total & UINT32_MAX) * (x >> 32) };
    carry             = ((middle[0] & UINT32_MAX) + (middle[1] & UINT32_MAX) + (low >> 32)) >> 32;
    uint64_t point    = (total >> 32) * (x >> 32) + (middle[0] >> 32) + (middle[1] >> 32) + carry;
    while (point >= c[i].weight)
        point -= c[i++].weight;
    uint32_t token = c[i].id;
    free(c);
    return token;
}

uint32_t choose_sorted(const float *logits, uint32_t n, const struct settings *sampling,
                       uint64_t position)
{
    struct dv_choose_rule rule;
    dv_choose_rule_make(&rule, sampling->temperature, sampling->top_k, sampling->top_p,
                        sampling->min_p, sampling->seed);
    return choose_sorted_by(logits, n, &rule, position);
}
