/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <stdio.h>

static void line(const char *name, double value, const char *unit)
{
    fprintf(stderr, "%-22s%.3f%s\n", name, value, unit);
}

static void count(const char *name, uint64_t value, const char *unit)
{
    fprintf(stderr, "%-22s%llu%s\n", name, (unsigned long long)value, unit);
}

void report_stats(struct cli *cli, const struct run_result *result)
{
    dsvk_session_stats stats;
    dsvk_session_stats_get(cli->session, &stats);

    count("prompt tokens", result->prompt, "");
    count("generated tokens", result->generated, "");
    if (stats.prefill_seconds > 0)
        line("prefill tokens/s", (double)stats.prefill_tokens / stats.prefill_seconds, "");
    if (stats.decode_seconds > 0)
        line("decode tokens/s", (double)stats.decode_tokens / stats.decode_seconds, "");
    if (result->first_seconds >= 0)
        line("time to first token", result->first_seconds, " s");
    count("device memory", stats.device_bytes, " bytes");
    count("  weights", stats.weight_bytes, " bytes");
    count("  latent cache", stats.cache_bytes, " bytes");
    count("  activations", stats.arena_bytes, " bytes");
    count("submissions", stats.submissions, "");
    if (stats.decode_dispatches) {
        count("dispatches per token", stats.decode_dispatches, "");
        count("barriers per token", stats.decode_barriers, "");
    }
}

int report_profile(struct cli *cli)
{
    dsvk_profile_row *rows;
    uint32_t          n;
    double            total = 0;
    int code = cli_status(cli, dsvk_session_profile(cli->session, &rows, &n), "--profile");
    if (code)
        return code;
    for (uint32_t i = 0; i < n; i++)
        total += rows[i].seconds;
    fprintf(stderr, "%-32s %10s %10s %10s %6s\n", "kernel", "dispatches", "ms", "us each", "%");
    for (uint32_t i = 0; i < n; i++) {
        double seconds = rows[i].seconds;
        double each = rows[i].dispatches ? seconds / (double)rows[i].dispatches : 0;
        fprintf(stderr, "%-32s %10llu %10.3f %10.2f %6.1f\n", rows[i].kernel,
                (unsigned long long)rows[i].dispatches, seconds * 1e3, each * 1e6,
                total > 0 ? seconds / total * 100 : 0);
    }
    dsvk_model_free_memory(cli->model, rows);
    return EXIT_DONE;
}
