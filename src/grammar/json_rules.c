/* SPDX-License-Identifier: MIT */
/* Texts, numbers and values of JSON. */
#include "grammar/json_rules.h"

#include <string.h>

#define INDENT 24u /* most blanks behind a line end */
#define DIGITS 17u

uint32_t dv_json_digits(struct dv_grammar *g, uint32_t least, uint32_t most, uint32_t next)
{
    uint32_t at = next;
    for (uint32_t i = least; i < most; i++)
        at = dv_grammar_fork(g, next, dv_grammar_take(g, '0', '9', at));
    for (uint32_t i = 0; i < least; i++)
        at = dv_grammar_take(g, '0', '9', at);
    return at;
}

static uint32_t make_white(struct dv_grammar *g)
{
    uint32_t at = DV_GRAMMAR_RETURN;
    for (uint32_t i = 0; i < INDENT; i++)
        at = dv_grammar_fork(g, DV_GRAMMAR_RETURN, dv_grammar_take(g, ' ', ' ', at));
    return dv_grammar_fork(g, dv_grammar_take(g, ' ', ' ', DV_GRAMMAR_RETURN),
                           dv_grammar_take(g, '\n', '\n', at));
}

/* Behind a backslash. Halves of a pair of surrogates are left out: such signs are written as they
 * are. */
static uint32_t escape(struct dv_grammar *g, uint32_t next)
{
    static const char plain[] = "\"\\/bfnrt";
    uint32_t          hex[4]  = { 0 };
    hex[0]                    = next;
    for (int i = 1; i < 4; i++)
        hex[i] = dv_grammar_fork(g, dv_grammar_take(g, '0', '9', hex[i - 1]),
                                 dv_grammar_fork(g, dv_grammar_take(g, 'a', 'f', hex[i - 1]),
                                                 dv_grammar_take(g, 'A', 'F', hex[i - 1])));
    uint32_t low = dv_grammar_take(g, '0', '7', hex[2]); /* behind a D */
    uint32_t first =
        dv_grammar_fork(g, dv_grammar_take(g, 'd', 'd', low), dv_grammar_take(g, 'D', 'D', low));
    static const char ranges[][2] = {
        { '0', '9' }, { 'a', 'c' }, { 'e', 'f' }, { 'A', 'C' }, { 'E', 'F' }
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        first = dv_grammar_fork(
            g, dv_grammar_take(g, (uint8_t)ranges[i][0], (uint8_t)ranges[i][1], hex[3]), first);
    uint32_t at = dv_grammar_take(g, 'u', 'u', first);
    for (size_t i = 0; i < sizeof plain - 1; i++)
        at = dv_grammar_fork(g, dv_grammar_take(g, (uint8_t)plain[i], (uint8_t)plain[i], next), at);
    return at;
}

enum { PLAIN, ESCAPE, MARK, FIRST_LEAD };

/* Leading bytes of UTF-8, by RFC 3629: what may follow each, and how many more behind that. */
static const struct {
    uint8_t lo, hi, next_lo, next_hi, more;
} leads[] = {
    { 0xc2, 0xdf, 0x80, 0xbf, 0 }, { 0xe0, 0xe0, 0xa0, 0xbf, 1 }, { 0xe1, 0xec, 0x80, 0xbf, 1 },
    { 0xed, 0xed, 0x80, 0x9f, 1 }, { 0xee, 0xef, 0x80, 0xbf, 1 }, { 0xf0, 0xf0, 0x90, 0xbf, 2 },
    { 0xf1, 0xf3, 0x80, 0xbf, 2 }, { 0xf4, 0xf4, 0x80, 0x8f, 2 },
};
#define N_LEADS (sizeof leads / sizeof *leads)

static void map_signs(struct dv_grammar_map *map)
{
    memset(map->to, 255, sizeof map->to);
    memset(map->to + ' ', PLAIN, 0x80 - ' ');
    map->to['\\'] = ESCAPE;
    map->to['"']  = MARK;
    for (size_t i = 0; i < N_LEADS; i++)
        memset(map->to + leads[i].lo, (int)(FIRST_LEAD + i), leads[i].hi - leads[i].lo + 1u);
}

/* A sign of a text and then next; its end and then mark (DEAD: none here). */
static uint32_t sign(struct dv_grammar *g, uint32_t next, uint32_t mark)
{
    struct dv_grammar_map map;
    uint32_t              targets[FIRST_LEAD + N_LEADS];
    map_signs(&map);
    targets[PLAIN]  = next;
    targets[ESCAPE] = escape(g, next);
    targets[MARK]   = mark;
    for (size_t i = 0; i < N_LEADS; i++) {
        uint32_t at = next;
        for (uint8_t more = 0; more < leads[i].more; more++)
            at = dv_grammar_take(g, 0x80, 0xbf, at);
        targets[FIRST_LEAD + i] = dv_grammar_take(g, leads[i].next_lo, leads[i].next_hi, at);
    }
    return dv_grammar_by_map(g, &map, targets, FIRST_LEAD + N_LEADS);
}

static uint32_t make_number(struct dv_grammar *g)
{
    uint32_t digits = dv_json_digits(g, 1, 2, DV_GRAMMAR_RETURN);
    uint32_t signed_digits =
        dv_grammar_fork(g, digits,
                        dv_grammar_fork(g, dv_grammar_take(g, '+', '+', digits),
                                        dv_grammar_take(g, '-', '-', digits)));
    uint32_t power    = dv_grammar_fork(g, dv_grammar_take(g, 'e', 'e', signed_digits),
                                        dv_grammar_take(g, 'E', 'E', signed_digits));
    uint32_t end      = dv_grammar_fork(g, DV_GRAMMAR_RETURN, power);
    uint32_t fraction = dv_grammar_take(g, '.', '.', dv_json_digits(g, 1, DIGITS, end));
    uint32_t behind   = dv_grammar_fork(g, end, fraction);
    uint32_t whole =
        dv_grammar_fork(g, dv_grammar_take(g, '0', '0', behind),
                        dv_grammar_take(g, '1', '9', dv_json_digits(g, 0, DIGITS - 1, behind)));
    return dv_grammar_fork(g, whole, dv_grammar_take(g, '-', '-', whole));
}

uint32_t dv_json_white(const struct dv_json_rules *r, uint32_t next)
{
    if (next == DV_GRAMMAR_DEAD)
        return DV_GRAMMAR_DEAD;
    return dv_grammar_fork(r->g, next, dv_grammar_call(r->g, r->white, next));
}

uint32_t dv_json_text(const struct dv_json_rules *r, uint32_t least, uint32_t most, uint32_t next)
{
    if (least == 0 && most == UINT32_MAX)
        return dv_grammar_take(r->g, '"', '"', dv_grammar_call(r->g, r->signs, next));
    uint32_t end = most == UINT32_MAX ? dv_grammar_call(r->g, r->signs, next)
                                      : dv_grammar_take(r->g, '"', '"', next);
    return dv_grammar_take(
        r->g, '"', '"',
        dv_grammar_repeat(r->g, r->sign, least, most == UINT32_MAX ? least : most, end));
}

/* ---- rows ---- */

uint32_t dv_json_row_end(const struct dv_json_rules *r, const struct dv_json_row *row)
{
    return dv_json_white(
        r, dv_grammar_take(r->g, (uint8_t)row->close, (uint8_t)row->close, row->next));
}

uint32_t dv_json_row_more(const struct dv_json_rules *r, uint32_t element)
{
    return dv_grammar_take(r->g, ',', ',', dv_json_white(r, element));
}

uint32_t dv_json_row_loop(const struct dv_json_rules *r, const struct dv_json_row *row)
{
    return dv_grammar_loop(r->g, dv_json_row_end(r, row));
}

void dv_json_row_close(const struct dv_json_rules *r, uint32_t loop, uint32_t element)
{
    dv_grammar_close(r->g, loop, dv_json_row_more(r, element));
}

/* An empty row, or one of elements that are `element` and go on at `loop`. */
static uint32_t any_row(const struct dv_json_rules *r, uint32_t loop, uint32_t element, char close)
{
    dv_json_row_close(r, loop, element);
    return dv_json_white(r, dv_grammar_fork(r->g, element,
                                            dv_grammar_take(r->g, (uint8_t)close, (uint8_t)close,
                                                            DV_GRAMMAR_RETURN)));
}

static void make_value(struct dv_json_rules *r)
{
    struct dv_grammar *g    = r->g;
    r->value                = dv_grammar_loop(g, DV_GRAMMAR_DEAD);
    struct dv_json_row list = { ']', DV_GRAMMAR_RETURN }, object = { '}', DV_GRAMMAR_RETURN };
    uint32_t           loop     = dv_json_row_loop(r, &list);
    uint32_t           at       = any_row(r, loop, dv_grammar_call(g, r->value, loop), ']');
    at                          = dv_grammar_take(g, '[', '[', at);
    loop                        = dv_json_row_loop(r, &object);
    struct dv_json_names none   = { 0 };
    uint32_t             member = dv_json_other_name(r, &none, dv_grammar_call(g, r->value, loop));
    at = dv_grammar_fork(g, dv_grammar_take(g, '{', '{', any_row(r, loop, member, '}')), at);
    at = dv_grammar_fork(g, dv_grammar_call(g, r->number, DV_GRAMMAR_RETURN), at);
    at = dv_grammar_fork(g, dv_json_text(r, 0, UINT32_MAX, DV_GRAMMAR_RETURN), at);
    at = dv_grammar_fork(g, dv_grammar_literal(g, "true", 4, DV_GRAMMAR_RETURN), at);
    at = dv_grammar_fork(g, dv_grammar_literal(g, "false", 5, DV_GRAMMAR_RETURN), at);
    at = dv_grammar_fork(g, dv_grammar_literal(g, "null", 4, DV_GRAMMAR_RETURN), at);
    dv_grammar_close(g, r->value, at);
}

void dv_json_rules_make(struct dv_json_rules *r, struct dv_grammar *g)
{
    *r       = (struct dv_json_rules){ .g = g };
    r->white = make_white(g);
    r->sign  = sign(g, DV_GRAMMAR_RETURN, DV_GRAMMAR_DEAD);
    r->signs = dv_grammar_loop(g, DV_GRAMMAR_DEAD);
    dv_grammar_close(g, r->signs, sign(g, r->signs, DV_GRAMMAR_RETURN));
    r->number = make_number(g);
    make_value(r);
}
