/* SPDX-License-Identifier: MIT */
/* Grammars with nothing behind them: a schema that does not begin with a brace is none, and any
 * token may come. */
#include "fake.h"

#include <stdlib.h>

struct dsvk_grammar {
    uint32_t all[(VOCAB + 31) / 32];
};

dsvk_status dsvk_grammar_new(dsvk_grammar **out, dsvk_model *model, const char *schema,
                             size_t bytes)
{
    *out = NULL;
    if (schema && (bytes == 0 || *schema != '{'))
        return fail(&model->log, DSVK_BAD_ARGUMENT, "schema: the text: malformed JSON");
    *out = malloc(sizeof **out);
    for (size_t i = 0; *out && i < sizeof(*out)->all / sizeof *(*out)->all; i++)
        (*out)->all[i] = UINT32_MAX;
    return *out ? DSVK_OK : DSVK_NO_MEMORY;
}

void dsvk_grammar_free(dsvk_grammar *grammar)
{
    free(grammar);
}

const uint32_t *dsvk_grammar_mask(void *grammar, size_t position)
{
    (void)position;
    return ((dsvk_grammar *)grammar)->all;
}

dsvk_status dsvk_grammar_take(dsvk_grammar *grammar, uint32_t token)
{
    (void)grammar;
    return token < VOCAB ? DSVK_OK : DSVK_BAD_ARGUMENT;
}

bool dsvk_grammar_is_whole(const dsvk_grammar *grammar)
{
    return grammar != NULL;
}

void dsvk_grammar_restart(dsvk_grammar *grammar)
{
    (void)grammar;
}
