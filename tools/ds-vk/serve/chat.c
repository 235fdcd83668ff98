/* SPDX-License-Identifier: MIT */
/* /v1/chat/completions */
#include "openai.h"

#include "routes.h"

#include <string.h>

#define CHUNK "chat.completion.chunk"

/* Consumes the delta. */
static void chunk(struct choice *choice, json_t *delta, const char *reason)
{
    struct answer *a = choice->answer;
    answer_event(a, openai_document(a, CHUNK,
                                    json_pack("{s:i, s:o, s:s?}", "index", (int)choice->index,
                                              "delta", delta, "finish_reason", reason)));
}

static void begin(struct answer *answer)
{
    for (uint32_t i = 0; i < answer->ask->n; i++)
        chunk(&answer->choices[i], json_pack("{s:s, s:s}", "role", "assistant", "content", ""),
              NULL);
}

static void piece(struct choice *choice, const char *text, size_t n)
{
    chunk(choice, json_pack("{s:s%}", "content", text, n), NULL);
}

static void end(struct choice *choice)
{
    chunk(choice, json_object(), choice_reason(choice));
}

static void finish(struct answer *answer)
{
    openai_close(answer, CHUNK);
}

static json_t *choice_of(const struct choice *c)
{
    return json_pack("{s:i, s:{s:s, s:s%}, s:s}", "index", (int)c->index, "message", "role",
                     "assistant", "content", c->text.n ? c->text.data : "", c->text.n,
                     "finish_reason", choice_reason(c));
}

static json_t *whole(struct answer *answer)
{
    return openai_whole(answer, "chat.completion", choice_of);
}

static const struct dialect dialect = {
    .content_type = "text/event-stream",
    .nothing      = ": still here\n\n",
    .id_prefix    = "chatcmpl-",
    .begin        = begin,
    .piece        = piece,
    .end          = end,
    .close        = finish,
    .fail         = openai_fail,
    .whole        = whole,
};

/* Tools that the model may not use ask for nothing. */
static bool no_tools(struct ask *ask, struct refusal *why)
{
    const char *choice = json_string_value(field(ask->body, "tool_choice"));
    return (choice && strcmp(choice, "none") == 0) || field_absent(why, ask->body, "tools");
}

enum MHD_Result serve_chat(struct exchange *x)
{
    struct refusal why = { 0 };
    struct ask    *ask = ask_new(x, &why);
    if (ask && openai_common(ask, x->server, &why) && no_tools(ask, &why) &&
        ask_limit(ask, "max_completion_tokens", "max_tokens", &why) && ask_thinking(ask, &why) &&
        ask_messages(ask, x->server, field(ask->body, "messages"), &why))
        return answer_serve(x, ask, &dialect);
    ask_free(ask);
    return http_refuse(x, &why);
}
