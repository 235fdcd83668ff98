/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include "host.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PROMPT 512
#define DEFAULT_GEN 128
#define DEFAULT_REPS 5

struct result {
    struct test test;
    double      median, least, most; /* tokens/s */
    double      cpu_seconds;         /* of one repetition */
};

/* ---- one repetition ---- */

static int sync_to(struct bench *bench, const uint32_t *ids, size_t n)
{
    struct progress quiet = { 0 };
    dsvk_progress   sink = progress_sink(&quiet);
    return cli_status(bench->cli, dsvk_session_sync(bench->cli->session, ids, n, &sink),
                      "evaluating");
}

/* A timeline of one token that no test begins with leaves nothing to reuse. */
static int forget(struct bench *bench)
{
    uint32_t other = (bench->ids[0] + 1) % bench->vocab;
    return sync_to(bench, &other, 1);
}

const char *bench_test_name(const struct test *test)
{
    return test->sampled ? "decode-sampled" : test->decode ? "decode" : "prefill";
}

int bench_sync(struct bench *bench, size_t n)
{
    return sync_to(bench, bench->ids, n);
}

int bench_begin(struct bench *bench, const struct test *test)
{
    return test->depth ? sync_to(bench, bench->ids, test->depth) : forget(bench);
}

static bool take_token(void *user, uint32_t token)
{
    (void)user;
    (void)token;
    return true;
}

static int decode(struct bench *bench, const struct test *test)
{
    dsvk_offer offer = { take_token, NULL };
    int        code = sync_to(bench, bench->ids, (size_t)test->depth + 1);
    if (code == EXIT_DONE && test->sampled)
        code = bench_draw(bench, (size_t)test->depth + 1, test->tokens - 1);
    else if (code == EXIT_DONE)
        code = cli_status(bench->cli,
                          dsvk_session_generate(bench->cli->session, test->tokens - 1, &offer),
                          "evaluating");
    return code;
}

int bench_pass(struct bench *bench, const struct test *test)
{
    return test->decode ? decode(bench, test)
                        : sync_to(bench, bench->ids, (size_t)test->depth + test->tokens);
}

/* Tokens/s; *code is the exit status. */
static double repeat(struct bench *bench, const struct test *test, int *code)
{
    *code = bench_begin(bench, test);
    double start = host_seconds();
    if (*code == EXIT_DONE)
        *code = bench_pass(bench, test);
    return (double)test->tokens / (host_seconds() - start + 1e-9);
}

/* ---- one test ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void fill_ids(struct bench *bench)
{
    uint32_t state = 1;
    for (size_t i = 0; i < bench->n_ids; i++) {
        state = state * 1664525u + 1013904223u;
        bench->ids[i] = (state >> 8) % bench->vocab;
    }
}

static void print_result(struct bench *bench, const struct result *result)
{
    const struct test *test = &result->test;
    const char        *name = bench_test_name(test);
    if (bench->results)
        json_array_append_new(bench->results,
                              json_pack("{s:s, s:I, s:I, s:f, s:f, s:f, s:f}", "test", name,
                                        "tokens", (json_int_t)test->tokens, "depth",
                                        (json_int_t)test->depth, "median", result->median, "min",
                                        result->least, "max", result->most, "cpu_seconds",
                                        result->cpu_seconds));
    else
        printf("%-14s %6u %6u %12.2f %12.2f %12.2f %10.3f\n", name, test->tokens, test->depth,
               result->median, result->least, result->most, result->cpu_seconds);
    fflush(stdout);
}

static int measure_passes(struct bench *bench, const struct test *test)
{
    int           code;
    uint32_t      n = bench->reps;
    struct result made = { .test = *test }, *result = &made;
    double       *rates = malloc(n * sizeof *rates);
    if (!rates)
        return cli_fail(bench->cli, "no memory for %u repetitions", n);
    repeat(bench, test, &code); /* pipelines and caches are warm from here on */
    double cpu = 0;
    for (uint32_t i = 0; i < n && code == EXIT_DONE; i++) {
        double start = host_cpu_seconds();
        rates[i] = repeat(bench, test, &code);
        cpu += host_cpu_seconds() - start;
    }
    if (code == EXIT_DONE) {
        qsort(rates, n, sizeof *rates, by_size);
        result->median = n % 2 ? rates[n / 2] : (rates[n / 2 - 1] + rates[n / 2]) / 2;
        result->least = rates[0];
        result->most = rates[n - 1];
        result->cpu_seconds = cpu / n;
        print_result(bench, result);
    }
    free(rates);
    return code;
}

/* ---- all tests ---- */

static bool is_choose(const struct bench *bench)
{
    const struct option_value *op = &bench->cli->options.values[OPT_OP];
    return op->given && strcmp(op->text, "choose") == 0;
}

static uint64_t longest(const struct bench *bench)
{
    uint64_t prompt = bench->gen, depth = 0;
    if (is_choose(bench))
        return 1; /* whatever token that is */
    for (size_t i = 0; i < bench->n_prompts; i++)
        prompt = bench->prompts[i] > prompt ? bench->prompts[i] : prompt;
    for (size_t i = 0; i < bench->n_depths; i++)
        depth = bench->depths[i] > depth ? bench->depths[i] : depth;
    return prompt + depth;
}

static int measure(struct bench *bench, const struct test *test)
{
    fill_ids(bench);
    return bench->cli->options.values[OPT_OP].given ? bench_ops_measure(bench, test)
                                                    : measure_passes(bench, test);
}

/* Of the decoding at one depth. */
static int measure_decoding(struct bench *bench, uint32_t depth)
{
    struct test test = { .decode = true, .tokens = bench->gen, .depth = depth };
    int         code = measure(bench, &test);
    if (code || !(bench->sampling.temperature > 0) || bench->cli->options.values[OPT_OP].given)
        return code; /* the same operations again */
    test.sampled = true;
    return measure(bench, &test);
}

static int measure_all(struct bench *bench)
{
    int code = EXIT_DONE;
    if (is_choose(bench))
        return bench_choose(bench);
    for (size_t d = 0; d < bench->n_depths; d++) {
        uint32_t depth = bench->depths[d];
        for (size_t p = 0; p < bench->n_prompts && code == EXIT_DONE; p++)
            if (bench->prompts[p])
                code = measure(bench,
                               &(struct test){ .tokens = bench->prompts[p], .depth = depth });
        if (bench->gen && code == EXIT_DONE)
            code = measure_decoding(bench, depth);
    }
    if (code == EXIT_DONE && bench->cli->options.values[OPT_OP].given)
        code = bench_ops_end(bench);
    return code;
}

/* What the clocks are is known for none of the devices that Vulkan shows. */
static json_t *conditions(void)
{
    struct host_conditions seen;
    host_conditions(&seen);
    json_t *governor = seen.governor[0] ? json_text(seen.governor) : json_null();
    json_t *load = seen.load >= 0 ? json_real(seen.load) : json_null();
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
        printf("\nexperts  %u, %u on the device, %u in host memory; hit rate %.3f, "
               "%.3f GB from the host, %.3f GB from the disk, %.1f s\n",
               stats.experts, stats.expert_slots, stats.host_experts, hit_rate(&stats),
               (double)stats.expert_host_bytes * 1e-9, (double)stats.expert_disk_bytes * 1e-9,
               stats.expert_seconds);
}

static json_t *report(const struct bench *bench)
{
    const struct option_value *values = bench->cli->options.values;
    const dsvk_device_info    *device = dsvk_device_describe(bench->cli->device);
    const dsvk_model_info     *model = dsvk_model_describe(bench->cli->model);
    return json_pack("{s:o, s:o, s:o, s:s, s:o, s:I, s:o, s:s, s:s, s:I, s:I, s:o, s:o, s:O}",
                     "device",
                     json_text(device->name), "driver", json_text(device->driver), "conditions",
                     conditions(), "version", dsvk_version(), "architecture",
                     json_text(model->architecture), "layers", (json_int_t)model->layers,
                     "formats", json_text(model->number_formats), "math",
                     values[OPT_MATH].given ? values[OPT_MATH].text : "auto", "cache",
                     values[OPT_CACHE].given ? values[OPT_CACHE].text : "bf16", "chunk",
                     (json_int_t)dsvk_session_chunk(bench->cli->session), "repetitions",
                     (json_int_t)bench->reps, "sampling", bench_sampling_json(bench), "experts",
                     experts(bench), "results", bench->results);
}

static void print_head(const struct bench *bench)
{
    const dsvk_device_info *device = dsvk_device_describe(bench->cli->device);
    const dsvk_model_info  *model = dsvk_model_describe(bench->cli->model);
    struct host_conditions  seen;
    host_conditions(&seen);
    printf("device   %s\ndriver   %s\nmodel    %s, %u layers, %s\n", device->name,
           device->driver, model->architecture, model->layers, model->number_formats);
    printf("clocks   device not known, CPU governor %s",
           seen.governor[0] ? seen.governor : "not known");
    if (seen.load >= 0)
        printf(", load %.1f of %u", seen.load, seen.processors);
    printf("\n\n");
    if (bench->cli->options.values[OPT_OP].given)
        bench_ops_head();
    else
        printf("%-14s %6s %6s %12s %12s %12s %10s\n", "test", "tokens", "depth", "median t/s",
               "min t/s", "max t/s", "CPU s");
}

static void choose(struct bench *bench)
{
    const struct option_value *values = bench->cli->options.values;
    bench->default_prompt = DEFAULT_PROMPT;
    bench->prompts = values[OPT_PROMPT].given ? values[OPT_PROMPT].list : &bench->default_prompt;
    bench->n_prompts = values[OPT_PROMPT].given ? values[OPT_PROMPT].n_list : 1;
    bench->depths = values[OPT_DEPTH].given ? values[OPT_DEPTH].list : &bench->default_depth;
    bench->n_depths = values[OPT_DEPTH].given ? values[OPT_DEPTH].n_list : 1;
    bench->gen = values[OPT_GEN].given ? (uint32_t)values[OPT_GEN].count : DEFAULT_GEN;
    bench->reps = values[OPT_REPS].given ? (uint32_t)values[OPT_REPS].count : DEFAULT_REPS;
}

static int open_all(struct bench *bench, uint64_t context)
{
    struct cli                *cli = bench->cli;
    const struct option_value *ctx = &cli->options.values[OPT_CTX];
    int                        code = cli_open_model(cli, PART_ALL);
    if (code)
        return code;
    const dsvk_model_info *info = dsvk_model_describe(cli->model);
    uint64_t               limit = ctx->given ? ctx->count : info->max_context;
    bench->vocab = info->vocab;
    if (context > limit)
        return cli_fail(cli, "the tests need %llu tokens, more than the context of %llu",
                        (unsigned long long)context, (unsigned long long)limit);
    context = ctx->given ? ctx->count : context;
    code    = cli_load(cli, (uint32_t)context);
    return code ? code
                : cli_open_session(cli, (uint32_t)context, cli->options.values[OPT_OP].given &&
                                          !is_choose(bench));
}

int command_bench(struct cli *cli)
{
    struct bench bench = { .cli = cli };
    choose(&bench);
    bench.sampling = bench_sampling(cli);
    bench.n_ids = (size_t)longest(&bench) + 1;
    int code = open_all(&bench, bench.n_ids - 1 ? bench.n_ids - 1 : 1);
    if (code)
        return code;
    bench.ids = calloc(bench.n_ids, sizeof *bench.ids);
    if (!bench.ids)
        return cli_fail(cli, "no memory for %zu token ids", bench.n_ids);
    if (cli->options.values[OPT_JSON].given)
        bench.results = json_array();
    else
        print_head(&bench);
    code = measure_all(&bench);
    if (bench.results && code == EXIT_DONE)
        code = json_print(cli, report(&bench));
    else if (code == EXIT_DONE)
        print_experts(&bench);
    json_decref(bench.results);
    free(bench.ids);
    return code;
}
