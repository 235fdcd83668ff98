/* SPDX-License-Identifier: MIT */
/* Lists, numbers and given values of a schema. */
#include "grammar/schema_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- given values ---- */

struct written {
    struct dv_grammar *g;
    char              *text;
    size_t             n, room;
};

static int append(const char *bytes, size_t n, void *data)
{
    struct written *w = data;
    if (w->n + n + 1 > w->room) {
        size_t room  = (w->n + n + 1) * 2;
        char  *grown = dv_realloc(w->g->ctx, w->text, room);
        if (!grown)
            return -1;
        w->text = grown;
        w->room = room;
    }
    memcpy(w->text + w->n, bytes, n);
    w->n += n;
    w->text[w->n] = 0;
    return 0;
}

char *dv_schema_write(struct dv_schema *s, const json_t *value, size_t *n)
{
    struct written w = { .g = s->g };
    if (json_dump_callback(value, append, &w, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) != 0) {
        dv_grammar_fail(s->g, DSVK_NO_MEMORY, "schema: no memory to write a value");
        dv_free(s->g->ctx, w.text);
        return NULL;
    }
    *n = w.n;
    return w.text;
}

uint32_t dv_schema_constant(struct dv_schema *s, const json_t *value, uint32_t next)
{
    size_t   n;
    uint32_t at   = DV_GRAMMAR_DEAD;
    char    *text = dv_schema_write(s, value, &n);
    if (text)
        at = dv_grammar_literal(s->g, text, n, next);
    dv_free(s->g->ctx, text);
    return at;
}

/* ---- numbers ---- */

/* A bound below `key`, or as draft 4 wrote it, a flag beside it. False after a failure. */
static bool bound(struct dv_schema *s, const json_t *schema, const char *key, int64_t *value)
{
    const json_t *given = json_object_get(schema, key);
    double        x     = json_number_value(given);
    if (!given || json_is_boolean(given))
        return false;
    if (!json_is_number(given))
        dv_schema_malformed(s, "a bound is no number");
    else if (x != floor(x) || fabs(x) > (double)DV_JSON_MOST)
        dv_schema_unsupported(s, "bounds of numbers must be whole and below 1e15");
    else
        *value = (int64_t)x;
    return s->g->status == DSVK_OK;
}

static void tighter(struct dv_schema *s, const json_t *schema, bool least, struct dv_json_range *r)
{
    const char *plain = least ? "minimum" : "maximum";
    const char *out   = least ? "exclusiveMinimum" : "exclusiveMaximum";
    int64_t    *value = least ? &r->least : &r->most, at = 0;
    bool       *is = least ? &r->least_out : &r->most_out;
    if (bound(s, schema, plain, &at)) {
        *value = at;
        *is    = json_is_true(json_object_get(schema, out));
    }
    if (bound(s, schema, out, &at) && (least ? at >= *value : at <= *value)) {
        *value = at;
        *is    = true;
    }
}

uint32_t dv_schema_number(struct dv_schema *s, const json_t *schema, bool integer, uint32_t next)
{
    struct dv_json_range range = { -DV_JSON_MOST, DV_JSON_MOST, false, false };
    bool bounded = json_object_get(schema, "minimum") || json_object_get(schema, "maximum") ||
                   json_object_get(schema, "exclusiveMinimum") ||
                   json_object_get(schema, "exclusiveMaximum");
    if (!bounded && !integer)
        return dv_grammar_call(s->g, s->rules.number, next);
    tighter(s, schema, true, &range);
    tighter(s, schema, false, &range);
    int64_t room = range.most - range.least - (integer ? range.least_out + range.most_out : 0);
    if (room < 0 || (room == 0 && !integer && (range.least_out || range.most_out)))
        dv_schema_malformed(s, "no number lies between its bounds");
    if (s->g->status != DSVK_OK)
        return DV_GRAMMAR_DEAD;
    return integer ? dv_json_integer(s->g, range, next) : dv_json_real(s->g, range, next);
}

/* ---- lists ---- */

/* How many elements a list has, and what they are. */
struct items {
    const json_t *first; /* of those with schemas of their own */
    uint32_t      n, least, most;
    uint32_t      rule; /* of the others; DEAD: there are none */
};

static struct items read_items(struct dv_schema *s, const json_t *schema, const json_t *first)
{
    const json_t *items = json_object_get(schema, "items");
    struct items  l     = { .first = first, .n = (uint32_t)json_array_size(first) };
    bool          more  = !json_is_false(items);
    l.least             = dv_schema_count(s, schema, "minItems", 0);
    l.most              = dv_schema_count(s, schema, "maxItems", more ? UINT32_MAX : l.n);
    if (!more && l.most > l.n)
        l.most = l.n;
    if (l.least > l.most)
        dv_schema_malformed(s, "minItems is above maxItems, or above the items that there can be");
    if (more)
        l.rule = dv_schema_rule(s, "items", json_is_array(items) ? NULL : items);
    return l;
}

/* The state behind `last` elements, where all that follow are equal. */
static uint32_t last_state(struct dv_schema *s, const struct items *l,
                           const struct dv_json_row *row)
{
    if (l->most != UINT32_MAX)
        return dv_json_row_end(&s->rules, row);
    uint32_t at = dv_json_row_loop(&s->rules, row);
    dv_json_row_close(&s->rules, at, dv_grammar_call(s->g, l->rule, at));
    return at;
}

/* The states behind fewer elements, from the last to the first; answers the first element. */
static uint32_t counted_items(struct dv_schema *s, const struct items *l,
                              const struct dv_json_row *row)
{
    uint32_t many = l->n > l->least ? l->n : l->least;
    uint32_t last = l->most != UINT32_MAX ? l->most : many;
    uint32_t at   = last_state(s, l, row);
    uint32_t element =
        last == 0 && l->most != 0 ? dv_grammar_call(s->g, l->rule, at) : DV_GRAMMAR_DEAD;
    for (uint32_t i = last; i-- > 0 && s->g->status == DSVK_OK;) {
        char place[32];
        snprintf(place, sizeof place, "prefixItems/%u", i);
        element = i < l->n ? dv_schema_below(s, place, json_array_get(l->first, i), at)
                           : dv_grammar_call(s->g, l->rule, at);
        if (i == 0)
            break;
        at = element ? dv_json_row_more(&s->rules, element) : DV_GRAMMAR_DEAD;
        if (i >= l->least)
            at = dv_grammar_fork(s->g, dv_json_row_end(&s->rules, row), at);
    }
    return element;
}

static uint32_t list(struct dv_schema *s, const struct items *l, uint32_t next)
{
    const struct dv_json_row row     = { ']', next };
    uint32_t                 element = counted_items(s, l, &row);
    if (l->least == 0)
        element = dv_grammar_fork(s->g, element, dv_grammar_take(s->g, ']', ']', next));
    return element ? dv_grammar_take(s->g, '[', '[', dv_json_white(&s->rules, element)) : element;
}

uint32_t dv_schema_list(struct dv_schema *s, const json_t *schema, uint32_t next)
{
    const json_t *first = json_object_get(schema, "prefixItems");
    const json_t *items = json_object_get(schema, "items");
    if (json_is_array(items)) /* as prefixItems was before 2020 */
        first = items;
    if (first && !json_is_array(first))
        dv_schema_malformed(s, "prefixItems is no list");
    if (json_array_size(first) > DV_SCHEMA_MOST_ITEMS)
        dv_schema_unsupported(s, "prefixItems has more than 4096 schemas");
    if (json_object_get(schema, "additionalItems"))
        dv_schema_unsupported(s, "additionalItems is not supported");
    if (s->g->status != DSVK_OK)
        return DV_GRAMMAR_DEAD;
    struct items items_of = read_items(s, schema, first);
    return list(s, &items_of, next);
}
