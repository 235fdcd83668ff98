/* SPDX-License-Identifier: MIT */
/* DeepSeek's formats up to V3.1, written out instead of running the checkpoint's template.
 *
 *   V2    BOS system \n\n User: u \n\n Assistant: a EOS ...        Assistant:
 *   V3    BOS system <User> u <Assistant> a EOS ...                <Assistant>
 *   R1    as V3, the last part being                               <Assistant> <think> \n
 *   V3.1  BOS system <User> u <Assistant> </think> a EOS ...       <Assistant> </think>
 *
 * Behind the results of tools the model goes on without <Assistant>. */
#include <string.h>

#include "chat/dsml.h"
#include "chat/prompt.h"

static void begin(struct dv_prompt *p)
{
    if (p->chat->next)
        dv_prompt_mark(p, DV_EOS);
    else
        dv_prompt_begin(p);
}

/* ---- V2 ---- */

void dv_chat_write_v2(struct dv_prompt *p)
{
    begin(p);
    for (size_t i = 0; i < p->chat->n_messages; i++) {
        const struct dv_chat_message *m      = &p->chat->messages[i];
        bool                          answer = dv_chat_is(m, "assistant");
        if (dv_chat_is(m, "user"))
            dv_prompt_put(p, "User: ");
        if (answer)
            dv_prompt_put(p, "Assistant: ");
        dv_prompt_text(p, m->text);
        if (answer)
            dv_prompt_mark(p, DV_EOS);
        else
            dv_prompt_put(p, "\n\n");
    }
    if (p->chat->generate)
        dv_prompt_put(p, "Assistant:");
}

/* ---- V3, R1, V3.1 ---- */

static bool is_v31(const struct dv_prompt *p)
{
    return p->chat->format == DV_CHAT_V31;
}

/* What a past answer keeps: the text after its thinking. V3.1 looks for the first end of thinking,
 * R1 for the last; V3's own template, which knows of none, keeps all. */
static const char *kept(const struct dv_prompt *p, const char *text)
{
    const char *end = text ? strstr(text, DV_THINK_END) : NULL;
    if (!end)
        return text;
    if (is_v31(p))
        return end + strlen(DV_THINK_END);
    bool cuts = p->template ? strstr(p->template, DV_THINK_END) != NULL
                            : !p->chat->named && p->tokenizer &&
                                  dv_tokenizer_find(p->tokenizer, DV_THINK_END) >= 0;
    return p->chat->format == DV_CHAT_R1 || cuts ? dv_chat_after_thinking(text) : text;
}

/* All system texts together stand at the beginning, wherever they were. */
static void put_system(struct dv_prompt *p)
{
    bool any = false;
    for (size_t i = 0; i < p->chat->n_messages; i++) {
        if (!dv_chat_at(p->chat, i, "system"))
            continue;
        dv_prompt_put(p, any ? "\n\n" : "");
        dv_prompt_text(p, p->chat->messages[i].text);
        any = true;
    }
}

static void put_member(struct dv_prompt *p, const struct dv_value *function, const char *key)
{
    const struct dv_value *value = dv_value_get(function, key);
    if (value && value->kind == DV_VALUE_TEXT)
        dv_prompt_bytes(p, value->text, value->bytes);
    else if (value)
        dv_prompt_json(p, value);
}

/* The model's card has this paragraph; its template has none. */
static void put_tools(struct dv_prompt *p)
{
    const struct dv_value *tools = dv_prompt_tools(p, p->chat->tools);
    if (!tools)
        return;
    dv_prompt_put(p, "\n\n## Tools\nYou have access to the following tools:\n");
    for (const struct dv_value *tool = tools->first; tool; tool = tool->next) {
        const struct dv_value *function = dv_tool_function(tool);
        if (!dv_value_get(function, "name"))
            dv_prompt_fail(p, DSVK_BAD_ARGUMENT, "a tool has no name");
        dv_prompt_put(p, "\n### ");
        put_member(p, function, "name");
        dv_prompt_put(p, "\nDescription: ");
        put_member(p, function, "description");
        dv_prompt_put(p, "\n\nParameters: ");
        put_member(p, function, "parameters");
        dv_prompt_put(p, "\n");
    }
    dv_prompt_put(p, dv_v31_calls);
}

static void put_calls(struct dv_prompt *p, const struct dv_chat_message *m)
{
    dv_prompt_mark(p, "<｜tool▁calls▁begin｜>");
    for (size_t i = 0; i < m->n_calls; i++) {
        dv_prompt_put(p, i && !is_v31(p) ? "\n" : "");
        dv_prompt_mark(p, "<｜tool▁call▁begin｜>");
        if (!is_v31(p)) {
            dv_prompt_put(p, "function");
            dv_prompt_mark(p, "<｜tool▁sep｜>");
        }
        dv_prompt_text(p, m->calls[i].name);
        if (is_v31(p))
            dv_prompt_mark(p, "<｜tool▁sep｜>");
        else
            dv_prompt_put(p, "\n```json\n");
        dv_prompt_text(p, m->calls[i].arguments);
        dv_prompt_put(p, is_v31(p) ? "" : "\n```");
        dv_prompt_mark(p, "<｜tool▁call▁end｜>");
    }
    dv_prompt_mark(p, "<｜tool▁calls▁end｜>");
}

static void put_result(struct dv_prompt *p, size_t i)
{
    bool v31 = is_v31(p);
    if (!v31 && (i == 0 || !dv_chat_at(p->chat, i - 1, "tool")))
        dv_prompt_mark(p, "<｜tool▁outputs▁begin｜>");
    else if (!v31)
        dv_prompt_put(p, "\n");
    dv_prompt_mark(p, "<｜tool▁output▁begin｜>");
    dv_prompt_text(p, p->chat->messages[i].text);
    dv_prompt_mark(p, "<｜tool▁output▁end｜>");
    if (!v31 && !dv_chat_at(p->chat, i + 1, "tool"))
        dv_prompt_mark(p, "<｜tool▁outputs▁end｜>");
}

/* The message that the one at hand stands behind; system messages do not count. */
enum before { NOTHING, QUESTION, RESULT, ANSWER };

static void put_answer(struct dv_prompt *p, const struct dv_chat_message *m, enum before before)
{
    bool v31 = is_v31(p);
    if (v31 ? before == QUESTION : before != RESULT || m->n_calls > 0) {
        dv_prompt_mark(p, DV_ASSISTANT);
        if (v31)
            dv_prompt_mark(p, DV_THINK_END);
    }
    /* V3.1's template does not look into what follows results or comes with calls. */
    dv_prompt_text(p, v31 && (before == RESULT || m->n_calls) ? m->text : kept(p, m->text));
    if (m->n_calls)
        put_calls(p, m);
    dv_prompt_mark(p, DV_EOS);
}

static void open_answer(struct dv_prompt *p, enum before before)
{
    bool on = p->chat->think == DV_THINK_ON ||
              (p->chat->think == DV_THINK_AUTO && p->chat->format == DV_CHAT_R1);
    /* V3.1's template marks answers behind questions alone. */
    if (is_v31(p) ? before != QUESTION : before == RESULT)
        return;
    dv_prompt_mark(p, DV_ASSISTANT);
    if (is_v31(p))
        dv_prompt_mark(p, on ? DV_THINK : DV_THINK_END);
    if (!on || is_v31(p))
        return;
    dv_prompt_mark(p, DV_THINK);
    /* R1 was taught a line end there; a template that opens without one knows better. */
    bool bare =
        p->chat->format == DV_CHAT_V3 && p->template && dv_template_writes(p->template, DV_THINK);
    dv_prompt_put(p, bare ? "" : "\n");
}

void dv_chat_write_deepseek(struct dv_prompt *p)
{
    enum before before = NOTHING;
    begin(p);
    put_system(p);
    put_tools(p);
    for (size_t i = 0; i < p->chat->n_messages; i++) {
        const struct dv_chat_message *m = &p->chat->messages[i];
        if (dv_chat_is(m, "user")) {
            dv_prompt_mark(p, DV_USER);
            dv_prompt_text(p, m->text);
            before = QUESTION;
        } else if (dv_chat_is(m, "tool")) {
            put_result(p, i);
            before = RESULT;
        } else if (dv_chat_is(m, "assistant")) {
            put_answer(p, m, before);
            before = ANSWER;
        }
    }
    if (p->chat->generate)
        open_answer(p, before);
}
