/* SPDX-License-Identifier: MIT */
/* DeepSeek's formats, written out instead of running the checkpoint's template.
 *
 *   V2    BOS system \n\n User: u \n\n Assistant: a EOS ...        Assistant:
 *   V3    BOS system <User> u <Assistant> a EOS ...                <Assistant>
 *   R1    as V3, the last part being                               <Assistant> <think> \n
 *   V3.1  BOS system <User> u <Assistant> </think> a EOS ...       <Assistant> </think>
 */
#include <string.h>

#include "text/chat.h"

#define USER "<｜User｜>"
#define ASSISTANT "<｜Assistant｜>"
#define EOS "<｜end▁of▁sentence｜>"

static dsvk_status begin(struct dv_chat_writer *w)
{
    if (w->chat->next)
        return dv_chat_mark(w, EOS);
    return w->tokenizer->bos >= 0
               ? dv_ids_push(w->tokenizer->ctx, w->ids, (uint32_t)w->tokenizer->bos)
               : DSVK_OK;
}

/* ---- V2 ---- */

dsvk_status dv_chat_write_v2(struct dv_chat_writer *w)
{
    dsvk_status status;
    TRY(begin(w));
    for (size_t i = 0; i < w->chat->n_messages; i++) {
        const struct dv_chat_message *message = &w->chat->messages[i];
        bool                          answer  = dv_chat_is(message, "assistant");
        if (dv_chat_is(message, "user"))
            TRY(dv_chat_put(w, "User: "));
        if (answer)
            TRY(dv_chat_put(w, "Assistant: "));
        TRY(dv_chat_put(w, answer ? dv_chat_after_thinking(message->text) : message->text));
        TRY(answer ? dv_chat_mark(w, EOS) : dv_chat_put(w, "\n\n"));
    }
    return w->chat->generate ? dv_chat_put(w, "Assistant:") : DSVK_OK;
}

/* ---- V3, R1, V3.1 ---- */

/* What a past answer keeps: the text after its thinking. V3.1 looks for the first end of thinking,
 * R1 for the last; V3's own template, which knows of none, keeps all. */
static const char *kept(const struct dv_chat_writer *w, const char *text)
{
    const char *template = w->tokenizer->template;
    const char *end      = strstr(text, DV_THINK_END);
    if (w->chat->format == DV_CHAT_V31)
        return end ? end + strlen(DV_THINK_END) : text;
    bool cuts = template ? strstr(template, DV_THINK_END) != NULL
                         : dv_tokenizer_find(w->tokenizer, DV_THINK_END) >= 0;
    return w->chat->format == DV_CHAT_R1 || cuts ? dv_chat_after_thinking(text) : text;
}

/* All system texts together stand at the beginning, wherever they were. */
static dsvk_status put_system(struct dv_chat_writer *w)
{
    dsvk_status status;
    bool        any = false;
    for (size_t i = 0; i < w->chat->n_messages; i++) {
        if (!dv_chat_is(&w->chat->messages[i], "system"))
            continue;
        if (any)
            TRY(dv_chat_put(w, "\n\n"));
        TRY(dv_chat_put(w, w->chat->messages[i].text));
        any = true;
    }
    return DSVK_OK;
}

static dsvk_status open_answer(struct dv_chat_writer *w)
{
    dsvk_status status;
    const char *template = w->tokenizer->template;
    bool on              = w->chat->think == DV_THINK_ON ||
              (w->chat->think == DV_THINK_AUTO && w->chat->format == DV_CHAT_R1);
    TRY(dv_chat_mark(w, ASSISTANT));
    if (w->chat->format == DV_CHAT_V31)
        return dv_chat_mark(w, on ? DV_THINK : DV_THINK_END);
    if (!on)
        return DSVK_OK;
    TRY(dv_chat_mark(w, DV_THINK));
    /* R1 was taught a line end there; a template that opens without one knows better. */
    bool bare = w->chat->format == DV_CHAT_V3 && template && dv_template_writes(template, DV_THINK);
    return bare ? DSVK_OK : dv_chat_put(w, "\n");
}

dsvk_status dv_chat_write_deepseek(struct dv_chat_writer *w)
{
    dsvk_status status;
    TRY(begin(w));
    TRY(put_system(w));
    for (size_t i = 0; i < w->chat->n_messages; i++) {
        const struct dv_chat_message *message = &w->chat->messages[i];
        if (dv_chat_is(message, "user")) {
            TRY(dv_chat_mark(w, USER));
            TRY(dv_chat_put(w, message->text));
        } else if (dv_chat_is(message, "assistant")) {
            TRY(dv_chat_mark(w, ASSISTANT));
            if (w->chat->format == DV_CHAT_V31)
                TRY(dv_chat_mark(w, DV_THINK_END));
            TRY(dv_chat_put(w, kept(w, message->text)));
            TRY(dv_chat_mark(w, EOS));
        }
    }
    return w->chat->generate ? open_answer(w) : DSVK_OK;
}
