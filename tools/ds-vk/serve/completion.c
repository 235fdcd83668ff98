/* SPDX-License-Identifier: MIT */
/* /v1/completions: a text, or ids, that the model goes on with. */
#include "openai.h"

#include "logprobs.h"
#include "routes.h"

#define OBJECT "text_completion"

static json_t *choice_of(struct choice *choice, const char *text, size_t n, const char *reason)
{
    return json_pack("{s:i, s:s%, s:o?, s:s?}", "index", (int)choice->index, "text", text, n,
                     "logprobs", logprobs_of_text(choice), "finish_reason", reason);
}

static void begin(struct answer *answer)
{
    (void)answer; /* its events are all of one form */
}

static void piece(struct choice *choice, const dsvk_piece *piece)
{
    struct answer *a = choice->answer;
    answer_event(a, openai_document(a, OBJECT, choice_of(choice, piece->text, piece->bytes, NULL)));
}

static void end(struct choice *choice)
{
    struct answer *a = choice->answer;
    answer_event(a, openai_document(a, OBJECT, choice_of(choice, "", 0, choice_reason(choice))));
}

static void finish(struct answer *answer)
{
    openai_close(answer, OBJECT);
}

static json_t *whole_choice(struct choice *c)
{
    return choice_of(c, c->text.n ? c->text.data : "", c->text.n, choice_reason(c));
}

static json_t *whole(struct answer *answer)
{
    return openai_whole(answer, OBJECT, whole_choice);
}

static const struct dialect dialect = {
    .content_type = "text/event-stream",
    .nothing      = ": still here\n\n",
    .id_prefix    = "cmpl-",
    .begin        = begin,
    .piece        = piece,
    .end          = end,
    .close        = finish,
    .fail         = openai_fail,
    .whole        = whole,
};

/* A text, ids, or a list of one of them. */
static bool prompt(struct ask *ask, struct server *server, struct refusal *why)
{
    const json_t *given = field(ask->body, "prompt"), *first = json_array_get(given, 0);
    if (json_is_string(first) || json_is_array(first)) {
        if (json_array_size(given) > 1)
            return refuse(why, 400, "prompt", "'prompt' takes one prompt, not %zu",
                          json_array_size(given));
        given = first;
    }
    if (json_is_string(given))
        return ask_text(ask, server, json_string_value(given), why);
    if (json_is_array(given))
        return ask_ids(ask, given, why);
    return refuse(why, 400, "prompt", "'prompt' takes a text or a list of token ids");
}

static bool completion_fields(struct ask *ask, struct refusal *why)
{
    static const char *const absent[] = { "echo", "suffix" };
    static const int64_t     one[]    = { 1, 1 };
    int64_t                  best     = 1;
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (!field_absent(why, ask->body, absent[i]))
            return false;
    return (ask->n > 1 || field_count(why, ask->body, "best_of", one, &best)) &&
           ask_limit(ask, "max_tokens", "max_completion_tokens", why);
}

enum MHD_Result serve_completion(struct exchange *x)
{
    struct refusal why = { 0 };
    struct ask    *ask = ask_new(x, &why);
    if (ask && openai_common(ask, &why) && ask_text_logprobs(ask, &why) &&
        completion_fields(ask, &why) && prompt(ask, x->server, &why))
        return answer_serve(x, ask, &dialect);
    ask_free(ask);
    return http_refuse(x, &why);
}
