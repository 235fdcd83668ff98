/* SPDX-License-Identifier: MIT */
/* Grammars over a model's vocabulary. Its tokens are put in order once, for all grammars. */
#include "dsvk/grammar.h"

#include "api/handles.h"
#include "grammar/match.h"
#include "grammar/schema.h"

struct dsvk_grammar {
    dsvk_model       *model; /* the grammar is a user of it */
    struct dv_grammar grammar;
    struct dv_match   match;
};

static bool is_end(const struct dv_words *words, uint32_t token)
{
    for (uint32_t i = 0; i < words->n_ends; i++)
        if (words->ends[i] == token)
            return true;
    return false;
}

static dsvk_status make_words(struct dv_words *words, const dsvk_model *model)
{
    dsvk_status status;
    uint32_t    n = dv_tokenizer_size(model->tokenizer);
    n             = n < model->info.vocab || model->info.vocab == 0 ? n : model->info.vocab;
    TRY(dv_words_init(words, &model->ctx, model->info.vocab ? model->info.vocab : n));
    for (uint32_t id = 0; id < n; id++) {
        size_t      bytes;
        const char *token = dv_tokenizer_bytes(model->tokenizer, id, &bytes);
        if (dsvk_model_token_is_end(model, id)) {
            if (words->n_ends < DV_WORDS_MOST_ENDS)
                words->ends[words->n_ends++] = id;
        } else if (token && !dv_tokenizer_is_special(model->tokenizer, id)) {
            dv_words_add(words, id, token, bytes);
        }
    }
    dv_words_sort(words);
    return DSVK_OK;
}

/* Whoever is first keeps his. */
static dsvk_status find_words(const struct dv_words **out, dsvk_model *model)
{
    dsvk_status      status;
    struct dv_words *none = NULL, *words = atomic_load(&model->words);
    if (!words) {
        words = dv_zalloc(&model->ctx, sizeof *words);
        if (!words)
            return dv_fail(&model->ctx, DSVK_NO_MEMORY, "grammar: no memory for the vocabulary");
        status = make_words(words, model);
        if (status != DSVK_OK) {
            dv_free(&model->ctx, words);
            return status;
        }
        if (!atomic_compare_exchange_strong(&model->words, &none, words)) {
            dv_words_done(words);
            dv_free(&model->ctx, words);
            words = none;
        }
    }
    *out = words;
    return DSVK_OK;
}

void dv_model_drop_words(dsvk_model *model)
{
    struct dv_words *words = atomic_load(&model->words);
    if (words)
        dv_words_done(words);
    dv_free(&model->ctx, words);
}

dsvk_status dsvk_grammar_new(dsvk_grammar **out, dsvk_model *model, const char *schema,
                             size_t bytes)
{
    dsvk_status            status;
    const struct dv_words *words = NULL;
    const struct dv_text   text  = { "the text", schema, bytes };
    *out                         = NULL;
    TRY(dv_need_tokenizer(model));
    TRY(find_words(&words, model));
    dsvk_grammar *g = dv_zalloc(&model->ctx, sizeof *g);
    if (!g)
        return dv_fail(&model->ctx, DSVK_NO_MEMORY, "grammar: no memory for one");
    g->model = model;
    atomic_fetch_add(&model->users, 1);
    TRY_OR(fail, schema ? dv_schema_compile(&g->grammar, &model->ctx, &text)
                        : dv_schema_any_object(&g->grammar, &model->ctx));
    TRY_OR(fail, dv_match_init(&g->match, &g->grammar, words));
    *out = g;
    return DSVK_OK;
fail:
    dsvk_grammar_free(g);
    return status;
}

void dsvk_grammar_free(dsvk_grammar *g)
{
    if (!g)
        return;
    dsvk_model *model = g->model;
    dv_match_done(&g->match);
    dv_grammar_done(&g->grammar);
    dv_free(&model->ctx, g);
    dsvk_model_close(model);
}

const uint32_t *dsvk_grammar_mask(void *grammar, size_t position)
{
    (void)position;
    return dv_match_mask(&((dsvk_grammar *)grammar)->match);
}

dsvk_status dsvk_grammar_take(dsvk_grammar *g, uint32_t token)
{
    size_t                   bytes = 0;
    const struct dv_words   *words = g->match.words;
    const struct dv_context *ctx   = &g->model->ctx;
    if (is_end(words, token) && g->match.ended)
        return DSVK_OK;
    const char *text = dsvk_model_token(g->model, token, &bytes);
    if (bytes > 0 && !is_end(words, token) && !dsvk_model_token_is_special(g->model, token) &&
        dv_match_take(&g->match, text, bytes))
        return DSVK_OK;
    if (g->match.status != DSVK_OK)
        return g->match.status;
    return dv_fail(ctx, DSVK_BAD_ARGUMENT, "grammar: token %u may not come here", token);
}

bool dsvk_grammar_is_whole(const dsvk_grammar *g)
{
    return g->match.ended;
}

void dsvk_grammar_restart(dsvk_grammar *g)
{
    dv_match_restart(&g->match);
}
