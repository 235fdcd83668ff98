/* SPDX-License-Identifier: MIT */
/* What --stats and --profile print to standard error after an answer. Standard output stays the
 * answer alone. */
#include "run.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

static void line(const char *name, double value, const char *unit)
{
    fprintf(stderr, "%-22s%.3f%s\n", name, value, unit);
}

static void count(const char *name, uint64_t value, const char *unit)
{
    fprintf(stderr, "%-22s%llu%s\n", name, (unsigned long long)value, unit);
}

/* For people, and in parentheses exactly. */
static void size(const char *name, uint64_t bytes)
{
    char text[TEXT_SIZE];
    fprintf(stderr, "%-22s%s (%llu bytes)\n", name, text_size(text, bytes),
            (unsigned long long)bytes);
}

static void expert_stats(const dsvk_session_stats *stats)
{
    uint64_t wanted = stats->expert_hits + stats->expert_from_host + stats->expert_from_disk;
    if (stats->experts == 0)
        return;
    count("experts", stats->experts, "");
    count("  on the device", stats->expert_slots, "");
    count("  in host memory", stats->host_experts, "");
    size("  host memory", stats->host_bytes);
    count("expert hits", stats->expert_hits, "");
    count("  from host memory", stats->expert_from_host, "");
    count("  from the disk", stats->expert_from_disk, "");
    if (wanted)
        line("expert hit rate", (double)stats->expert_hits / (double)wanted, "");
    size("  read from the host", stats->expert_host_bytes);
    size("  read from the disk", stats->expert_disk_bytes);
    line("waiting for experts", stats->expert_seconds, " s");
}

void report_stats(struct cli *cli, const struct run_result *result)
{
    dsvk_session_stats stats;
    dsvk_session_stats_get(cli->session, &stats);

    const char *name = dsvk_device_describe(cli->device)->name;
    char        clean[sizeof dsvk_device_describe(cli->device)->name];
    fprintf(stderr, "%-22s%.*s\n", "device", (int)text_clean(clean, name, strlen(name)), clean);
    count("prompt tokens", result->prompt, "");
    if (cli->options.values[OPT_LOAD_SESSION].given)
        count("  from the file", result->loaded, "");
    count("generated tokens", result->generated, "");
    if (stats.prefill_seconds > 0)
        line("prefill tokens/s", (double)stats.prefill_tokens / stats.prefill_seconds, "");
    if (stats.decode_seconds > 0)
        line("decode tokens/s", (double)stats.decode_tokens / stats.decode_seconds, "");
    if (result->first_seconds >= 0)
        line("time to first token", result->first_seconds, " s");
    line("loading", result->load_seconds, " s");
    line("in total", result->total_seconds, " s");
    size("device memory", stats.device_bytes);
    size("  weights", stats.weight_bytes);
    size("  latent cache", stats.cache_bytes);
    size("  activations", stats.arena_bytes);
    bool developer = cli->options.values[OPT_VERBOSE].given > 0;
    if (developer)
        count("submissions", stats.submissions, "");
    if (developer && stats.decode_dispatches) {
        count("dispatches per token", stats.decode_dispatches, "");
        count("barriers per token", stats.decode_barriers, "");
    }
    expert_stats(&stats);
}

/* A rate, or a dash where nothing was counted. */
static void rate(uint64_t count, double seconds, int width)
{
    if (count && seconds > 0)
        fprintf(stderr, " %*.1f", width, (double)count / seconds * 1e-9);
    else
        fprintf(stderr, " %*s", width, "-");
}

static void profile_row(const dsvk_profile_row *row, double total)
{
    double each = row->dispatches ? row->seconds / (double)row->dispatches : 0;
    fprintf(stderr, "%6llu %8.1f %5.1f %7.1f", (unsigned long long)row->dispatches,
            row->seconds * 1e3, total > 0 ? row->seconds / total * 100 : 0, each * 1e6);
    rate(row->bytes, row->seconds, 6);
    rate(row->flops, row->seconds, 7);
    fprintf(stderr, "  %s\n", row->kernel); /* last, so that it is whole */
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
    fprintf(stderr, "%6s %8s %5s %7s %6s %7s  %s\n", "calls", "ms", "%", "us each", "GB/s",
            "GFLOP/s", "kernel");
    for (uint32_t i = 0; i < n; i++)
        profile_row(&rows[i], total);
    fprintf(stderr, "%6s %8.1f %28s  all\n", "", total * 1e3, "");
    dsvk_model_free_memory(cli->model, rows);
    return EXIT_DONE;
}
