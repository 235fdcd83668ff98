/* SPDX-License-Identifier: MIT */
/* Names of members: a given one, or any but those that are given. */
#include <string.h>

#include "grammar/json_rules.h"

/* What a member's name is followed by. */
static uint32_t behind_name(const struct dv_json_rules *r, uint32_t value)
{
    return dv_grammar_take(r->g, ':', ':', dv_json_white(r, value));
}

uint32_t dv_json_name(const struct dv_json_rules *r, const char *name, size_t bytes, uint32_t value)
{
    uint32_t at = dv_grammar_take(r->g, '"', '"', behind_name(r, value));
    return dv_grammar_take(r->g, '"', '"', dv_grammar_literal(r->g, name, bytes, at));
}

/* The names that begin with the same `depth` bytes, which have been taken. */
struct same {
    const char *const *names;
    size_t             n, depth;
    bool               inside; /* a sign that has begun: only what the names have may follow */
};

struct other {
    const struct dv_json_rules *rules;
    uint32_t                    any; /* the rest of a name that is none of them */
    uint32_t                    end; /* behind a name */
};

static uint32_t other_than(const struct other *o, const struct same *same);

/* Those of `same` that go on with `byte`, moved to the front of a row. */
static size_t gather(const char **found, const struct same *same, uint8_t byte)
{
    size_t n = 0;
    for (size_t i = 0; i < same->n; i++)
        if ((uint8_t)same->names[i][same->depth] == byte)
            found[n++] = same->names[i];
    return n;
}

static uint32_t follow(const struct other *o, const struct same *same, uint8_t byte)
{
    struct dv_grammar *g     = o->rules->g;
    const char       **found = dv_zalloc_array(g->ctx, same->n, sizeof *found);
    if (!found) {
        dv_grammar_fail(g, DSVK_NO_MEMORY, "grammar: no memory for %zu names", same->n);
        return DV_GRAMMAR_DEAD;
    }
    struct same rest = { found, gather(found, same, byte), same->depth + 1, false };
    rest.inside      = byte == '\\' ? !same->inside : byte >= 0x80;
    /* The last byte of a sign ends it; where it is, the next byte of any name tells. */
    if (rest.inside && byte >= 0x80 && ((uint8_t)found[0][rest.depth] & 0xc0) != 0x80)
        rest.inside = false;
    uint32_t at = other_than(o, &rest);
    dv_free(g->ctx, found);
    return at;
}

/* A byte that no name has here: the rest of the name is free. Escapes and, where a name has a sign
 * of the same leading byte, such signs are left out: one can do without. */
static uint32_t others_here(const struct other *o, const uint8_t used[256])
{
    struct dv_grammar *g  = o->rules->g;
    uint32_t           at = DV_GRAMMAR_DEAD, first = ' ';
    for (uint32_t byte = ' '; byte <= 0x80; byte++) {
        if (byte < 0x80 && !used[byte] && byte != '"' && byte != '\\')
            continue;
        if (first < byte)
            at = dv_grammar_fork(g, dv_grammar_take(g, (uint8_t)first, (uint8_t)(byte - 1), o->any),
                                 at);
        first = byte + 1;
    }
    for (uint32_t byte = 0xc2; byte <= 0xdf; byte++)
        if (!used[byte])
            at = dv_grammar_fork(g,
                                 dv_grammar_take(g, (uint8_t)byte, (uint8_t)byte,
                                                 dv_grammar_take(g, 0x80, 0xbf, o->any)),
                                 at);
    for (uint32_t byte = 0xe1; byte <= 0xec; byte++)
        if (!used[byte])
            at = dv_grammar_fork(
                g,
                dv_grammar_take(
                    g, (uint8_t)byte, (uint8_t)byte,
                    dv_grammar_take(g, 0x80, 0xbf, dv_grammar_take(g, 0x80, 0xbf, o->any))),
                at);
    return at;
}

static uint32_t other_than(const struct other *o, const struct same *same)
{
    struct dv_grammar *g         = o->rules->g;
    uint8_t            used[256] = { 0 };
    uint32_t           at        = DV_GRAMMAR_DEAD;
    bool               ends      = false;
    for (size_t i = 0; i < same->n; i++) {
        uint8_t byte = (uint8_t)same->names[i][same->depth];
        ends         = ends || byte == 0;
        if (byte == 0 || used[byte] || g->status != DSVK_OK)
            continue;
        used[byte] = 1;
        at         = dv_grammar_fork(g, dv_grammar_take(g, byte, byte, follow(o, same, byte)), at);
    }
    if (same->inside)
        return at;
    if (!ends)
        at = dv_grammar_fork(g, dv_grammar_take(g, '"', '"', o->end), at);
    return dv_grammar_fork(g, others_here(o, used), at);
}

uint32_t dv_json_other_name(const struct dv_json_rules *r, const struct dv_json_names *names,
                            uint32_t value)
{
    uint32_t    end  = behind_name(r, value);
    uint32_t    any  = dv_grammar_call(r->g, r->signs, end);
    struct same same = { names->names, names->n, 0, false };
    if (names->n == 0)
        return dv_grammar_take(r->g, '"', '"', any);
    struct other o = { r, any, end };
    return dv_grammar_take(r->g, '"', '"', other_than(&o, &same));
}
