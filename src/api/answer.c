/* SPDX-License-Identifier: MIT */
/* The public functions on answers: tokens become bytes for the machine of src/chat. */
#include "chat/answer.h"

#include "api/handles.h"

struct dsvk_answer {
    dsvk_model       *model; /* the answer is a user of it */
    struct dv_answer *answer;
    bool              ended;
};

static enum dv_opening opening_of(const dsvk_model *model, enum dv_chat_format format,
                                  const dsvk_answer_params *params)
{
    if (params->chat && params->chat->call)
        return DV_OPEN_TEXT;
    if (params->prompt && model->tokenizer)
        return dv_answer_opening_of(model->tokenizer, format, params->prompt, params->n_prompt);
    return dv_answer_opening(format,
                             params->chat ? (enum dv_think)params->chat->think : DV_THINK_AUTO);
}

/* What the prompt has opened already. */
static dsvk_status feed_call(dsvk_answer *a, enum dv_chat_format format, const char *call)
{
    char          *text = NULL;
    size_t         bytes;
    struct dv_chat chat   = { .format = format, .call = call };
    dsvk_status    status = dv_chat_call_text(&a->model->ctx, &chat, &text, &bytes);
    if (status == DSVK_OK)
        status = dv_answer_feed(a->answer, text, bytes);
    dv_free(&a->model->ctx, text);
    return status;
}

dsvk_status dsvk_answer_new(dsvk_answer **out, const dsvk_model *model,
                            const dsvk_answer_params *params)
{
    dsvk_status              status;
    enum dv_chat_format      format;
    const struct dv_context *ctx = &model->ctx;
    *out                         = NULL;
    if (!params || !params->take)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "answer: there is no `take`");
    TRY(dv_chat_format_of(&format, model, params->chat));
    if (format == DV_CHAT_NONE || format == DV_CHAT_UNKNOWN)
        return dv_fail(ctx, DSVK_UNSUPPORTED, "answer: the model has no chat format that is known");
    dsvk_answer *a = dv_zalloc(ctx, sizeof *a);
    if (!a)
        return dv_fail(ctx, DSVK_NO_MEMORY, "answer: no memory for one");
    /* Nobody makes a model that is const; being used changes it. */
    a->model = (dsvk_model *)model;
    atomic_fetch_add(&a->model->users, 1);
    status = dv_answer_new(&a->answer, ctx,
                           &(struct dv_answer_setup){
                               .format   = format,
                               .tools    = params->chat ? params->chat->tools : NULL,
                               .opening  = opening_of(model, format, params),
                               .no_calls = params->no_calls,
                               .take     = params->take,
                               .user     = params->user,
                           });
    if (status == DSVK_OK && params->chat && params->chat->call)
        status = feed_call(a, format, params->chat->call);
    if (status != DSVK_OK) {
        dsvk_answer_free(a);
        return status;
    }
    *out = a;
    return DSVK_OK;
}

void dsvk_answer_free(dsvk_answer *a)
{
    if (!a)
        return;
    dsvk_model *model = a->model;
    dv_answer_free(a->answer);
    dv_free(&model->ctx, a);
    dsvk_model_close(model);
}

dsvk_status dsvk_answer_feed(dsvk_answer *a, const char *text, size_t bytes)
{
    if (a->ended)
        return dv_fail(&a->model->ctx, DSVK_BAD_ARGUMENT, "answer: it has ended already");
    return dv_answer_feed(a->answer, text, bytes);
}

dsvk_status dsvk_answer_token(dsvk_answer *a, uint32_t token)
{
    dsvk_status status;
    size_t      bytes = 0;
    const char *text;
    TRY(dv_need_tokenizer(a->model));
    text = dsvk_model_token(a->model, token, &bytes);
    if (dsvk_model_token_is_end(a->model, token) || (dsvk_model_token_is_special(a->model, token) &&
                                                     !dv_answer_is_mark(a->answer, text, bytes)))
        bytes = 0;
    return dsvk_answer_feed(a, text, bytes);
}

dsvk_status dsvk_answer_end(dsvk_answer *a)
{
    if (a->ended)
        return DSVK_OK;
    a->ended = true;
    return dv_answer_end(a->answer);
}
