/* SPDX-License-Identifier: MIT */
/* GLM's formats.
 *
 *   4.7   [gMASK]<sop> <|system|> s <|user|> u <|assistant|> </think> a ...  <|assistant|> <think>
 *   4.5   the same with a line end after each role mark, <think></think> before past answers and
 *         nothing after the last mark; without thinking "/nothink" follows each question
 *
 * An answer behind the last question keeps its thoughts, earlier ones lose them. Calls and results
 * are in tags, whose values are texts or JSON. */
#include <string.h>

#include "base/text.h"
#include "chat/prompt.h"
#include "text/tiktoken.h"

#define NO_THINK "/nothink"
#define TOOLS                                                                                      \
    "\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"           \
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n"
#define CALLS                                                                                      \
    "</tools>\n\nFor each function call, output the function name and arguments within the "       \
    "following XML format:\n<tool_call>{function-name}"
#define ARGUMENT(n, line)                                                                          \
    line "<arg_key>{arg-key-" n "}</arg_key>" line "<arg_value>{arg-value-" n "}</arg_value>"

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

static bool has_lines(const struct dv_prompt *p)
{
    return p->chat->format == DV_CHAT_GLM45;
}

/* A line end, in the format that has them. */
static void put_line(struct dv_prompt *p)
{
    dv_prompt_put(p, has_lines(p) ? "\n" : "");
}

/* ---- tools ---- */

static void put_tools(struct dv_prompt *p)
{
    const struct dv_value *tools = dv_prompt_tools(p, p->chat->tools);
    if (!tools)
        return;
    dv_prompt_mark(p, "<|system|>");
    dv_prompt_put(p, TOOLS);
    for (const struct dv_value *tool = tools->first; tool; tool = tool->next) {
        dv_prompt_json(p, tool);
        dv_prompt_put(p, "\n");
    }
    dv_prompt_put(p, CALLS);
    dv_prompt_put(p, has_lines(p) ? ARGUMENT("1", "\n") ARGUMENT("2", "\n") "\n...\n</tool_call>"
                                  : ARGUMENT("1", "") ARGUMENT("2", "") "...</tool_call>");
}

static void put_argument(struct dv_prompt *p, const struct dv_value *value)
{
    dv_prompt_put(p, "<arg_key>");
    dv_prompt_bytes(p, value->key, value->key_bytes);
    dv_prompt_put(p, "</arg_key>");
    put_line(p);
    dv_prompt_put(p, "<arg_value>");
    if (value->kind == DV_VALUE_TEXT)
        dv_prompt_bytes(p, value->text, value->bytes);
    else
        dv_prompt_json(p, value);
    dv_prompt_put(p, "</arg_value>");
    put_line(p);
}

static void put_call(struct dv_prompt *p, const struct dv_chat_call *call)
{
    const struct dv_value *arguments =
        dv_prompt_read(p, call->arguments, "the arguments of a call");
    if (arguments && arguments->kind != DV_VALUE_OBJECT)
        dv_prompt_fail(p, DSVK_BAD_ARGUMENT, "the arguments of a call are no JSON object");
    put_line(p);
    dv_prompt_put(p, "<tool_call>");
    dv_prompt_text(p, call->name);
    put_line(p);
    for (const struct dv_value *v = arguments ? arguments->first : NULL; v; v = v->next)
        put_argument(p, v);
    dv_prompt_put(p, "</tool_call>");
}

static void put_result(struct dv_prompt *p, size_t i)
{
    if (i == 0 || !dv_chat_at(p->chat, i - 1, "tool"))
        dv_prompt_mark(p, "<|observation|>");
    dv_prompt_put(p, has_lines(p) ? "\n<tool_response>\n" : "<tool_response>");
    dv_prompt_text(p, p->chat->messages[i].text);
    dv_prompt_put(p, has_lines(p) ? "\n</tool_response>" : "</tool_response>");
}

/* ---- messages ---- */

static void put_answer(struct dv_prompt *p, const struct dv_chat_message *m, bool last)
{
    const char *text    = m->text ? m->text : "";
    struct span thought = m->reasoning ? strip(m->reasoning, strlen(m->reasoning)) : thoughts(text);
    const char *rest    = m->reasoning ? text : dv_chat_after_thinking(text);
    struct span answer  = strip(rest, strlen(rest));
    thought.bytes       = last ? thought.bytes : 0;
    dv_prompt_mark(p, "<|assistant|>");
    put_line(p);
    if (has_lines(p) || thought.bytes)
        dv_prompt_mark(p, DV_THINK);
    dv_prompt_bytes(p, thought.text, thought.bytes);
    dv_prompt_mark(p, DV_THINK_END);
    if (answer.bytes)
        put_line(p);
    dv_prompt_bytes(p, answer.text, answer.bytes);
    for (size_t i = 0; i < m->n_calls; i++)
        put_call(p, &m->calls[i]);
}

static void put_message(struct dv_prompt *p, const struct dv_chat_message *message)
{
    bool user = dv_chat_is(message, "user");
    dv_prompt_mark(p, user ? "<|user|>" : "<|system|>");
    put_line(p);
    dv_prompt_text(p, message->text);
    /* A token of its own in the vocabularies that were taught it. */
    if (has_lines(p) && user && p->chat->think == DV_THINK_OFF &&
        !dv_text_ends(message->text, NO_THINK))
        dv_prompt_put(p, NO_THINK);
}

static void open_answer(struct dv_prompt *p)
{
    bool off = p->chat->think == DV_THINK_OFF;
    dv_prompt_mark(p, "<|assistant|>");
    if (!has_lines(p)) {
        dv_prompt_mark(p, off ? DV_THINK_END : DV_THINK);
    } else if (off) {
        dv_prompt_put(p, "\n");
        dv_prompt_mark(p, DV_THINK);
        dv_prompt_mark(p, DV_THINK_END);
    }
}

void dv_chat_write_glm(struct dv_prompt *p)
{
    size_t questions_end = 0; /* behind the last question */
    for (size_t i = 0; i < p->chat->n_messages; i++)
        if (dv_chat_at(p->chat, i, "user"))
            questions_end = i + 1;
    if (!p->chat->next) { /* nothing closes an answer but the turn that follows */
        dv_prompt_mark(p, "[gMASK]");
        dv_prompt_mark(p, "<sop>");
        put_tools(p);
    }
    for (size_t i = 0; i < p->chat->n_messages; i++) {
        if (dv_chat_at(p->chat, i, "assistant"))
            put_answer(p, &p->chat->messages[i], i >= questions_end);
        else if (dv_chat_at(p->chat, i, "tool"))
            put_result(p, i);
        else
            put_message(p, &p->chat->messages[i]);
    }
    if (p->chat->generate)
        open_answer(p);
}
