/* SPDX-License-Identifier: MIT */
#include "host.h"
#include "json.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PROMPT 512
#define DEFAULT_GEN 128
#define DEFAULT_REPS 5

struct result {
    bool     decode;
    uint32_t tokens, depth;
    double   median, least, most; /* tokens/s */
    double   cpu_seconds;         /* of one repetition */
};

struct bench {
    struct cli     *cli;
    uint32_t       *ids; /* one more than the longest timeline */
    uint32_t        vocab, gen, reps;
    uint32_t        default_prompt, default_depth;
    const uint32_t *prompts, *depths;
    size_t          n_prompts, n_depths;
    json_t         *results; /* NULL: a table is printed */
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

static int set_depth(struct bench *bench, uint32_t depth)
{
    return depth ? sync_to(bench, bench->ids, depth) : forget(bench);
}

static bool take_token(void *user, uint32_t token)
{
    (void)user;
    (void)token;
    return true;
}

static int decode(struct bench *bench, const struct result *test)
{
    dsvk_offer offer = { take_token, NULL };
    int        code = sync_to(bench, bench->ids, (size_t)test->depth + 1);
    if (code == EXIT_DONE)
        code = cli_status(bench->cli,
                          dsvk_session_generate(bench->cli->session, test->tokens - 1, &offer),
                          "evaluating");
    return code;
}

/* Tokens/s; *code is the exit status. */
static double repeat(struct bench *bench, const struct result *test, int *code)
{
    *code = set_depth(bench, test->depth);
    double start = host_seconds();
    if (*code == EXIT_DONE)
        *code = test->decode ? decode(bench, test)
                             : sync_to(bench, bench->ids, (size_t)test->depth + test->tokens);
    return (double)test->tokens / (host_seconds() - start + 1e-9);
}

/* ---- one test ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void fill_ids(struct bench *bench, size_t n)
{
    uint32_t state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        bench->ids[i] = (state >> 8) % bench->vocab;
    }
}

static void print_result(struct bench *bench, const struct result *result)
{
    const char *name = result->decode ? "decode" : "prefill";
    if (bench->results)
        json_array_append_new(bench->results,
                              json_pack("{s:s, s:I, s:I, s:f, s:f, s:f, s:f}", "test", name,
                                        "tokens", (json_int_t)result->tokens, "depth",
                                        (json_int_t)result->depth, "median", result->median, "min",
                                        result->least, "max", result->most, "cpu_seconds",
                                        result->cpu_seconds));
    else
        printf("%-8s %8u %8u %12.2f %12.2f %12.2f %10.3f\n", name, result->tokens, result->depth,
               result->median, result->least, result->most, result->cpu_seconds);
    fflush(stdout);
}

static int measure(struct bench *bench, size_t n_ids, struct result *result)
{
    int      code;
    uint32_t n = bench->reps;
    double  *rates = malloc(n * sizeof *rates);
    if (!rates)
        return cli_fail(bench->cli, "no memory for %u repetitions", n);
    fill_ids(bench, n_ids);
    repeat(bench, result, &code); /* pipelines and caches are warm from here on */
    double cpu = 0;
    for (uint32_t i = 0; i < n && code == EXIT_DONE; i++) {
        double start = host_cpu_seconds();
        rates[i] = repeat(bench, result, &code);
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

static uint64_t longest(const struct bench *bench)
{
    uint64_t prompt = bench->gen, depth = 0;
    for (size_t i = 0; i < bench->n_prompts; i++)
        prompt = bench->prompts[i] > prompt ? bench->prompts[i] : prompt;
    for (size_t i = 0; i < bench->n_depths; i++)
        depth = bench->depths[i] > depth ? bench->depths[i] : depth;
    return prompt + depth;
}

static int measure_all(struct bench *bench, size_t n_ids)
{
    int code = EXIT_DONE;
    for (size_t d = 0; d < bench->n_depths; d++) {
        uint32_t depth = bench->depths[d];
        for (size_t p = 0; p < bench->n_prompts && code == EXIT_DONE; p++)
            if (bench->prompts[p])
                code = measure(bench, n_ids,
                               &(struct result){ .tokens = bench->prompts[p], .depth = depth });
        if (bench->gen && code == EXIT_DONE)
            code =
                measure(bench, n_ids,
                        &(struct result){ .decode = true, .tokens = bench->gen, .depth = depth });
    }
    return code;
}

static json_t *report(const struct bench *bench)
{
    const struct option_value *values = bench->cli->options.values;
    const dsvk_device_info    *device = dsvk_device_describe(bench->cli->device);
    const dsvk_model_info     *model = dsvk_model_describe(bench->cli->model);
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:s, s:s, s:I, s:I, s:O}", "device",
                     json_text(device->name), "driver", json_text(device->driver), "version",
                     dsvk_version(), "architecture", json_text(model->architecture), "formats",
                     json_text(model->number_formats), "math",
                     values[OPT_MATH].given ? values[OPT_MATH].text : "auto", "cache",
                     values[OPT_CACHE].given ? values[OPT_CACHE].text : "bf16", "chunk",
                     (json_int_t)dsvk_session_chunk(bench->cli->session), "repetitions",
                     (json_int_t)bench->reps, "results", bench->results);
}

static void print_head(const struct bench *bench)
{
    const dsvk_device_info *device = dsvk_device_describe(bench->cli->device);
    const dsvk_model_info  *model = dsvk_model_describe(bench->cli->model);
    printf("device   %s\ndriver   %s\nmodel    %s, %s\n\n", device->name, device->driver,
           model->architecture, model->number_formats);
    printf("%-8s %8s %8s %12s %12s %12s %10s\n", "test", "tokens", "depth", "median t/s", "min t/s",
           "max t/s", "CPU s");
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
    int                        code = cli_open_model(cli, false);
    if (code)
        return code;
    const dsvk_model_info *info = dsvk_model_describe(cli->model);
    uint64_t               limit = ctx->given ? ctx->count : info->max_context;
    bench->vocab = info->vocab;
    if (context > limit)
        return cli_fail(cli, "the tests need %llu tokens, more than the context of %llu",
                        (unsigned long long)context, (unsigned long long)limit);
    code = cli_load(cli);
    return code ? code
                : cli_open_session(cli, (uint32_t)(ctx->given ? ctx->count : context), false);
}

int command_bench(struct cli *cli)
{
    struct bench bench = { .cli = cli };
    choose(&bench);
    size_t n_ids = (size_t)longest(&bench) + 1;
    int    code = open_all(&bench, n_ids - 1 ? n_ids - 1 : 1);
    if (code)
        return code;
    bench.ids = calloc(n_ids, sizeof *bench.ids);
    if (!bench.ids)
        return cli_fail(cli, "no memory for %zu token ids", n_ids);
    if (cli->options.values[OPT_JSON].given)
        bench.results = json_array();
    else
        print_head(&bench);
    code = measure_all(&bench, n_ids);
    if (bench.results && code == EXIT_DONE)
        code = json_print(cli, report(&bench));
    json_decref(bench.results);
    free(bench.ids);
    return code;
}
