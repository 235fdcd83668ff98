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

int run_json(struct cli *cli, const struct run_result *result)
{
    dsvk_session_stats stats;
    dsvk_session_stats_get(cli->session, &stats);
    json_t *first = result->first_seconds < 0 ? json_null() : json_real(result->first_seconds);
    json_t *text  = result->has_text
                        ? json_stringn(result->text.n ? result->text.data : "", result->text.n)
                        : json_null();
    return json_print(
        cli,
        json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "text", text,
                  "tokens", ids_of(&result->out), "stopped_by", result->stopped_by, "prompt_tokens",
                  json_count(result->prompt), "loaded_tokens", json_count(result->loaded),
                  "generated_tokens", json_count(result->generated), "prefill_tokens_per_second",
                  speed(stats.prefill_tokens, stats.prefill_seconds), "decode_tokens_per_second",
                  speed(stats.decode_tokens, stats.decode_seconds), "first_token_seconds", first,
                  "load_seconds", json_real(result->load_seconds), "total_seconds",
                  json_real(result->total_seconds), "device",
                  json_text(dsvk_device_describe(cli->device)->name), "device_bytes",
                  json_count(stats.device_bytes)));
}
