/* SPDX-License-Identifier: MIT */
/* Models that answer what their prompt says: .../scripted-FORMAT writes conversations as the
 * library's own format FORMAT does, and answers with what stands between the last [[ and ]]. All
 * models take answers apart with the library's own code. */
#include "fake.h"

#include <stdlib.h>
#include <string.h>

#include "chat/answer.h"
#include "chat/chat.h"

struct dsvk_answer {
    struct dv_context ctx;
    struct dv_answer *answer;
};

static enum dv_chat_format format_of(const dsvk_model *model)
{
    const char *name = strstr(model->folder, "scripted-");
    return name ? dv_chat_format_find(name + strlen("scripted-")) : DV_CHAT_V3;
}

const char *script_format(const dsvk_model *model)
{
    return dv_chat_format_name(format_of(model));
}

/* ---- prompts ---- */

static struct dv_chat_message *messages_of(const dsvk_message *messages, size_t n)
{
    struct dv_chat_message *made = calloc(n + 1, sizeof *made);
    for (size_t i = 0; made && i < n; i++) {
        const dsvk_message  *m     = &messages[i];
        struct dv_chat_call *calls = calloc(m->n_calls + 1, sizeof *calls);
        for (size_t k = 0; calls && k < m->n_calls; k++)
            calls[k] =
                (struct dv_chat_call){ m->calls[k].id, m->calls[k].name, m->calls[k].arguments };
        made[i] = (struct dv_chat_message){ .role      = m->role,
                                            .text      = m->text,
                                            .reasoning = m->reasoning,
                                            .calls     = calls,
                                            .n_calls   = m->n_calls,
                                            .call_id   = m->call_id,
                                            .open      = m->open };
    }
    return made;
}

static void keep_line(void *user, dsvk_log_level level, const char *line)
{
    if (level == DSVK_LOG_ERROR)
        fail(&((const dsvk_model *)user)->log, DSVK_BAD_ARGUMENT, line);
}

dsvk_status script_chat(const dsvk_model *model, const dsvk_message *messages, size_t n,
                        const dsvk_chat_params *params, uint32_t **ids, size_t *n_ids)
{
    char                   *text;
    size_t                  bytes;
    struct dv_context       ctx;
    const dsvk_log          log  = { .write = keep_line, .user = (void *)model };
    struct dv_chat_message *made = messages_of(messages, n);
    const struct dv_chat    chat = { .format = format_of(model),
                                     .think =
                                      params->call ? DV_THINK_OFF : (enum dv_think)params->think,
                                     .messages   = made,
                                     .n_messages = n,
                                     .generate   = true,
                                     .named      = true,
                                     .effort     = params->effort,
                                     .tools      = params->tools,
                                     .call       = params->call };
    dv_context_init(&ctx, &log, NULL);
    if (!made)
        return DSVK_NO_MEMORY;
    dsvk_status status = dv_chat_text(&ctx, NULL, &chat, &text, &bytes);
    if (status == DSVK_OK)
        status = dsvk_model_tokenize(model, text, bytes, false, false, ids, n_ids);
    free(text);
    for (size_t i = 0; i < n; i++)
        free((void *)made[i].calls);
    free(made);
    return status;
}

/* Token `at` of the answer to these ids. */
uint32_t script_token(const uint32_t *ids, size_t n, size_t at)
{
    for (size_t i = n; i-- > 1;) {
        if (ids[i - 1] != '[' + 3 || ids[i] != '[' + 3)
            continue;
        for (size_t k = i + 1; k + 1 < n; k++) {
            if (ids[k] == ']' + 3 && ids[k + 1] == ']' + 3)
                return 1;
            if (k - i - 1 == at)
                return ids[k];
        }
    }
    return 1;
}

/* ---- answers ---- */

static bool ends(const dsvk_answer_params *params, const char *end)
{
    size_t n = strlen(end);
    for (size_t i = 0; i < n && n <= params->n_prompt; i++)
        if (params->prompt[params->n_prompt - n + i] != (unsigned char)end[i] + 3u)
            return false;
    return n <= params->n_prompt;
}

static dsvk_status feed_call(dsvk_answer *a, const struct dv_chat *chat)
{
    char       *text;
    size_t      bytes;
    dsvk_status status = dv_chat_call_text(&a->ctx, chat, &text, &bytes);
    if (status == DSVK_OK)
        status = dv_answer_feed(a->answer, text, bytes);
    free(text);
    return status;
}

dsvk_status dsvk_answer_new(dsvk_answer **out, const dsvk_model *model,
                            const dsvk_answer_params *params)
{
    const char            *call  = params->chat->call;
    bool                   think = ends(params, "<think>") || ends(params, "<think>\n");
    struct dv_answer_setup setup = { .format   = format_of(model),
                                     .tools    = params->chat->tools,
                                     .opening  = think ? DV_OPEN_REASONING : DV_OPEN_EITHER,
                                     .no_calls = params->no_calls,
                                     .take     = params->take,
                                     .user     = params->user };
    if (call || ends(params, "</think>"))
        setup.opening = DV_OPEN_TEXT;
    *out = calloc(1, sizeof **out);
    if (!*out)
        return DSVK_NO_MEMORY;
    dv_context_init(&(*out)->ctx, NULL, NULL);
    dsvk_status status = dv_answer_new(&(*out)->answer, &(*out)->ctx, &setup);
    if (status == DSVK_OK && call)
        status = feed_call(*out, &(struct dv_chat){ .format = setup.format, .call = call });
    return status;
}

dsvk_status dsvk_answer_token(dsvk_answer *a, uint32_t token)
{
    size_t      bytes = 0;
    const char *text  = dsvk_model_token(NULL, token, &bytes);
    return dv_answer_feed(a->answer, text, token < 2 ? 0 : bytes);
}

dsvk_status dsvk_answer_end(dsvk_answer *a)
{
    return dv_answer_end(a->answer);
}

void dsvk_answer_free(dsvk_answer *a)
{
    if (a)
        dv_answer_free(a->answer);
    free(a);
}
