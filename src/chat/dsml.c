/* SPDX-License-Identifier: MIT */
/* The formats of DeepSeek-V3.2 and V4, whose calls are in DSML. Both write what DeepSeek's own
 * encoders (encoding_dsv32.py, encoding_dsv4.py) do; docs/chat.md says what that is. */
#include "chat/dsml.h"

#include <string.h>

#include "chat/dsml_turns.h"

/* ---- writing ---- */

static bool have_functions(struct dsml *d, const struct dv_value *tools)
{
    for (const struct dv_value *tool = tools->first; tool; tool = tool->next)
        if (!dv_value_get(tool, "function")) {
            dv_prompt_fail(d->p, DSVK_BAD_ARGUMENT, "a tool has no \"function\"");
            return false;
        }
    return true;
}

static void put_tools(struct dsml *d, const char *text)
{
    const struct dv_value *tools = dv_prompt_tools(d->p, text);
    if (!tools || !have_functions(d, tools))
        return;
    dv_prompt_put(d->p, "\n\n");
    dv_prompt_put(d->p, d->v4 ? dv_v4_tools : dv_v32_tools);
    for (const struct dv_value *tool = tools->first; tool; tool = tool->next) {
        dv_prompt_json(d->p, dv_value_get(tool, "function"));
        dv_prompt_put(d->p, tool->next ? "\n" : "");
    }
    dv_prompt_put(d->p, d->v4 ? dv_v4_tools_end : dv_v32_tools_end);
}

static void put_extra(struct dsml *d, const struct dv_chat_message *m)
{
    put_tools(d, m->tools);
    const struct dv_value *format =
        m->response_format ? dv_prompt_read(d->p, m->response_format, "the response format") : NULL;
    if (!dv_value_truth(format))
        return;
    dv_prompt_put(d->p, "\n\n## Response Format:\n\nYou MUST strictly adhere to the following "
                        "schema to reply:\n");
    dv_prompt_json(d->p, format);
}

static void put_parameter(struct dsml *d, const struct dv_value *value)
{
    bool text = value->kind == DV_VALUE_TEXT;
    dv_prompt_put(d->p, "<" DV_DSML "parameter name=\"");
    dv_prompt_bytes(d->p, value->key, value->key_bytes);
    dv_prompt_put(d->p, text ? "\" string=\"true\">" : "\" string=\"false\">");
    if (text)
        dv_prompt_bytes(d->p, value->text, value->bytes);
    else
        dv_prompt_json(d->p, value);
    dv_prompt_put(d->p, "</" DV_DSML "parameter>");
    dv_prompt_put(d->p, value->next ? "\n" : "");
}

/* Arguments that are no JSON are in V4 one text; V3.2's own encoder refuses them. */
static struct dv_value *read_arguments(struct dsml *d, const char *text)
{
    char             why[DV_VALUE_WHY];
    struct dv_value *value;
    if (!d->v4)
        return dv_prompt_read(d->p, text, "the arguments of a call");
    dsvk_status status = dv_value_read(&value, &d->p->arena, text, strlen(text), why);
    if (status != DSVK_BAD_ARGUMENT) {
        if (status == DSVK_NO_MEMORY)
            d->p->bytes.status = status;
        else if (status != DSVK_OK)
            dv_prompt_fail(d->p, DSVK_BAD_ARGUMENT, why);
        return value;
    }
    struct dv_value *object = dv_arena_alloc(&d->p->arena, 1, sizeof *object),
                    *raw    = dv_arena_alloc(&d->p->arena, 1, sizeof *raw);
    if (!object || !raw) {
        dv_prompt_fail(d->p, DSVK_NO_MEMORY, "no memory for the messages");
        return NULL;
    }
    *raw    = (struct dv_value){ .kind      = DV_VALUE_TEXT,
                                 .text      = text,
                                 .bytes     = strlen(text),
                                 .key       = "arguments",
                                 .key_bytes = strlen("arguments") };
    *object = (struct dv_value){ .kind = DV_VALUE_OBJECT, .first = raw, .n = 1 };
    return object;
}

static void put_call(struct dsml *d, const struct dv_chat_call *call)
{
    const struct dv_value *arguments =
        d->p->bytes.status == DSVK_OK ? read_arguments(d, call->arguments) : NULL;
    if (arguments && arguments->kind != DV_VALUE_OBJECT)
        dv_prompt_fail(d->p, DSVK_BAD_ARGUMENT, "the arguments of a call are no JSON object");
    if (d->p->bytes.status != DSVK_OK || !arguments)
        return;
    dv_prompt_put(d->p, "<" DV_DSML "invoke name=\"");
    dv_prompt_text(d->p, call->name);
    dv_prompt_put(d->p, "\">\n");
    for (const struct dv_value *v = arguments->first; v; v = v->next)
        put_parameter(d, v);
    dv_prompt_put(d->p, "\n</" DV_DSML "invoke>");
}

static void put_calls(struct dsml *d, const struct dv_chat_message *m)
{
    if (m->n_calls == 0)
        return;
    dv_prompt_put(d->p,
                  d->v4 ? "\n\n<" DV_DSML "tool_calls>\n" : "\n\n<" DV_DSML "function_calls>\n");
    for (size_t i = 0; i < m->n_calls; i++) {
        put_call(d, &m->calls[i]);
        dv_prompt_put(d->p, i + 1 < m->n_calls ? "\n" : "");
    }
    dv_prompt_put(d->p, d->v4 ? "\n</" DV_DSML "tool_calls>" : "\n</" DV_DSML "function_calls>");
}

static void put_reasoning(struct dsml *d, const struct turn *turn)
{
    if (!turn->forgets)
        dv_prompt_text(d->p, turn->m->reasoning);
    dv_prompt_mark(d->p, DV_THINK_END);
}

static void put_think(struct dsml *d, bool recent)
{
    dv_prompt_mark(d->p, d->thinking && recent ? DV_THINK : DV_THINK_END);
}

static bool opens(const struct dsml *d, size_t i)
{
    return d->p->chat->generate || i + 1 < d->n;
}

static bool begin(struct dsml *d, struct dv_prompt *p, bool v4)
{
    *d = (struct dsml){ .p = p, .v4 = v4, .thinking = p->chat->think == DV_THINK_ON };
    if (p->chat->next)
        dv_prompt_mark(p, DV_EOS);
    else
        dv_prompt_begin(p);
    return dv_dsml_place_tools(d) && dv_dsml_make_turns(d);
}

/* ---- V3.2 ---- */

static void put_result32(struct dsml *d, size_t i)
{
    size_t caller = i;
    while (caller > 0 && is(&d->turns[caller], "tool"))
        caller--;
    size_t n_calls = is(&d->turns[caller], "assistant") ? d->turns[caller].m->n_calls : 0;
    if (i == caller || i - caller > n_calls) {
        dv_prompt_fail(d->p, DSVK_BAD_ARGUMENT, "a tool's result has no call before it");
        return;
    }
    dv_prompt_put(d->p, i - caller == 1 ? "\n\n<function_results>\n<result>" : "\n<result>");
    dv_prompt_text(d->p, d->turns[i].m->text);
    dv_prompt_put(d->p, "</result>");
    if (i - caller < n_calls)
        return;
    dv_prompt_put(d->p, "\n</function_results>\n\n");
    if (opens(d, i))
        put_think(d, dv_dsml_is_recent(d, i, true));
}

static void put_question32(struct dsml *d, size_t i)
{
    const struct dv_chat_message *m = d->turns[i].m;
    dv_prompt_mark(d->p, DV_USER);
    if (dv_chat_is(m, "developer")) {
        put_extra(d, m);
        dv_prompt_put(d->p, "\n\n# The user's message is: ");
    }
    dv_prompt_text(d->p, m->text);
    if (!opens(d, i))
        return;
    dv_prompt_mark(d->p, DV_ASSISTANT);
    put_think(d, i == d->last_user);
}

static void put_turn32(struct dsml *d, size_t i)
{
    const struct turn *turn = &d->turns[i];
    if (is(turn, "system")) {
        dv_prompt_text(d->p, turn->m->text);
        put_extra(d, turn->m);
    } else if (asks(turn->m)) {
        put_question32(d, i);
    } else if (is(turn, "tool")) {
        put_result32(d, i);
    } else {
        if (d->thinking && dv_dsml_is_recent(d, i, false))
            put_reasoning(d, turn);
        dv_prompt_text(d->p, turn->m->text);
        put_calls(d, turn->m);
        dv_prompt_mark(d->p, DV_EOS);
    }
}

void dv_chat_write_v32(struct dv_prompt *p)
{
    struct dsml d;
    if (!begin(&d, p, false))
        return;
    if (d.thinking && !p->chat->keep_reasoning)
        dv_dsml_forget(&d);
    dv_dsml_find_last(&d);
    for (size_t i = 0; i < d.n; i++)
        put_turn32(&d, i);
}

/* ---- V4 ---- */

static void put_blocks(struct dsml *d, const struct turn *turn)
{
    dv_prompt_mark(d->p, DV_USER);
    for (size_t i = 0; i < turn->n; i++) {
        bool result = dv_chat_is(turn->blocks[i], "tool");
        dv_prompt_put(d->p, i ? "\n\n" : "");
        dv_prompt_put(d->p, result ? "<tool_result>" : "");
        dv_prompt_text(d->p, turn->blocks[i]->text);
        dv_prompt_put(d->p, result ? "</tool_result>" : "");
    }
}

static void put_answer4(struct dsml *d, size_t i)
{
    const struct turn *turn = &d->turns[i];
    bool               task = i > 0 && d->turns[i - 1].m->task;
    if (d->thinking && !task && (!d->drops || dv_dsml_is_recent(d, i, false)))
        put_reasoning(d, turn);
    dv_prompt_text(d->p, turn->m->text);
    put_calls(d, turn->m);
    if (!turn->m->open)
        dv_prompt_mark(d->p, DV_EOS);
}

static void put_task(struct dsml *d, const char *task)
{
    static const char *const tasks[] = { "action", "query", "authority",
                                         "domain", "title", "read_url" };
    static const char *const marks[] = { "<｜action｜>", "<｜query｜>", "<｜authority｜>",
                                         "<｜domain｜>", "<｜title｜>", "<｜read_url｜>" };
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        if (strcmp(task, tasks[i]) != 0)
            continue;
        if (i == 0) {
            dv_prompt_mark(d->p, DV_ASSISTANT);
            put_think(d, true);
        }
        dv_prompt_mark(d->p, marks[i]);
        return;
    }
    dv_prompt_fail(d->p, DSVK_BAD_ARGUMENT, "a message has a task that the format v4 has not");
}

/* The answer is opened behind a question that nothing but an answer or a reminder follows. */
static void open_answer4(struct dsml *d, size_t i)
{
    const struct turn *turn = &d->turns[i];
    if (i + 1 < d->n && !is(turn + 1, "assistant") && !is(turn + 1, "latest_reminder"))
        return;
    if (turn->m->task) {
        put_task(d, turn->m->task);
    } else if (dv_dsml_is_question(d, turn) && opens(d, i)) {
        dv_prompt_mark(d->p, DV_ASSISTANT);
        put_think(d, !d->drops || dv_dsml_is_recent(d, i, true));
    }
}

static void put_turn4(struct dsml *d, size_t i)
{
    const struct turn *turn = &d->turns[i];
    if (is(turn, "system")) {
        dv_prompt_text(d->p, turn->m->text);
        put_extra(d, turn->m);
    } else if (is(turn, "developer")) {
        dv_prompt_mark(d->p, DV_USER);
        dv_prompt_text(d->p, turn->m->text);
        put_extra(d, turn->m);
    } else if (is(turn, "latest_reminder")) {
        dv_prompt_put(d->p, "<｜latest_reminder｜>");
        dv_prompt_text(d->p, turn->m->text);
    } else if (is(turn, "assistant")) {
        put_answer4(d, i);
    } else {
        put_blocks(d, turn);
    }
    open_answer4(d, i);
}

static bool has_tools(struct dsml *d)
{
    for (size_t i = 0; i < d->n_messages; i++)
        if (d->messages[i].tools &&
            dv_value_truth(dv_prompt_read(d->p, d->messages[i].tools, "the tools")))
            return true;
    return false;
}

void dv_chat_write_v4(struct dv_prompt *p)
{
    struct dsml d;
    if (!begin(&d, p, true))
        return;
    dv_dsml_order_all(&d);
    d.drops = !p->chat->keep_reasoning && !has_tools(&d);
    if (d.thinking && d.drops)
        dv_dsml_forget(&d);
    dv_dsml_find_last(&d);
    bool most = p->chat->effort && strcmp(p->chat->effort, "max") == 0;
    if (d.n && d.thinking && most && !p->chat->next)
        dv_prompt_put(p, dv_v4_effort);
    for (size_t i = 0; i < d.n; i++)
        put_turn4(&d, i);
}
