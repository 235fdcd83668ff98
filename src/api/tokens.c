/* SPDX-License-Identifier: MIT */
#include "api/handles.h"

static dsvk_status need_tokenizer(const dsvk_model *model)
{
    if (model->tokenizer)
        return DSVK_OK;
    return dv_fail(&model->ctx, DSVK_BAD_FILE,
                   "tokenizer: the checkpoint folder has no tokenizer.json");
}

dsvk_status dsvk_model_tokenize(const dsvk_model *model, const char *text, size_t bytes,
                                bool special, bool bos, uint32_t **ids, size_t *n)
{
    dsvk_status status;
    size_t      capacity = 0;
    *ids                 = NULL;
    *n                   = 0;
    TRY(need_tokenizer(model));
    if (bos && dv_tokenizer_bos(model->tokenizer) >= 0) {
        capacity = 64;
        *ids     = dv_zalloc_array(&model->ctx, capacity, sizeof **ids);
        if (!*ids)
            return dv_fail(&model->ctx, DSVK_NO_MEMORY, "tokenizer: no memory for ids");
        (*ids)[(*n)++] = (uint32_t)dv_tokenizer_bos(model->tokenizer);
    }
    status = dv_tokenizer_encode(model->tokenizer, text, bytes, special, ids, n, &capacity);
    if (status != DSVK_OK) {
        dv_free(&model->ctx, *ids);
        *ids = NULL;
        *n   = 0;
    }
    return status;
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
    if (!model->tokenizer)
        return false;
    /* A model that opens the next user turn by itself has ended its own. */
    return (int64_t)id == dv_tokenizer_find(model->tokenizer, "<\xEF\xBD\x9CUser\xEF\xBD\x9C>") ||
           (int64_t)id == dv_tokenizer_find(model->tokenizer, "<|EOT|>");
}

dsvk_status dsvk_model_chat(const dsvk_model *model, const dsvk_message *messages, size_t n,
                            uint32_t **ids, size_t *n_ids)
{
    dsvk_status status;
    size_t      capacity = 0;
    *ids                 = NULL;
    *n_ids               = 0;
    TRY(need_tokenizer(model));
    if (model->chat == DV_CHAT_NONE)
        return dv_fail(&model->ctx, DSVK_UNSUPPORTED, "chat: the model has no chat format");
    struct dv_chat_message *list = dv_zalloc_array(&model->ctx, n, sizeof *list);
    if (!list && n > 0)
        return dv_fail(&model->ctx, DSVK_NO_MEMORY, "chat: no memory for %zu messages", n);
    for (size_t i = 0; i < n; i++)
        list[i] = (struct dv_chat_message){ .role = messages[i].role, .text = messages[i].text };
    status = dv_chat_encode(model->tokenizer, model->chat, list, n, true, ids, n_ids, &capacity);
    dv_free(&model->ctx, list);
    if (status != DSVK_OK) {
        dv_free(&model->ctx, *ids);
        *ids   = NULL;
        *n_ids = 0;
    }
    return status;
}

void dsvk_model_free_memory(const dsvk_model *model, void *memory)
{
    dv_free(&model->ctx, memory);
}
