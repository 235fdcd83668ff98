/* SPDX-License-Identifier: MIT */
/* The steps of choose.h by their numbers there. Tokens that are not out are kept as a list by id;
 * nothing is sorted. */
#include "tensor/choose.h"

#include <string.h>

#define OUT (UINT32_C(31) << 27) /* keys from here on */
#define BUCKETS 2048

/* 2^(-v/64) = 1 - v (A1 - v (A2 - v A3)) for v from 0 to 1: 0.32. */
#define A1 46516320u
#define A2 251894u
#define A3 906u

static const uint32_t powers[64] = {
    4294967295u, 4248701965u, 4202935003u, 4157661043u, 4112874773u, 4068570940u, 4024744348u,
    3981389855u, 3938502376u, 3896076880u, 3854108391u, 3812591987u, 3771522796u, 3730896002u,
    3690706840u, 3650950594u, 3611622603u, 3572718252u, 3534232978u, 3496162267u, 3458501653u,
    3421246719u, 3384393094u, 3347936457u, 3311872529u, 3276197082u, 3240905930u, 3205994934u,
    3171459999u, 3137297074u, 3103502151u, 3070071267u, 3037000500u, 3004285971u, 2971923842u,
    2939910317u, 2908241642u, 2876914102u, 2845924021u, 2815267765u, 2784941738u, 2754942382u,
    2725266179u, 2695909648u, 2666869345u, 2638141863u, 2609723834u, 2581611923u, 2553802834u,
    2526293303u, 2499080105u, 2472160047u, 2445529972u, 2419186755u, 2393127307u, 2367348571u,
    2341847524u, 2316621173u, 2291666561u, 2266980759u, 2242560872u, 2218404036u, 2194507417u,
    2170868212u,
};

/* Loops that wider vectors make twice as fast are compiled for them too, and chosen as the program
 * starts; the results are the same. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FAST __attribute__((target_clones("avx2", "default")))
#else
#define FAST
#endif

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
        c->ctx  = ctx;
        c->ids  = dv_zalloc_array(ctx, most, 4 * sizeof *c->ids);
        c->keys = c->ids + most;
    }
    if (!c || !c->ids) {
        dv_chooser_free(c);
        return dv_fail(ctx, DSVK_NO_MEMORY, "sample: no memory to choose among %u tokens", most);
    }
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

static uint32_t first_not_finite(const float *logits)
{
    uint32_t i = 0;
    while ((bits_of(&logits[i]) & 0x7F800000u) != 0x7F800000u)
        i++;
    return i;
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

/* Of all tokens; UINT32_MAX: out. */
FAST static void make_keys(uint32_t *restrict keys, const float *restrict logits, uint32_t n,
                           uint32_t greatest, const struct dv_choose_rule *rule)
{
    int32_t  own = (int32_t)biased_exponent(greatest) - 127;
    int32_t  r   = (own > rule->reach ? own : rule->reach) + 2;
    int32_t  s   = 4 - r - rule->exponent;
    uint32_t factor = s < 0 ? UINT32_MAX : rule->factor;
    uint32_t m = fixed(greatest, r + 126), shift = s < 0 ? 0 : (uint32_t)s;
    uint64_t out = (uint64_t)OUT << shift;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t d   = m - fixed(bits_of(&logits[i]), r + 126);
        uint64_t key = (uint64_t)d * factor;
        keys[i]      = key < out ? (uint32_t)(key >> shift) : UINT32_MAX;
    }
}

static void make_list(struct dv_chooser *c, uint32_t n)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t key  = c->keys[i];
        c->ids[left]  = i;
        c->keys[left] = key;
        left += key < OUT;
    }
    c->n = left;
}

/* ---- 5: weights ---- */

static uint32_t high(uint32_t a, uint32_t b)
{
    return (uint32_t)((uint64_t)a * b >> 32);
}

static uint32_t weight_of(uint32_t key)
{
    uint32_t q = key >> 27, v = key << 11;
    uint32_t h = high(v, A1 - high(v, A2 - high(v, A3)));
    uint32_t p = powers[key >> 21 & 63];
    return (((p - high(p, h)) >> (q + 1)) + 1) >> 1;
}

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
    static const uint32_t shifts[] = { 21, 10, 0 }, digits[] = { 2047, 2047, 1023 };
    uint32_t              key = 0, m = 0;
    memset(c->buckets, 0, sizeof c->buckets);
    for (uint32_t i = 0; i < c->n; i++)
        c->buckets[c->keys[i] >> shifts[0]] += each ? 1 : c->weights[i];
    key = reach(c, &target) << shifts[0];
    for (uint32_t i = 0; i < c->n; i++) {
        c->members[m] = i;
        m += (c->keys[i] ^ key) >> shifts[0] == 0;
    }
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

/* Keeps keys below `end`; the sum of what stays. */
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

static uint64_t cut(struct dv_chooser *c, bool each, uint64_t target)
{
    uint32_t last, key = find_cut(c, each, target, &last), n = last + 1;
    return keep_below(c->weights, c->keys, n, key + 1) +
           keep_below(c->weights + n, c->keys + n, c->n - n, key);
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
        sum = cut(c, false, target);
    }
    return rule->min_weight > 1 ? keep_heavy(c->weights, c->n, rule->min_weight) : sum;
}

/* ---- 9: the draw ---- */

/* Philox4x32-10 (Salmon and others, 2011). */
static uint64_t random_pair(uint64_t seed, uint64_t position)
{
    uint32_t x[4] = { (uint32_t)position, (uint32_t)(position >> 32), 0, 0 };
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

bool dv_choose(struct dv_chooser *chooser, uint32_t *token, const float *logits, uint32_t n,
               const struct dv_choose_rule *rule, uint64_t position)
{
    uint32_t greatest, i = 0;
    if (!find_greatest(&greatest, logits, n)) {
        *token = first_not_finite(logits);
        return false;
    }
    make_keys(chooser->keys, logits, n, greatest, rule);
    make_list(chooser, n);
    uint64_t sum   = weigh(chooser->weights, chooser->keys, chooser->n);
    sum            = apply_cuts(chooser, rule, sum);
    uint64_t point = high_pair(random_pair(rule->seed, position), sum);
    while (point >= chooser->weights[i])
        point -= chooser->weights[i++];
    *token = chooser->ids[i];
    return true;
}
