/* SPDX-License-Identifier: MIT */
/* The steps of choose.h by their numbers there. Tokens that are not out are kept as a list by id;
 * nothing is sorted. */
#include "tensor/choose_steps.h"

#include <math.h>

#define BUCKETS 2048
#define PIECE 256u

struct dv_chooser {
    const struct dv_context *ctx;
    uint32_t                 n; /* tokens that are left */
    uint32_t                *ids, *keys, *weights;
    uint32_t                *members; /* for a cut: indices in the list */
    uint64_t                 buckets[BUCKETS];
};

dsvk_status dv_chooser_new(struct dv_chooser **out, const struct dv_context *ctx, uint32_t most)
{
    struct dv_chooser *c = dv_zalloc(ctx, sizeof *c);
    *out                 = NULL;
    if (c) {
        c->ctx = ctx;
        c->ids = dv_zalloc_array(ctx, most, 4 * sizeof *c->ids);
    }
    if (!c || !c->ids) {
        dv_chooser_free(c);
        return dv_fail(ctx, DSVK_NO_MEMORY, "sample: no memory to choose among %u tokens", most);
    }
    c->keys    = c->ids + most;
    c->weights = c->keys + most;
    c->members = c->weights + most;
    *out       = c;
    return DSVK_OK;
}

void dv_chooser_free(struct dv_chooser *chooser)
{
    if (!chooser)
        return;
    dv_free(chooser->ctx, chooser->ids);
    dv_free(chooser->ctx, chooser);
}

static uint32_t first_not_finite(const float *logits)
{
    uint32_t bits, i = 0;
    do
        memcpy(&bits, &logits[i++], sizeof bits);
    while ((bits & 0x7F800000u) != 0x7F800000u);
    return i - 1;
}

/* Of the tokens that are not out: `left` of them. */
static void make_list(struct dv_chooser *c, uint32_t n, uint32_t left)
{
    c->n = left;
    if (left == n) {
        for (uint32_t i = 0; i < n; i++)
            c->ids[i] = i;
        return;
    }
    compact(c->ids, c->keys, n);
}

/* ---- 6 to 8: cuts. A token that a cut takes away has the weight 0 from then on. ---- */

/* The bucket in which the sum reaches the target, of which what lies before is taken off. */
static uint32_t reach(const struct dv_chooser *c, uint64_t *target)
{
    uint32_t b = 0;
    while (c->buckets[b] < *target)
        *target -= c->buckets[b++];
    return b;
}

/* The least key, and index of it in the list, such that the tokens of smaller keys and those of
 * this key up to the index reach `target`: by the key's three digits, the highest first. With
 * `each` tokens are counted, else weighed. */
static uint32_t find_cut(struct dv_chooser *c, bool each, uint64_t target, uint32_t *last)
{
    static const uint32_t shifts[] = { LOW_BITS, 10, 0 }, digits[] = { 2047, 2047, 1023 };
    uint32_t              key, m;
    memset(c->buckets, 0, sizeof c->buckets);
    for (uint32_t i = 0; i < c->n; i++)
        c->buckets[c->keys[i] >> shifts[0]] += each ? 1 : c->weights[i];
    key = reach(c, &target) << shifts[0];
    m   = find_members(c->members, c->keys, c->n, key >> shifts[0]);
    for (unsigned level = 1; level < 3; level++) {
        memset(c->buckets, 0, sizeof c->buckets);
        for (uint32_t i = 0; i < m; i++) {
            uint32_t of = c->members[i];
            if ((c->keys[of] ^ key) >> shifts[level - 1] == 0)
                c->buckets[c->keys[of] >> shifts[level] & digits[level]] +=
                    each ? 1 : c->weights[of];
        }
        key |= reach(c, &target) << shifts[level];
    }
    *last = 0;
    for (uint32_t i = 0; target > 0; i++) {
        *last = c->members[i];
        if (c->keys[*last] == key) {
            uint64_t weight = each ? 1 : c->weights[*last];
            target -= weight < target ? weight : target;
        }
    }
    return key;
}

static uint64_t cut(struct dv_chooser *c, bool each, uint64_t target)
{
    uint32_t last, key = find_cut(c, each, target, &last), n = last + 1;
    return keep_below(c->weights, c->keys, n, key + 1) +
           keep_below(c->weights + n, c->keys + n, c->n - n, key);
}

/* After top-k, which mostly leaves few. */
static void drop_weightless(struct dv_chooser *c)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < c->n; i++)
        if (c->weights[i] > 0) {
            c->ids[left]       = c->ids[i];
            c->keys[left]      = c->keys[i];
            c->weights[left++] = c->weights[i];
        }
    c->n = left;
}

static uint64_t apply_cuts(struct dv_chooser *c, const struct dv_choose_rule *rule, uint64_t sum)
{
    if (rule->top_k > 0 && rule->top_k < c->n) {
        sum = cut(c, true, rule->top_k);
        drop_weightless(c);
    }
    if (rule->top_p > 0) {
        uint64_t low    = (sum & UINT32_MAX) * rule->top_p;
        uint64_t target = (sum >> 32) * rule->top_p + (low >> 32) + ((uint32_t)low != 0);
        sum             = cut(c, false, target);
    }
    return rule->min_weight > 1 ? keep_heavy(c->weights, c->n, rule->min_weight) : sum;
}

/* ---- 9: the draw ---- */

/* Philox4x32-10 (Salmon and others, 2011). */
static uint64_t random_pair(uint64_t seed, uint64_t position)
{
    uint32_t x[4]   = { (uint32_t)position, (uint32_t)(position >> 32), 0, 0 };
    uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    for (unsigned round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)x[0] * 0xD2511F53u, b = (uint64_t)x[2] * 0xCD9E8D57u;
        x[0] = (uint32_t)(b >> 32) ^ x[1] ^ key[0];
        x[1] = (uint32_t)b;
        x[2] = (uint32_t)(a >> 32) ^ x[3] ^ key[1];
        x[3] = (uint32_t)a;
        key[0] += 0x9E3779B9u;
        key[1] += 0xBB67AE85u;
    }
    return (uint64_t)x[1] << 32 | x[0];
}

/* The two highest of the four words of a product. */
static uint64_t high_pair(uint64_t a, uint64_t b)
{
    uint64_t a0 = a & UINT32_MAX, a1 = a >> 32, b0 = b & UINT32_MAX, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    return a1 * b1 + (middle >> 32) + ((a0 * b1 + (middle & UINT32_MAX)) >> 32);
}

/* The index in the list whose interval holds the point. */
static uint32_t find(const struct dv_chooser *c, uint64_t point)
{
    uint32_t i = 0;
    for (; c->n - i > PIECE; i += PIECE) {
        uint64_t sum = sum_of(c->weights + i, PIECE);
        if (point < sum)
            break;
        point -= sum;
    }
    while (point >= c->weights[i])
        point -= c->weights[i++];
    return i;
}

bool dv_choose(struct dv_chooser *chooser, uint32_t *token, const float *logits, uint32_t n,
               const struct dv_choose_rule *rule, uint64_t position)
{
    uint32_t greatest, left;
    if (!find_greatest(&greatest, logits, n)) {
        *token = first_not_finite(logits);
        return false;
    }
    if (rule->extras) {
        *token = adjust((int32_t *)chooser->keys, logits, n, rule);
        if (*token == n || rule->factor == 0)
            return *token < n;
        left = make_adjusted_keys(chooser->keys, n, *token, rule);
    } else {
        left = make_keys(chooser->keys, logits, n, greatest, rule);
    }
    make_list(chooser, n, left);
    uint64_t sum = weigh(chooser->weights, chooser->keys, chooser->n);
    sum          = apply_cuts(chooser, rule, sum);
    *token       = chooser->ids[find(chooser, high_pair(random_pair(rule->seed, position), sum))];
    return true;
}

/* ---- log-probabilities ---- */

static uint64_t sum_at_one(struct dv_chooser *chooser, const float *logits, uint32_t n,
                           uint32_t greatest)
{
    struct dv_choose_rule rule;
    dv_choose_rule_make(&rule, 1, 0, 0, 0, 0);
    make_list(chooser, n, make_keys(chooser->keys, logits, n, greatest, &rule));
    return weigh(chooser->weights, chooser->keys, chooser->n);
}

uint64_t dv_choose_sum(struct dv_chooser *chooser, const float *logits, uint32_t n)
{
    uint32_t greatest;
    return find_greatest(&greatest, logits, n) ? sum_at_one(chooser, logits, n, greatest) : 0;
}

double dv_choose_log_sum(struct dv_chooser *chooser, const float *logits, uint32_t n)
{
    uint32_t greatest;
    float    most;
    if (!find_greatest(&greatest, logits, n))
        return (double)NAN;
    memcpy(&most, &greatest, sizeof most);
    return dv_choose_log_of(most, sum_at_one(chooser, logits, n, greatest));
}

double dv_choose_log_of(float greatest, uint64_t sum)
{
    return (double)greatest + log(ldexp((double)sum, -30));
}

void dv_choose_best(uint32_t *ids, uint32_t most, const float *logits, uint32_t n)
{
    uint32_t found = 0;
    for (uint32_t i = 0; most > 0 && i < n; i++) {
        if (found == most && !(logits[i] > logits[ids[found - 1]]))
            continue;
        uint32_t at = found < most ? found++ : most - 1;
        for (; at > 0 && logits[i] > logits[ids[at - 1]]; at--)
            ids[at] = ids[at - 1];
        ids[at] = i;
    }
}
