/* SPDX-License-Identifier: MIT */
/* Numbers between two others, digit by digit. */
#include <stdio.h>
#include <string.h>

#include "grammar/json_rules.h"

#define FRACTION 15u /* most digits behind the point */

/* Numbers of as many digits as both ends have; a digit is tight where those before it are the
 * end's. */
struct digits {
    char     least[24], most[24];
    size_t   n;
    uint32_t next;        /* inside, */
    uint32_t first, last; /* and at the ends; of those that are equal `first` */
};

static uint32_t from_digit(struct dv_grammar *g, const struct digits *d, size_t at, bool low,
                           bool high)
{
    if (at == d->n)
        return low ? d->first : high ? d->last : d->next;
    if (!low && !high)
        return dv_json_digits(g, (uint32_t)(d->n - at), (uint32_t)(d->n - at), d->next);
    uint8_t least = low ? (uint8_t)d->least[at] : '0', most = high ? (uint8_t)d->most[at] : '9';
    if (least == most)
        return dv_grammar_take(g, least, least, from_digit(g, d, at + 1, low, high));
    uint32_t node  = DV_GRAMMAR_DEAD;
    uint8_t  inner = (uint8_t)(least + low), outer = (uint8_t)(most - high);
    if (low)
        node = dv_grammar_take(g, least, least, from_digit(g, d, at + 1, true, false));
    if (high)
        node = dv_grammar_fork(
            g, dv_grammar_take(g, most, most, from_digit(g, d, at + 1, false, true)), node);
    if (inner <= outer)
        node = dv_grammar_fork(
            g, dv_grammar_take(g, inner, outer, from_digit(g, d, at + 1, false, false)), node);
    return node;
}

/* What follows the whole part of a number without sign. */
struct behind {
    uint32_t inside, least, most, both; /* both: the ends are equal */
};

static uint32_t whole(struct dv_grammar *g, int64_t least, int64_t most, const struct behind *next)
{
    uint32_t node  = DV_GRAMMAR_DEAD;
    int64_t  first = 0, end = 9;
    for (; first <= most; first = end + 1, end = end * 10 + 9) {
        if (end < least)
            continue;
        struct digits d = { .next = next->inside };
        int64_t       a = first > least ? first : least, b = end < most ? end : most;
        d.n = (size_t)snprintf(d.least, sizeof d.least, "%lld", (long long)a);
        snprintf(d.most, sizeof d.most, "%lld", (long long)b);
        d.first = a != least ? next->inside : a == most ? next->both : next->least;
        d.last  = b != most ? next->inside : next->most;
        if (a == b && a != least)
            d.first = d.last;
        node = dv_grammar_fork(g, from_digit(g, &d, 0, true, true), node);
    }
    return node;
}

/* Both signs; `part` makes what has none. */
static uint32_t with_sign(struct dv_grammar *g, struct dv_json_range range, uint32_t next,
                          uint32_t (*part)(struct dv_grammar *, struct dv_json_range, uint32_t))
{
    uint32_t             node  = DV_GRAMMAR_DEAD;
    struct dv_json_range above = range,
                         below = { -range.most, -range.least, range.most_out, range.least_out };
    if (above.least < 0) {
        above.least     = 0;
        above.least_out = false;
    }
    if (below.least < 0 || (below.least == 0 && !below.least_out)) {
        below.least     = 0; /* there is no need for -0 */
        below.least_out = true;
    }
    if (range.most >= 0)
        node = part(g, above, next);
    if (range.least < 0)
        node = dv_grammar_fork(g, dv_grammar_take(g, '-', '-', part(g, below, next)), node);
    return node;
}

static uint32_t whole_part(struct dv_grammar *g, struct dv_json_range range, uint32_t next)
{
    struct behind behind = { next, next, next, next };
    return whole(g, range.least + range.least_out, range.most - range.most_out, &behind);
}

uint32_t dv_json_integer(struct dv_grammar *g, struct dv_json_range range, uint32_t next)
{
    return with_sign(g, range, next, whole_part);
}

static uint32_t any_fraction(struct dv_grammar *g, uint32_t next)
{
    return dv_grammar_fork(g, next,
                           dv_grammar_take(g, '.', '.', dv_json_digits(g, 1, FRACTION, next)));
}

static uint32_t no_fraction(struct dv_grammar *g, uint32_t next)
{
    return dv_grammar_fork(g, next,
                           dv_grammar_take(g, '.', '.', dv_grammar_take(g, '0', '0', next)));
}

/* One that is not 0. */
static uint32_t some_fraction(struct dv_grammar *g, uint32_t next)
{
    uint32_t rest = next, at = DV_GRAMMAR_DEAD;
    for (uint32_t i = 0; i < FRACTION; i++) {
        at   = dv_grammar_fork(g, dv_grammar_take(g, '1', '9', rest),
                             at ? dv_grammar_take(g, '0', '0', at) : DV_GRAMMAR_DEAD);
        rest = dv_grammar_fork(g, next, dv_grammar_take(g, '0', '9', rest));
    }
    return dv_grammar_take(g, '.', '.', at);
}

static uint32_t real_part(struct dv_grammar *g, struct dv_json_range range, uint32_t next)
{
    uint32_t      any    = any_fraction(g, next);
    struct behind behind = { any, range.least_out ? some_fraction(g, next) : any, any, any };
    behind.both          = behind.least;
    if (range.most_out) /* up to there with any fraction */
        range.most--;
    else
        behind.most = no_fraction(g, next);
    if (range.least == range.most && !range.most_out)
        behind.both = range.least_out ? DV_GRAMMAR_DEAD : behind.most;
    return whole(g, range.least, range.most, &behind);
}

uint32_t dv_json_real(struct dv_grammar *g, struct dv_json_range range, uint32_t next)
{
    return with_sign(g, range, next, real_part);
}
