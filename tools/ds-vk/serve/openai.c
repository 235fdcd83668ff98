/* SPDX-License-Identifier: MIT */
/* Documents and events that the endpoints of OpenAI share. */
#include "openai.h"

#include "routes.h"

#include <string.h>

json_t *openai_document(const struct answer *answer, const char *object, json_t *choice)
{
    json_t *choices = json_array();
    if (choice)
        json_array_append_new(choices, choice);
    return json_pack("{s:s, s:s, s:I, s:s, s:o}", "id", answer->id, "object", object, "created",
                     (json_int_t)answer->created, "model", answer->ask->served->name, "choices",
                     choices);
}

json_t *openai_usage(const struct answer *answer)
{
    struct answer_usage u = answer_usage(answer);
    return json_pack("{s:I, s:I, s:I, s:{s:I}, s:{s:I}}", "prompt_tokens", (json_int_t)u.prompt,
                     "completion_tokens", (json_int_t)u.generated, "total_tokens",
                     (json_int_t)(u.prompt + u.generated), "prompt_tokens_details", "cached_tokens",
                     (json_int_t)u.cached, "completion_tokens_details", "reasoning_tokens",
                     (json_int_t)u.thought);
}

static double rate(size_t n, double seconds)
{
    return seconds > 0 ? (double)n / seconds : 0;
}

/* Of the first choice, in the words of llama.cpp. */
json_t *openai_timings(const struct answer *answer)
{
    const struct job *job    = &answer->choices[0].job;
    size_t            prompt = job->n_ids - job->cached, n = job->generated;
    double            first = n ? job->first_at : job->ended_at;
    double            in = first - job->begun_at, out = job->ended_at - first;
    return json_pack("{s:I, s:I, s:f, s:f, s:I, s:f, s:f, s:f}", "cache_n", (json_int_t)job->cached,
                     "prompt_n", (json_int_t)prompt, "prompt_ms", in * 1e3, "prompt_per_second",
                     rate(prompt, in), "predicted_n", (json_int_t)n, "predicted_ms", out * 1e3,
                     "predicted_per_second", rate(n > 0 ? n - 1 : 0, out), "queued_ms",
                     (job->begun_at - job->asked_at) * 1e3);
}

json_t *openai_whole(const struct answer *answer, const char *object,
                     json_t *(*choice_of)(struct choice *choice))
{
    json_t *document = openai_document(answer, object, NULL);
    json_t *choices  = json_object_get(document, "choices");
    for (uint32_t i = 0; i < answer->ask->n; i++)
        json_array_append_new(choices, choice_of(&answer->choices[i]));
    json_object_set_new(document, "usage", openai_usage(answer));
    json_object_set_new(document, "timings", openai_timings(answer));
    return document;
}

void openai_close(struct answer *answer, const char *object)
{
    if (answer->ask->usage) {
        json_t *last = openai_document(answer, object, NULL);
        json_object_set_new(last, "usage", openai_usage(answer));
        json_object_set_new(last, "timings", openai_timings(answer));
        answer_event(answer, last);
    }
    buffer_text(&answer->out, "data: [DONE]\n\n");
}

void openai_fail(struct answer *answer, const struct refusal *why)
{
    answer_event(answer, reply_error(ENVELOPE_OPENAI, why));
    buffer_text(&answer->out, "data: [DONE]\n\n");
}

bool openai_common(struct ask *ask, struct refusal *why)
{
    static const int64_t     choices[] = { 1, MAX_CHOICES };
    int64_t                  n         = 1;
    static const char *const absent[]  = { "audio", "functions", "grammar", "json_schema",
                                           "guided_json" };
    if (!ask_common(ask, why) || !field_count(why, ask->body, "n", choices, &n))
        return false;
    ask->n = (uint32_t)n;
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (!field_absent(why, ask->body, absent[i]))
            return false;
    return ask_format(ask, "response_format", field(ask->body, "response_format"), why) &&
           ask_stops(ask, "stop", why) &&
           field_flag(why, field(ask->body, "stream_options"), "include_usage", &ask->usage);
}
