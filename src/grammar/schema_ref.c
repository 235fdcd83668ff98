/* SPDX-License-Identifier: MIT */
/* References within a schema: what is named is a rule, made once. */
#include "grammar/schema_parts.h"

#include <stdlib.h>
#include <string.h>

/* The next step of a pointer (RFC 6901), of *at; false at its end, or when it is too long. */
static bool next_step(char *step, size_t room, const char **at)
{
    size_t n = 0;
    if (**at != '/')
        return false;
    for (++*at; **at && **at != '/' && n + 1 < room; ++*at)
        if (**at == '~' && ((*at)[1] == '0' || (*at)[1] == '1'))
            step[n++] = *++*at == '0' ? '~' : '/';
        else
            step[n++] = **at;
    step[n] = 0;
    return **at == 0 || **at == '/';
}

static const json_t *resolve(const struct dv_schema *s, const char *pointer)
{
    char          step[256];
    const json_t *at = s->root;
    if (*pointer++ != '#')
        return NULL;
    while (at && next_step(step, sizeof step, &pointer)) {
        char *end;
        if (json_is_array(at))
            at = json_array_get(at, strtoul(step, &end, 10));
        else
            at = json_object_get(at, step);
    }
    return *pointer == 0 ? at : NULL;
}

uint32_t dv_schema_reference(struct dv_schema *s, const json_t *ref, uint32_t next)
{
    const json_t *schema = json_is_string(ref) ? resolve(s, json_string_value(ref)) : NULL;
    if (!schema) {
        dv_schema_malformed(s, "$ref names nothing within the schema");
        return DV_GRAMMAR_DEAD;
    }
    for (uint32_t i = 0; i < s->n_refs; i++)
        if (s->refs[i].schema == schema)
            return dv_grammar_call(s->g, s->refs[i].rule, next);
    if (s->n_refs == DV_SCHEMA_MOST_REFS) {
        dv_schema_unsupported(s, "there are more than 512 places that references name");
        return DV_GRAMMAR_DEAD;
    }
    uint32_t rule        = dv_grammar_loop(s->g, DV_GRAMMAR_DEAD);
    s->refs[s->n_refs++] = (struct dv_schema_ref){ schema, rule };
    uint32_t body        = dv_schema_below(s, "$ref", schema, DV_GRAMMAR_RETURN);
    dv_grammar_close(s->g, rule, body);
    return dv_grammar_call(s->g, rule, next);
}
