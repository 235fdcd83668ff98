/* SPDX-License-Identifier: MIT */
/* `run --json`: one document when the answer is whole. */
#include "json.h"
#include "run.h"

static json_t *speed(uint64_t tokens, double seconds)
{
    return seconds > 0 ? json_real((double)tokens / seconds) : json_null();
}

static json_t *ids_of(const struct ids *ids)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ids->n; i++)
        json_array_append_new(list, json_count(ids->data[i]));
    return list;
}

static json_t *logprob_of(const dsvk_logprob *l)
{
    return json_pack("{s:I, s:f}", "token", (json_int_t)l->token, "logprob", (double)l->logprob);
}

static void add_logprobs(void *user, size_t position, const dsvk_logprob *chosen,
                         const dsvk_logprob *best, size_t n_best)
{
    struct run_result *result = user;
    json_t            *token = logprob_of(chosen), *list = json_array();
    (void)position;
    for (size_t i = 0; i < n_best; i++)
        json_array_append_new(list, logprob_of(&best[i]));
    json_object_set_new(token, "best", list);
    json_array_append_new(result->logprobs, token);
}

void run_json_logprobs(const struct cli *cli, dsvk_sampling *sampling, struct run_result *result)
{
    const struct option_value *n = &cli->options.values[OPT_LOGPROBS];
    if (!n->given)
        return;
    result->logprobs        = json_array();
    sampling->logprobs      = add_logprobs;
    sampling->logprobs_user = result;
    sampling->n_logprobs    = (uint32_t)n->count;
}

int run_json(struct cli *cli, const struct run_result *result)
{
    dsvk_session_stats stats;
    dsvk_session_stats_get(cli->session, &stats);
    json_t *first = result->first_seconds < 0 ? json_null() : json_real(result->first_seconds);
    json_t *text  = result->has_text
                        ? json_stringn(result->text.n ? result->text.data : "", result->text.n)
                        : json_null();
    json_t *all =
        json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "text", text,
                  "tokens", ids_of(&result->out), "stopped_by", result->stopped_by, "prompt_tokens",
                  json_count(result->prompt), "loaded_tokens", json_count(result->loaded),
                  "generated_tokens", json_count(result->generated), "prefill_tokens_per_second",
                  speed(stats.prefill_tokens, stats.prefill_seconds), "decode_tokens_per_second",
                  speed(stats.decode_tokens, stats.decode_seconds), "first_token_seconds", first,
                  "load_seconds", json_real(result->load_seconds), "total_seconds",
                  json_real(result->total_seconds), "device",
                  json_text(dsvk_device_describe(cli->device)->name), "device_bytes",
                  json_count(stats.device_bytes));
    if (result->logprobs)
        json_object_set(all, "logprobs", result->logprobs);
    return json_print(cli, all);
}
