/* SPDX-License-Identifier: MIT */
/* What `ds-vk bench` prints: text for people, Markdown to paste, one JSON document for programs. */
#include "bench.h"

#include "host.h"

#include <stdio.h>
#include <string.h>

/* The folder's own name, not where it is. */
static void model_name(const struct bench *bench, char *name, size_t bytes)
{
    const struct option_value *values = bench->cli->options.values;
    const char *text = values[OPT_LIKE].given ? values[OPT_LIKE].text : values[OPT_MODEL].text;
    size_t      n    = text ? strlen(text) : 0;
    while (n > 1 && host_is_slash(text[n - 1]))
        n--;
    size_t at = n;
    while (at > 0 && !host_is_slash(text[at - 1]))
        at--;
    if (!text)
        snprintf(name, bytes, "demo");
    else
        snprintf(name, bytes, "%s%.*s", values[OPT_LIKE].given ? "like " : "", (int)(n - at),
                 text + at);
}

static const char *word(const struct bench *bench, enum option_id id, const char *other)
{
    const struct option_value *value = &bench->cli->options.values[id];
    return value->given ? value->text : other;
}

/* ---- JSON ---- */

/* What the clocks are is known for none of the devices that Vulkan shows. */
static json_t *conditions(void)
{
    struct host_conditions seen;
    host_conditions(&seen);
    json_t *governor = seen.governor[0] ? json_text(seen.governor) : json_null();
    json_t *load     = seen.load >= 0 ? json_real(seen.load) : json_null();
    return json_pack("{s:n, s:o, s:o, s:I}", "device_clocks", "cpu_governor", governor, "load",
                     load, "processors", (json_int_t)seen.processors);
}

static double hit_rate(const dsvk_session_stats *stats)
{
    uint64_t wanted = stats->expert_hits + stats->expert_from_host + stats->expert_from_disk;
    return wanted ? (double)stats->expert_hits / (double)wanted : 1;
}

/* Of all tests together; null when all experts are on the device. */
static json_t *experts(const struct bench *bench)
{
    dsvk_session_stats stats;
    dsvk_session_stats_get(bench->cli->session, &stats);
    if (stats.experts == 0)
        return json_null();
    return json_pack("{s:I, s:I, s:I, s:f, s:I, s:I, s:f}", "experts", (json_int_t)stats.experts,
                     "on_device", (json_int_t)stats.expert_slots, "on_host",
                     (json_int_t)stats.host_experts, "hit_rate", hit_rate(&stats), "host_bytes",
                     (json_int_t)stats.expert_host_bytes, "disk_bytes",
                     (json_int_t)stats.expert_disk_bytes, "wait_seconds", stats.expert_seconds);
}

static void print_experts(const struct bench *bench)
{
    dsvk_session_stats stats;
    dsvk_session_stats_get(bench->cli->session, &stats);
    if (stats.experts > 0)
        printf("\nexperts  %u, %u on the device, %u in host memory; hit rate %.3f,\n"
               "         %.3f GB from the host, %.3f GB from the disk, %.1f s\n",
               stats.experts, stats.expert_slots, stats.host_experts, hit_rate(&stats),
               (double)stats.expert_host_bytes * 1e-9, (double)stats.expert_disk_bytes * 1e-9,
               stats.expert_seconds);
}

static json_t *report(const struct bench *bench)
{
    const dsvk_device_info *device = dsvk_device_describe(bench->cli->device);
    const dsvk_model_info  *model  = dsvk_model_describe(bench->cli->model);
    char                    name[256];
    model_name(bench, name, sizeof name);
    return json_pack(
        "{s:o, s:o, s:o, s:s, s:o, s:o, s:I, s:o, s:s, s:s, s:s, s:s, s:I, s:I, s:f, s:o, s:o, "
        "s:O}",
        "device", json_text(device->name), "driver", json_text(device->driver), "conditions",
        conditions(), "version", dsvk_version(), "model", json_text(name), "architecture",
        json_text(model->architecture), "layers", (json_int_t)model->layers, "formats",
        json_text(model->number_formats), "weights", word(bench, OPT_WEIGHTS, "keep"), "head",
        word(bench, OPT_HEAD, "auto"), "math", word(bench, OPT_MATH, "auto"), "cache",
        word(bench, OPT_CACHE, "bf16"), "chunk",
        (json_int_t)dsvk_session_chunk(bench->cli->session), "repetitions", (json_int_t)bench->reps,
        "load_seconds", bench->load_seconds, "sampling", bench_sampling_json(bench), "experts",
        experts(bench), "results", bench->results);
}

/* ---- for people ---- */

static bool has_ops(const struct bench *bench)
{
    return bench->cli->options.values[OPT_OP].given;
}

int bench_head(const struct bench *bench)
{
    const dsvk_device_info *device = dsvk_device_describe(bench->cli->device);
    const dsvk_model_info  *model  = dsvk_model_describe(bench->cli->model);
    const char             *item   = bench->markdown ? "- " : "";
    struct host_conditions  seen;
    char                    name[256];
    if (bench->results)
        return EXIT_DONE;
    host_conditions(&seen);
    model_name(bench, name, sizeof name);
    printf("%sdevice   %s\n%sdriver   %s\n", item, device->name, item, device->driver);
    printf("%smodel    %s: %s, %u layers, %s\n", item, name, model->architecture, model->layers,
           model->number_formats);
    printf("%sds-vk    %s, weights %s, head %s, math %s, cache %s, loaded in %.1f s\n", item,
           dsvk_version(), word(bench, OPT_WEIGHTS, "keep"), word(bench, OPT_HEAD, "auto"),
           word(bench, OPT_MATH, "auto"), word(bench, OPT_CACHE, "bf16"), bench->load_seconds);
    printf("%sclocks   device not known, CPU governor %s", item,
           seen.governor[0] ? seen.governor : "not known");
    if (seen.load >= 0)
        printf(", load %.1f of %u", seen.load, seen.processors);
    printf("\n\n");
    if (has_ops(bench))
        bench_ops_head(bench);
    else if (bench->markdown)
        printf("| test | tokens | depth | tokens/s | CPU s |\n|---|---:|---:|---:|---:|\n");
    else
        printf("%32s %11s\n%-18s %6s %6s %11s %11s %11s %9s\n", "", "tokens/s:", "test", "tokens",
               "depth", "median", "min", "max", "CPU s");
    return cli_write(bench->cli, "", 0);
}

int bench_row(struct bench *bench, const struct result *r)
{
    const struct test *test = &r->test;
    const char        *name = bench_test_name(test);
    char               many[40];
    progress_clear();
    snprintf(many, sizeof many, test->sessions ? "%s x%u" : "%s", name, test->sessions);
    if (bench->results)
        json_array_append_new(
            bench->results,
            json_pack("{s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "test", name,
                      "sessions", (json_int_t)(test->sessions ? test->sessions : 1), "tokens",
                      (json_int_t)test->tokens, "depth", (json_int_t)test->depth, "median",
                      r->median, "min", r->least, "max", r->most, "mean", r->mean, "deviation",
                      r->deviation, "cpu_seconds", r->cpu_seconds));
    else if (bench->markdown)
        printf("| %s | %u | %u | %.2f \xc2\xb1 %.2f | %.3f |\n", many, test->tokens, test->depth,
               r->mean, r->deviation, r->cpu_seconds);
    else
        printf("%-18s %6u %6u %11.2f %11.2f %11.2f %9.3f\n", many, test->tokens, test->depth,
               r->median, r->least, r->most, r->cpu_seconds);
    return cli_write(bench->cli, "", 0);
}

int bench_finish(struct bench *bench)
{
    bool nothing = bench->gen == 0;
    for (size_t i = 0; i < bench->n_prompts; i++)
        nothing &= bench->prompts[i] == 0;
    if (nothing && !has_ops(bench))
        log_note(&bench->cli->log, "nothing was measured: the model was only loaded, in %.1f s",
                 bench->load_seconds);
    if (bench->results)
        return json_print(bench->cli, report(bench));
    print_experts(bench);
    return EXIT_DONE;
}
