/* SPDX-License-Identifier: MIT */
/* A schema becomes nodes: what says of which kind a value is, and where else that is said. */
#include "grammar/schema.h"

#include <stdio.h>
#include <string.h>

#include "grammar/schema_parts.h"
#include "json/json.h"

#define MOST_DEPTH 64u

void dv_schema_unsupported(struct dv_schema *s, const char *what)
{
    dv_grammar_fail(s->g, DSVK_UNSUPPORTED, "schema: %s: %s", *s->path ? s->path : "/", what);
}

void dv_schema_malformed(struct dv_schema *s, const char *what)
{
    dv_grammar_fail(s->g, DSVK_BAD_ARGUMENT, "schema: %s: %s", *s->path ? s->path : "/", what);
}

/* ---- keywords ---- */

/* What says nothing of which texts are valid, or may be left aside for writing one. */
static bool is_note(const char *key)
{
    static const char *const notes[] = {
        "title",           "description",
        "default",         "examples",
        "deprecated",      "$comment",
        "$schema",         "$id",
        "$defs",           "definitions",
        "$anchor",         "readOnly",
        "writeOnly",       "contentMediaType",
        "contentEncoding", "format",
        "example",         "name",
        "strict",          "contentSchema",
        "$vocabulary",     "x-order",
    };
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if (strcmp(key, notes[i]) == 0)
            return true;
    return false;
}

static bool is_refused(const char *key, const json_t *value)
{
    static const char *const refused[] = {
        "not",           "if",
        "then",          "else",
        "pattern",       "patternProperties",
        "propertyNames", "minProperties",
        "maxProperties", "dependentRequired",
        "dependencies",  "dependentSchemas",
        "contains",      "minContains",
        "maxContains",   "unevaluatedProperties",
        "multipleOf",    "unevaluatedItems",
        "$dynamicRef",   "$recursiveRef",
    };
    if (strcmp(key, "uniqueItems") == 0)
        return !json_is_false(value);
    if (strcmp(key, "multipleOf") == 0 && json_is_integer(value) && json_integer_value(value) == 1)
        return false;
    if (strncmp(key, "unevaluated", 11) == 0 && json_is_false(value))
        return false; /* nothing is written that no keyword speaks of */
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(key, refused[i]) == 0)
            return true;
    return false;
}

static void check_keywords(struct dv_schema *s, const json_t *schema)
{
    const char *key;
    json_t     *value;
    char        text[96];
    json_object_foreach((json_t *)schema, key, value)
    {
        if (!is_refused(key, value))
            continue;
        snprintf(text, sizeof text, "%.40s is not supported", key);
        dv_schema_unsupported(s, text);
        return;
    }
}

/* Of a keyword that is followed to another schema. */
static void check_alone(struct dv_schema *s, const json_t *schema, const char *alone)
{
    const char *key;
    json_t     *value;
    char        text[128];
    json_object_foreach((json_t *)schema, key, value)
    {
        if (strcmp(key, alone) == 0 || is_note(key))
            continue;
        snprintf(text, sizeof text, "%.40s beside %s is not supported", key, alone);
        dv_schema_unsupported(s, text);
        return;
    }
}

uint32_t dv_schema_count(struct dv_schema *s, const json_t *schema, const char *key,
                         uint32_t otherwise)
{
    char          text[128];
    const json_t *value = json_object_get(schema, key);
    if (!value)
        return otherwise;
    double count = json_number_value(value);
    if (!json_is_number(value) || count < 0 || count != (double)(int64_t)count) {
        snprintf(text, sizeof text, "%.40s is no count", key);
        dv_schema_malformed(s, text);
    } else if (count > DV_SCHEMA_MOST_ITEMS) {
        snprintf(text, sizeof text, "%.40s is %.0f; counts go to %u", key, count,
                 DV_SCHEMA_MOST_ITEMS);
        dv_schema_unsupported(s, text);
    } else {
        return (uint32_t)count;
    }
    return otherwise;
}

uint32_t dv_schema_rule(struct dv_schema *s, const char *key, const json_t *schema)
{
    if (!schema || json_is_true(schema))
        return s->rules.value;
    return dv_schema_below(s, key, schema, DV_GRAMMAR_RETURN);
}

/* ---- kinds ---- */

static uint32_t one_of(struct dv_schema *s, const char *key, const json_t *list, uint32_t next)
{
    uint32_t at = DV_GRAMMAR_DEAD;
    char     place[32];
    if (!json_is_array(list) || json_array_size(list) == 0)
        dv_schema_malformed(s, "a list of alternatives is none, or empty");
    for (size_t i = json_array_size(list); i-- > 0 && s->g->status == DSVK_OK;) {
        snprintf(place, sizeof place, "%s/%zu", key, i);
        at = dv_grammar_fork(s->g, dv_schema_below(s, place, json_array_get(list, i), next), at);
    }
    return at;
}

static uint32_t enumeration(struct dv_schema *s, const json_t *list, uint32_t next)
{
    uint32_t at = DV_GRAMMAR_DEAD;
    if (!json_is_array(list) || json_array_size(list) == 0)
        dv_schema_malformed(s, "enum is no list, or empty");
    for (size_t i = json_array_size(list); i-- > 0 && s->g->status == DSVK_OK;)
        at = dv_grammar_fork(s->g, dv_schema_constant(s, json_array_get(list, i), next), at);
    return at;
}

static uint32_t text(struct dv_schema *s, const json_t *schema, uint32_t next)
{
    uint32_t least = dv_schema_count(s, schema, "minLength", 0);
    uint32_t most  = dv_schema_count(s, schema, "maxLength", UINT32_MAX);
    if (least > most)
        dv_schema_malformed(s, "minLength is above maxLength");
    return dv_json_text(&s->rules, least, most, next);
}

static uint32_t of_type(struct dv_schema *s, const char *type, const json_t *schema, uint32_t next)
{
    if (strcmp(type, "object") == 0)
        return dv_schema_object(s, schema, next);
    if (strcmp(type, "array") == 0)
        return dv_schema_list(s, schema, next);
    if (strcmp(type, "string") == 0)
        return text(s, schema, next);
    if (strcmp(type, "number") == 0 || strcmp(type, "integer") == 0)
        return dv_schema_number(s, schema, *type == 'i', next);
    if (strcmp(type, "null") == 0)
        return dv_grammar_literal(s->g, "null", 4, next);
    if (strcmp(type, "boolean") == 0)
        return dv_grammar_fork(s->g, dv_grammar_literal(s->g, "true", 4, next),
                               dv_grammar_literal(s->g, "false", 5, next));
    dv_schema_malformed(s, "type is none of JSON's");
    return DV_GRAMMAR_DEAD;
}

static uint32_t of_types(struct dv_schema *s, const json_t *types, const json_t *schema,
                         uint32_t next)
{
    uint32_t at = DV_GRAMMAR_DEAD;
    if (json_is_string(types))
        return of_type(s, json_string_value(types), schema, next);
    if (!json_is_array(types) || json_array_size(types) == 0)
        dv_schema_malformed(s, "type is neither a name nor a list of names");
    for (size_t i = json_array_size(types); i-- > 0 && s->g->status == DSVK_OK;) {
        const char *type = json_string_value(json_array_get(types, i));
        at               = dv_grammar_fork(s->g, of_type(s, type ? type : "", schema, next), at);
    }
    return at;
}

/* What a schema without a type speaks of. */
static const char *implied_type(const json_t *schema)
{
    static const char *const implied[][2] = {
        { "properties", "object" },       { "additionalProperties", "object" },
        { "required", "object" },         { "items", "array" },
        { "prefixItems", "array" },       { "minItems", "array" },
        { "maxItems", "array" },          { "minLength", "string" },
        { "maxLength", "string" },        { "minimum", "number" },
        { "maximum", "number" },          { "exclusiveMinimum", "number" },
        { "exclusiveMaximum", "number" },
    };
    for (size_t i = 0; i < sizeof implied / sizeof *implied; i++)
        if (json_object_get(schema, implied[i][0]))
            return implied[i][1];
    return NULL;
}

static uint32_t of_object(struct dv_schema *s, const json_t *schema, uint32_t next)
{
    static const char *const followed[] = { "$ref", "anyOf", "oneOf", "allOf", "const", "enum" };
    for (size_t i = 0; i < sizeof followed / sizeof *followed; i++) {
        const json_t *value = json_object_get(schema, followed[i]);
        if (!value)
            continue;
        if (i < 4)
            check_alone(s, schema, followed[i]);
        if (i == 0)
            return dv_schema_reference(s, value, next);
        if (i == 3 && json_array_size(value) != 1) {
            dv_schema_unsupported(s, "allOf of more than one schema is not supported");
            return DV_GRAMMAR_DEAD;
        }
        return i == 4   ? dv_schema_constant(s, value, next)
               : i == 5 ? enumeration(s, value, next)
                        : one_of(s, followed[i], value, next);
    }
    const json_t *types = json_object_get(schema, "type");
    const char   *type  = implied_type(schema);
    if (types)
        return of_types(s, types, schema, next);
    return type ? of_type(s, type, schema, next) : dv_grammar_call(s->g, s->rules.value, next);
}

uint32_t dv_schema_value(struct dv_schema *s, const json_t *schema, uint32_t next)
{
    if (s->g->status != DSVK_OK)
        return DV_GRAMMAR_DEAD;
    if (json_is_true(schema))
        return dv_grammar_call(s->g, s->rules.value, next);
    if (json_is_false(schema))
        return DV_GRAMMAR_DEAD;
    if (!json_is_object(schema)) {
        dv_schema_malformed(s, "there is no schema, but another value");
        return DV_GRAMMAR_DEAD;
    }
    if (s->depth == MOST_DEPTH) {
        dv_schema_unsupported(s, "schemas are within each other more than 64 times");
        return DV_GRAMMAR_DEAD;
    }
    check_keywords(s, schema);
    if (s->g->status != DSVK_OK)
        return DV_GRAMMAR_DEAD;
    s->depth++;
    uint32_t at = of_object(s, schema, next);
    s->depth--;
    return at;
}

uint32_t dv_schema_below(struct dv_schema *s, const char *key, const json_t *schema, uint32_t next)
{
    size_t n = strlen(s->path);
    snprintf(s->path + n, sizeof s->path - n, "/%s", key);
    uint32_t at = dv_schema_value(s, schema, next);
    s->path[n]  = 0;
    return at;
}

static dsvk_status compile(struct dv_grammar *g, const struct dv_context *ctx, const json_t *root)
{
    dv_grammar_init(g, ctx);
    struct dv_schema *s = dv_zalloc(ctx, sizeof *s);
    if (!s)
        dv_grammar_fail(g, DSVK_NO_MEMORY, "schema: no memory to read it");
    if (g->status == DSVK_OK) {
        s->g    = g;
        s->root = root;
        dv_json_rules_make(&s->rules, g);
        uint32_t start = dv_schema_value(s, root, DV_GRAMMAR_RETURN);
        if (start == DV_GRAMMAR_DEAD)
            dv_schema_malformed(s, "no value can be valid");
        dv_grammar_check(g, start);
    }
    dv_free(ctx, s);
    dsvk_status status = g->status;
    if (status != DSVK_OK)
        dv_grammar_done(g);
    return status;
}

dsvk_status dv_schema_compile(struct dv_grammar *g, const struct dv_context *ctx,
                              const struct dv_text *schema)
{
    json_t     *root;
    dsvk_status status =
        dv_json_load(&root, ctx, "schema", schema->where, schema->data, schema->bytes);
    if (status != DSVK_OK)
        return status == DSVK_BAD_FILE ? DSVK_BAD_ARGUMENT : status;
    status = compile(g, ctx, root);
    json_decref(root);
    return status;
}

dsvk_status dv_schema_any_object(struct dv_grammar *g, const struct dv_context *ctx)
{
    static const char    any[] = "{\"type\":\"object\"}";
    const struct dv_text text  = { "any object", any, sizeof any - 1 };
    return dv_schema_compile(g, ctx, &text);
}
