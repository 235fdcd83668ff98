/* SPDX-License-Identifier: MIT */
/* Schemas, and texts that they accept and that they do not. */
#ifndef DV_TESTS_GRAMMAR_SCHEMAS_H
#define DV_TESTS_GRAMMAR_SCHEMAS_H

#include <stddef.h>

struct schema_case {
    const char *schema;
    const char *good[16], *bad[24];
};
extern const struct schema_case schema_cases[];
extern const size_t             n_schema_cases;

/* What is refused: with UNSUPPORTED where `word` is in the sentence, or as malformed. */
struct schema_refused {
    const char *schema, *word;
    int         malformed;
};
extern const struct schema_refused schemas_refused[];
extern const size_t                n_schemas_refused;

#endif
