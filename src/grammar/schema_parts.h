/* SPDX-License-Identifier: MIT */
/* The compiler of schemas, between its files. */
#ifndef DV_GRAMMAR_SCHEMA_PARTS_H
#define DV_GRAMMAR_SCHEMA_PARTS_H

#include <jansson.h>

#include "grammar/json_rules.h"

#define DV_SCHEMA_MOST_REFS 512u
#define DV_SCHEMA_MOST_ITEMS 4096u /* of a list, or signs of a text, that are counted */

struct dv_schema_ref {
    const json_t *schema;
    uint32_t      rule;
};

struct dv_schema {
    struct dv_grammar   *g;
    struct dv_json_rules rules;
    const json_t        *root;
    struct dv_schema_ref refs[DV_SCHEMA_MOST_REFS];
    uint32_t             n_refs;
    uint32_t             depth;
    char                 path[256]; /* of what is compiled, for messages: "/properties/a" */
};

/* The schema and then next. */
uint32_t dv_schema_value(struct dv_schema *s, const json_t *schema, uint32_t next);
/* The same below `key` of what is compiled, for messages. */
uint32_t dv_schema_below(struct dv_schema *s, const char *key, const json_t *schema, uint32_t next);
/* The schema as a rule. */
uint32_t dv_schema_rule(struct dv_schema *s, const char *key, const json_t *schema);

/* What a $ref names. */
uint32_t dv_schema_reference(struct dv_schema *s, const json_t *ref, uint32_t next);
uint32_t dv_schema_object(struct dv_schema *s, const json_t *schema, uint32_t next);
uint32_t dv_schema_list(struct dv_schema *s, const json_t *schema, uint32_t next);
uint32_t dv_schema_number(struct dv_schema *s, const json_t *schema, bool integer, uint32_t next);
/* A given value, as it is written without needless white space. */
uint32_t dv_schema_constant(struct dv_schema *s, const json_t *value, uint32_t next);

/* A value as JSON, ended by 0; the caller frees it. NULL after a failure. */
char *dv_schema_write(struct dv_schema *s, const json_t *value, size_t *n);
/* A count below `key`; `otherwise` where there is none. Fails for what is none, or too large. */
uint32_t dv_schema_count(struct dv_schema *s, const json_t *schema, const char *key,
                         uint32_t otherwise);
void     dv_schema_unsupported(struct dv_schema *s, const char *what);
void     dv_schema_malformed(struct dv_schema *s, const char *what);

#endif
