/* SPDX-License-Identifier: MIT */
/* JSON schemas (json-schema.org, draft 2020-12, and what older ones write for the same) as
 * grammars. docs/structured-output.md lists what is understood. What would have to be ignored is
 * refused. */
#ifndef DV_GRAMMAR_SCHEMA_H
#define DV_GRAMMAR_SCHEMA_H

#include "base/text.h"
#include "grammar/nodes.h"

/* The texts that a schema accepts, as bytes without white space around them. BAD_ARGUMENT for
 * what is no schema, UNSUPPORTED with the keyword and its place for one that is beyond this. */
dsvk_status dv_schema_compile(struct dv_grammar *g, const struct dv_context *ctx,
                              const struct dv_text *schema);
/* Any object. */
dsvk_status dv_schema_any_object(struct dv_grammar *g, const struct dv_context *ctx);

#endif
