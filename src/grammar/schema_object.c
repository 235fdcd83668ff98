/* SPDX-License-Identifier: MIT */
/* Objects of a schema: members come in the order of `properties`, those that are not required
 * may be left out, and others come behind them where there may be others. */
#include <string.h>

#include "grammar/schema_parts.h"

struct member {
    char         *text; /* the name as JSON, with its marks */
    size_t        n;
    const char   *name;
    const json_t *schema; /* NULL: what other members have */
    bool          required;
};

struct members {
    struct member *list;
    uint32_t       n;
    const json_t  *others; /* NULL: there are none */
    const char   **names;  /* as JSON without marks, ended by 0 */
};

static bool is_required(const json_t *required, const char *name)
{
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *one = json_string_value(json_array_get(required, i));
        if (one && strcmp(one, name) == 0)
            return true;
    }
    return false;
}

static void add(struct dv_schema *s, struct members *m, const char *name, const json_t *schema,
                bool required)
{
    struct member *member = &m->list[m->n];
    json_t        *text   = json_string(name);
    if (!text)
        dv_grammar_fail(s->g, DSVK_NO_MEMORY, "schema: no memory for a name");
    else
        member->text = dv_schema_write(s, text, &member->n);
    json_decref(text);
    if (!member->text)
        return;
    if (strstr(member->text, "\\u"))
        dv_schema_unsupported(s, "names with control characters are not supported");
    member->name                = name;
    member->schema              = schema;
    member->required            = required;
    member->text[member->n - 1] = 0;
    m->names[m->n++]            = member->text + 1;
}

static void collect(struct dv_schema *s, struct members *m, const json_t *schema)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *required   = json_object_get(schema, "required");
    const char   *name;
    json_t       *value;
    json_object_foreach((json_t *)properties, name, value)
    {
        if (s->g->status != DSVK_OK)
            return;
        add(s, m, name, value, is_required(required, name));
    }
    for (size_t i = 0; i < json_array_size(required) && s->g->status == DSVK_OK; i++) {
        name = json_string_value(json_array_get(required, i));
        if (!name)
            dv_schema_malformed(s, "required has what is no name");
        else if (!json_object_get(properties, name)) {
            if (!m->others)
                dv_schema_malformed(s, "required names what is none of its properties");
            else
                add(s, m, name, NULL, true);
        }
    }
}

static uint32_t member_value(struct dv_schema *s, const struct members *m,
                             const struct member *member, uint32_t next)
{
    const char *key = member->schema ? member->name : "additionalProperties";
    return dv_schema_below(s, key, member->schema ? member->schema : m->others, next);
}

/* The states from the last member to the first: `at` with some members behind, `none` without. */
static uint32_t chain(struct dv_schema *s, const struct members *m, uint32_t next)
{
    struct dv_grammar   *g     = s->g;
    struct dv_json_row   row   = { '}', next };
    uint32_t             none  = dv_grammar_take(g, '}', '}', next);
    uint32_t             at    = dv_json_row_loop(&s->rules, &row);
    struct dv_json_names names = { m->names, m->n };
    if (m->others) {
        uint32_t rule  = dv_schema_rule(s, "additionalProperties", m->others);
        uint32_t other = dv_json_other_name(&s->rules, &names, dv_grammar_call(g, rule, at));
        if (other)
            dv_json_row_close(&s->rules, at, other);
        none = dv_grammar_fork(g, other, none);
    }
    for (uint32_t i = m->n; i-- > 0 && g->status == DSVK_OK;) {
        const struct member *member = &m->list[i];
        uint32_t             value  = member_value(s, m, member, at);
        uint32_t one  = value ? dv_json_name(&s->rules, m->names[i], member->n - 2, value) : value;
        uint32_t more = one ? dv_json_row_more(&s->rules, one) : DV_GRAMMAR_DEAD;
        at            = member->required ? more : dv_grammar_fork(g, more, at);
        none          = member->required ? one : dv_grammar_fork(g, one, none);
    }
    return none ? dv_grammar_take(g, '{', '{', dv_json_white(&s->rules, none)) : none;
}

static bool shapes_are_right(struct dv_schema *s, const json_t *schema)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *required   = json_object_get(schema, "required");
    if (properties && !json_is_object(properties))
        dv_schema_malformed(s, "properties is no object");
    else if (required && !json_is_array(required) && !json_is_boolean(required))
        dv_schema_malformed(s, "required is no list");
    return s->g->status == DSVK_OK;
}

uint32_t dv_schema_object(struct dv_schema *s, const json_t *schema, uint32_t next)
{
    const json_t  *properties = json_object_get(schema, "properties");
    const json_t  *others     = json_object_get(schema, "additionalProperties");
    struct members m          = { 0 };
    if (!shapes_are_right(s, schema))
        return DV_GRAMMAR_DEAD;
    size_t room =
        json_object_size(properties) + json_array_size(json_object_get(schema, "required")) + 1;
    if (others ? !json_is_false(others) : !properties)
        m.others = others ? others : json_true();
    m.list      = dv_zalloc_array(s->g->ctx, room, sizeof *m.list);
    m.names     = dv_zalloc_array(s->g->ctx, room, sizeof *m.names);
    uint32_t at = DV_GRAMMAR_DEAD;
    if (!m.list || !m.names)
        dv_grammar_fail(s->g, DSVK_NO_MEMORY, "schema: no memory for %zu members", room);
    else
        collect(s, &m, schema);
    if (s->g->status == DSVK_OK)
        at = chain(s, &m, next);
    for (uint32_t i = 0; m.list && i < room; i++)
        dv_free(s->g->ctx, m.list[i].text);
    dv_free(s->g->ctx, m.list);
    dv_free(s->g->ctx, m.names);
    return at;
}
