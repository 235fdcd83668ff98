/* SPDX-License-Identifier: MIT */
/* The public functions on tokens and texts: they check what the caller gave and pass everything
 * else to the tokenizer. */
#include <string.h>

#include "api/handles.h"
#include "text/utf8.h"

dsvk_status dv_need_tokenizer(const dsvk_model *model)
{
    if (model->tokenizer)
        return DSVK_OK;
    return dv_fail(
        &model->ctx, DSVK_BAD_FILE,
        "tokenizer: the checkpoint folder has neither tokenizer.json nor tiktoken.model");
}

/* The tokenizer's; where it has none, that of config.json. -1: none. */
static int64_t begin_token(const dsvk_model *model)
{
    int64_t begin = dv_tokenizer_bos(model->tokenizer);
    if (begin < 0 && model->config.bos < (int64_t)dv_tokenizer_size(model->tokenizer))
        begin = model->config.bos;
    return begin;
}

/* Hands the list to the caller; where it could not be made, frees it and gives an empty one. */
static dsvk_status give(const dsvk_model *model, dsvk_status status, struct dv_ids *list,
                        uint32_t **ids, size_t *n)
{
    if (status != DSVK_OK) {
        dv_free(&model->ctx, list->ids);
        *list = (struct dv_ids){ 0 };
    }
    *ids = list->ids;
    *n   = list->n;
    return status;
}

dsvk_status dsvk_model_tokenize(const dsvk_model *model, const char *text, size_t bytes,
                                bool special, bool bos, uint32_t **ids, size_t *n)
{
    dsvk_status   status;
    struct dv_ids list = { 0 };
    *ids               = NULL;
    *n                 = 0;
    TRY(dv_need_tokenizer(model));
    int64_t begin = begin_token(model);
    if (bos && begin >= 0)
        TRY(dv_ids_push(&model->ctx, &list, (uint32_t)begin));
    status = dv_tokenizer_encode(model->tokenizer, text, bytes, special, &list);
    return give(model, status, &list, ids, n);
}

const char *dsvk_model_token(const dsvk_model *model, uint32_t id, size_t *bytes)
{
    *bytes = 0;
    return model->tokenizer ? dv_tokenizer_bytes(model->tokenizer, id, bytes) : NULL;
}

bool dsvk_model_token_is_special(const dsvk_model *model, uint32_t id)
{
    return model->tokenizer && dv_tokenizer_is_special(model->tokenizer, id);
}

bool dsvk_model_token_is_end(const dsvk_model *model, uint32_t id)
{
    for (uint32_t i = 0; i < model->config.n_eos; i++)
        if (model->config.eos[i] == id)
            return true;
    /* A model that opens the next turn by itself has ended its own. */
    static const char *const ends[] = { "<｜User｜>", "<|EOT|>", "<|im_end|>", "<|user|>",
                                        "<|observation|>" };
    for (size_t i = 0; model->tokenizer && i < sizeof ends / sizeof *ends; i++)
        if ((int64_t)id == dv_tokenizer_find(model->tokenizer, ends[i]))
            return true;
    return false;
}

size_t dsvk_model_text(const dsvk_model *model, dsvk_text *text, uint32_t id, char *out,
                       size_t room)
{
    struct dv_utf8 state, counted;
    size_t         bytes = 0;
    const char    *token = NULL;
    memcpy(state.held, text->held, sizeof state.held);
    state.n = text->n < sizeof state.held ? text->n : 0;
    counted = state;
    if (id != DSVK_TEXT_END && !dsvk_model_token_is_special(model, id))
        token = dsvk_model_token(model, id, &bytes);
    size_t made = id == DSVK_TEXT_END ? dv_utf8_end(&counted, NULL)
                                      : dv_utf8_put(&counted, NULL, token, bytes);
    if (made > room)
        return made;
    if (id == DSVK_TEXT_END)
        dv_utf8_end(&state, out);
    else
        dv_utf8_put(&state, out, token, bytes);
    memcpy(text->held, state.held, sizeof text->held);
    text->n = state.n;
    return made;
}

void dsvk_model_free_memory(const dsvk_model *model, void *memory)
{
    dv_free(&model->ctx, memory);
}
