/* SPDX-License-Identifier: MIT */
/* The public functions on chats: they choose the format and pass everything else to src/chat. */
#include "api/handles.h"

/* What a call makes, and of what. */
struct work {
    const dsvk_model *model;
    struct dv_chat    chat;
    struct dv_arena   arena; /* of the messages */
    struct dv_ids     ids;
    char             *text;
    size_t            bytes;
};

dsvk_status dv_chat_format_of(enum dv_chat_format *format, const dsvk_model *model,
                              const dsvk_chat_params *params)
{
    *format = model->chat;
    if (!params || !params->format)
        return DSVK_OK;
    *format = dv_chat_format_find(params->format);
    if (*format == DV_CHAT_UNKNOWN)
        return dv_fail(&model->ctx, DSVK_BAD_ARGUMENT, "chat: no format is called '%.40s'",
                       params->format);
    return DSVK_OK;
}

/* `params` may be NULL. */
static dsvk_status begin(struct work *work, const dsvk_model *model, const dsvk_chat_params *params)
{
    static const dsvk_chat_params usual = { .think = DSVK_THINK_AUTO };
    params                              = params ? params : &usual;
    *work                               = (struct work){ .model = model };
    dv_arena_init(&work->arena, &model->ctx);
    work->chat =
        (struct dv_chat){ .think    = params->call ? DV_THINK_OFF : (enum dv_think)params->think,
                          .generate = !params->no_open,
                          .named    = params->format != NULL,
                          .keep_reasoning = params->keep_reasoning,
                          .effort         = params->effort,
                          .tools          = params->tools,
                          .call           = params->call };
    return dv_chat_format_of(&work->chat.format, model, params);
}

/* ---- messages ---- */

static dsvk_status no_memory(const struct work *work, size_t n)
{
    return dv_fail(&work->model->ctx, DSVK_NO_MEMORY, "chat: no memory for %zu messages", n);
}

static dsvk_status take_calls(struct work *work, struct dv_chat_message *to,
                              const dsvk_message *from)
{
    to->n_calls = from->n_calls;
    if (!from->calls || from->n_calls == 0)
        return DSVK_OK;
    struct dv_chat_call *calls = dv_arena_alloc(&work->arena, from->n_calls, sizeof *calls);
    if (!calls)
        return no_memory(work, from->n_calls);
    for (size_t i = 0; i < from->n_calls; i++)
        calls[i] = (struct dv_chat_call){ from->calls[i].id, from->calls[i].name,
                                          from->calls[i].arguments };
    to->calls = calls;
    return DSVK_OK;
}

static dsvk_status take_messages(struct work *work, const dsvk_message *messages, size_t n)
{
    dsvk_status status;
    if (!messages && n > 0)
        return dv_fail(&work->model->ctx, DSVK_BAD_ARGUMENT, "chat: no messages, but %zu of them",
                       n);
    struct dv_chat_message *list = n ? dv_arena_alloc(&work->arena, n, sizeof *list) : NULL;
    if (!list && n > 0)
        return no_memory(work, n);
    for (size_t i = 0; i < n; i++) {
        const dsvk_message *m = &messages[i];
        list[i]               = (struct dv_chat_message){ .role            = m->role,
                                                          .text            = m->text,
                                                          .reasoning       = m->reasoning,
                                                          .call_id         = m->call_id,
                                                          .name            = m->name,
                                                          .tools           = m->tools,
                                                          .response_format = m->response_format,
                                                          .task            = m->task,
                                                          .open            = m->open };
        TRY(take_calls(work, &list[i], m));
    }
    work->chat.messages   = list;
    work->chat.n_messages = n;
    return DSVK_OK;
}

/* ---- results ---- */

static dsvk_status make_ids(struct work *work)
{
    dsvk_status status;
    TRY(dv_need_tokenizer(work->model));
    return dv_chat_encode(work->model->tokenizer, &work->chat, &work->ids);
}

static dsvk_status make_text(struct work *work)
{
    return dv_chat_text(&work->model->ctx, work->model->tokenizer, &work->chat, &work->text,
                        &work->bytes);
}

/* Hands the ids to the caller; where they could not be made, none. */
static dsvk_status give_ids(struct work *work, dsvk_status status, uint32_t **ids, size_t *n)
{
    if (status != DSVK_OK) {
        dv_free(&work->model->ctx, work->ids.ids);
        work->ids = (struct dv_ids){ 0 };
    }
    dv_arena_done(&work->arena);
    *ids = work->ids.ids;
    *n   = work->ids.n;
    return status;
}

dsvk_status dsvk_model_chat(const dsvk_model *model, const dsvk_message *messages, size_t n,
                            const dsvk_chat_params *params, uint32_t **ids, size_t *n_ids)
{
    struct work work;
    dsvk_status status = begin(&work, model, params);
    if (status == DSVK_OK)
        status = take_messages(&work, messages, n);
    if (status == DSVK_OK)
        status = make_ids(&work);
    return give_ids(&work, status, ids, n_ids);
}

dsvk_status dsvk_model_chat_next(const dsvk_model *model, const char *text,
                                 const dsvk_chat_params *params, uint32_t **ids, size_t *n_ids)
{
    const struct dv_chat_message message = { .role = "user", .text = text };
    struct work                  work;
    dsvk_status                  status = begin(&work, model, params);
    work.chat.messages                  = &message;
    work.chat.n_messages                = 1;
    work.chat.next                      = true;
    if (status == DSVK_OK)
        status = make_ids(&work);
    return give_ids(&work, status, ids, n_ids);
}

dsvk_status dsvk_model_chat_text(const dsvk_model *model, const dsvk_message *messages, size_t n,
                                 const dsvk_chat_params *params, char **text, size_t *bytes)
{
    struct work work;
    dsvk_status status = begin(&work, model, params);
    if (status == DSVK_OK)
        status = take_messages(&work, messages, n);
    if (status == DSVK_OK)
        status = make_text(&work);
    dv_arena_done(&work.arena);
    *text  = work.text;
    *bytes = work.bytes;
    return status;
}

dsvk_status dsvk_model_chat_json(const dsvk_model *model, const char *json, size_t bytes,
                                 const dsvk_chat_params *params, bool as_text, dsvk_prompt *prompt)
{
    struct work work;
    dsvk_status status = begin(&work, model, params);
    *prompt            = (dsvk_prompt){ 0 };
    if (status == DSVK_OK)
        status = dv_chat_read(&work.chat, &work.arena, json, bytes);
    if (status == DSVK_OK)
        status = as_text ? make_text(&work) : make_ids(&work);
    prompt->text  = work.text;
    prompt->bytes = work.bytes;
    return give_ids(&work, status, &prompt->ids, &prompt->n_ids);
}
