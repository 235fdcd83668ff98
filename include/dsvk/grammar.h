/* SPDX-License-Identifier: MIT */
/* Answers that are JSON: a schema becomes masks of the tokens that may come next. */
#ifndef DSVK_GRAMMAR_H
#define DSVK_GRAMMAR_H

#include "dsvk/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Follows one answer. One call at a time; different ones are independent. */
typedef struct dsvk_grammar dsvk_grammar;

/* `schema`: a JSON schema of so many bytes; NULL: any JSON object. docs/structured-output.md
 * says which keywords count. BAD_ARGUMENT for what is no schema, or one that no value can
 * satisfy; UNSUPPORTED, with the keyword and its place, for one that would have to be ignored;
 * BAD_FILE for a model without tokenizer. The model lives until the grammar is freed. */
DSVK_API dsvk_status dsvk_grammar_new(dsvk_grammar **out, dsvk_model *model, const char *schema,
                                      size_t bytes);
DSVK_API void        dsvk_grammar_free(dsvk_grammar *grammar);

/* For dsvk_sampling.mask, with the grammar as mask_user: the tokens that may come next, a bit
 * each; end tokens among them where the value is whole. Whatever is chosen by it has an end that
 * is valid, and is valid UTF-8. Where memory ends, no bit is set, so that generating ends.
 * `position` is not looked at. */
DSVK_API const uint32_t *dsvk_grammar_mask(void *grammar, size_t position);
/* The token that was chosen, as dsvk_generate_params.take is handed it. BAD_ARGUMENT, and
 * nothing has changed, for one that the mask does not have; NO_MEMORY. */
DSVK_API dsvk_status dsvk_grammar_take(dsvk_grammar *grammar, uint32_t token);
/* Whether the value is whole as it is. A number may still go on. */
DSVK_API bool dsvk_grammar_is_whole(const dsvk_grammar *grammar);
/* Back to the beginning, for another answer. */
DSVK_API void dsvk_grammar_restart(dsvk_grammar *grammar);

#ifdef __cplusplus
}
#endif
#endif
