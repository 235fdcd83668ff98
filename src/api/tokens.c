/* SPDX-License-Identifier: MIT */
/* The public functions on tokens, texts and chats: they check what the caller gave and choose the
 * chat format, and pass everything else to the tokenizer. */
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

static dsvk_status choose_format(enum dv_chat_format *format, const dsvk_model *model,
                                 const dsvk_chat_params *params)
{
    *format = model->chat;
    if (!params->format)
        return DSVK_OK;
    *format = dv_chat_format_find(params->format);
    if (*format == DV_CHAT_UNKNOWN)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT, "chat: no format is called '%.40s'",
                       params->format);
    return DSVK_OK;
}

/* What the caller asked for, with messages of n_messages. */
static dsvk_status encode(const dsvk_model *model, struct dv_chat *chat,
                          const dsvk_chat_params *params, struct dv_ids *made)
{
    static const dsvk_chat_params usual = { .think = DSVK_THINK_AUTO };
    dsvk_status                   status;
    params = params ? params : &usual;
    TRY(dv_need_tokenizer(model));
    TRY(choose_format(&chat->format, model, params));
    chat->think    = (enum dv_think)params->think;
    chat->generate = !params->no_open;
    return dv_chat_encode(model->tokenizer, chat, made);
}

dsvk_status dsvk_model_chat(const dsvk_model *model, const dsvk_message *messages, size_t n,
                            const dsvk_chat_params *params, uint32_t **ids, size_t *n_ids)
{
    dsvk_status    status;
    struct dv_ids  made = { 0 };
    struct dv_chat chat = { .n_messages = n };
    *ids                = NULL;
    *n_ids              = 0;
    if (!messages && n > 0)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT, "chat: no messages, but %zu of them", n);
    struct dv_chat_message *list = dv_zalloc_array(&model->ctx, n, sizeof *list);
    if (!list && n > 0)
        return dv_fail(&model->ctx, DSVK_NO_MEMORY, "chat: no memory for %zu messages", n);
    for (size_t i = 0; i < n; i++)
        list[i] = (struct dv_chat_message){ .role = messages[i].role, .text = messages[i].text };
    chat.messages = list;
    status        = encode(model, &chat, params, &made);
    dv_free(&model->ctx, list);
    return give(model, status, &made, ids, n_ids);
}

dsvk_status dsvk_model_chat_next(const dsvk_model *model, const char *text,
                                 const dsvk_chat_params *params, uint32_t **ids, size_t *n_ids)
{
    struct dv_ids          made    = { 0 };
    struct dv_chat_message message = { .role = "user", .text = text };
    struct dv_chat         chat    = { .messages = &message, .n_messages = 1, .next = true };
    dsvk_status            status  = encode(model, &chat, params, &made);
    return give(model, status, &made, ids, n_ids);
}

void dsvk_model_free_memory(const dsvk_model *model, void *memory)
{
    dv_free(&model->ctx, memory);
}
