/* SPDX-License-Identifier: MIT */
/* GLM's formats.
 *
 *   4.7   [gMASK]<sop> <|system|> s <|user|> u <|assistant|> </think> a ...  <|assistant|> <think>
 *   4.5   the same with a line end after each role mark, <think></think> before past answers and
 *         nothing after the last mark; without thinking "/nothink" follows each question
 *
 * An answer behind the last question keeps its thoughts, earlier ones lose them. */
#include <string.h>

#include "base/text.h"
#include "text/chat.h"
#include "text/tiktoken.h"

#define NO_THINK "/nothink"

struct span {
    const char *text;
    size_t      bytes;
};

/* Without the white space at both ends, as Python's strip(). */
static struct span strip(const char *text, size_t bytes)
{
    size_t start = bytes, end = bytes, n;
    bool   space;
    for (size_t at = 0; at < bytes; at += n) {
        n = dv_python_sign(text + at, bytes - at, &space);
        if (!space) {
            start = start == bytes ? at : start;
            end   = at + n;
        }
    }
    return (struct span){ text + start, end - start };
}

/* Between the first end of thinking and the last begin before it. */
static struct span thoughts(const char *text)
{
    const char *end = strstr(text, DV_THINK_END), *start = text;
    if (!end)
        return (struct span){ text, 0 };
    for (const char *at = text; (at = strstr(at, DV_THINK)) != NULL && at < end;)
        start = at += strlen(DV_THINK);
    return strip(start, (size_t)(end - start));
}

static dsvk_status put_answer(struct dv_chat_writer *w, const char *text, bool last)
{
    dsvk_status status;
    bool        lines   = w->chat->format == DV_CHAT_GLM45;
    struct span thought = last ? thoughts(text) : (struct span){ text, 0 };
    const char *rest    = dv_chat_after_thinking(text);
    struct span answer  = strip(rest, strlen(rest));
    TRY(dv_chat_mark(w, "<|assistant|>"));
    if (lines)
        TRY(dv_chat_put(w, "\n"));
    if (lines || thought.bytes)
        TRY(dv_chat_mark(w, DV_THINK));
    TRY(dv_chat_put_bytes(w, thought.text, thought.bytes));
    TRY(dv_chat_mark(w, DV_THINK_END));
    if (lines && answer.bytes)
        TRY(dv_chat_put(w, "\n"));
    return dv_chat_put_bytes(w, answer.text, answer.bytes);
}

static dsvk_status put_message(struct dv_chat_writer *w, const struct dv_chat_message *message)
{
    dsvk_status status;
    bool        user = dv_chat_is(message, "user");
    TRY(dv_chat_mark(w, user ? "<|user|>" : "<|system|>"));
    if (w->chat->format == DV_CHAT_GLM45)
        TRY(dv_chat_put(w, "\n"));
    TRY(dv_chat_put(w, message->text));
    if (w->chat->format != DV_CHAT_GLM45 || !user || w->chat->think != DV_THINK_OFF ||
        dv_text_ends(message->text, NO_THINK))
        return DSVK_OK;
    /* A token of its own in the vocabularies that were taught it. */
    return dv_tokenizer_find(w->tokenizer, NO_THINK) >= 0 ? dv_chat_mark(w, NO_THINK)
                                                          : dv_chat_put(w, NO_THINK);
}

static dsvk_status open_answer(struct dv_chat_writer *w)
{
    dsvk_status status;
    bool        off = w->chat->think == DV_THINK_OFF;
    TRY(dv_chat_mark(w, "<|assistant|>"));
    if (w->chat->format == DV_CHAT_GLM)
        return dv_chat_mark(w, off ? DV_THINK_END : DV_THINK);
    if (!off)
        return DSVK_OK;
    TRY(dv_chat_put(w, "\n"));
    TRY(dv_chat_mark(w, DV_THINK));
    return dv_chat_mark(w, DV_THINK_END);
}

dsvk_status dv_chat_write_glm(struct dv_chat_writer *w)
{
    dsvk_status status;
    size_t      questions_end = 0; /* behind the last question */
    for (size_t i = 0; i < w->chat->n_messages; i++)
        if (dv_chat_is(&w->chat->messages[i], "user"))
            questions_end = i + 1;
    if (!w->chat->next) { /* nothing closes an answer but the turn that follows */
        TRY(dv_chat_mark(w, "[gMASK]"));
        TRY(dv_chat_mark(w, "<sop>"));
    }
    for (size_t i = 0; i < w->chat->n_messages; i++) {
        if (dv_chat_is(&w->chat->messages[i], "assistant"))
            TRY(put_answer(w, w->chat->messages[i].text, i >= questions_end));
        else
            TRY(put_message(w, &w->chat->messages[i]));
    }
    return w->chat->generate ? open_answer(w) : DSVK_OK;
}
