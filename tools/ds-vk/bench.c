/* SPDX-License-Identifier: MIT */
/* `ds-vk bench`: repeats prefill and decode at given context depths and times each repetition.
 * Speeds come from here and never from a timed test, so that every figure has the same rules: one
 * warm-up, then the median, least and most of all repetitions. */
#include "bench.h"

#include "host.h"
#include "progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PROMPT 512
#define DEFAULT_GEN 128
#define DEFAULT_REPS 5

enum { FORMAT_TEXT, FORMAT_MARKDOWN, FORMAT_JSON }; /* in the order of the option's words */

/* ---- one repetition ---- */

/* Interrupts are heard everywhere; the bar moves with what is measured, not with what is before. */
static bool on_progress(void *user, uint64_t done, uint64_t total)
{
    struct bench *bench = user;
    dsvk_progress sink  = progress_sink(&bench->bar);
    (void)done;
    (void)total;
    return sink.report(sink.user, bench->bar_done, bench->bar_total);
}

int bench_heard(void)
{
    return host_interrupted() ? EXIT_SIGNAL + host_interrupted() : EXIT_DONE;
}

static int sync_to(struct bench *bench, const uint32_t *ids, size_t n)
{
    dsvk_progress sink = { .report = on_progress, .user = bench };
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

/* Pages of earlier repetitions are kept and found again: so what is measured begins with another
 * token each time. */
int bench_begin(struct bench *bench, const struct test *test)
{
    bench->ids[test->depth] = (bench->ids[test->depth] + 1) % bench->vocab;

    int code = test->depth ? sync_to(bench, bench->ids, test->depth) : forget(bench);
    return code ? code : bench_heard();
}

static bool take_token(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct bench *bench = user;
    (void)text;
    (void)bytes;
    bench->bar_done += token != DSVK_TEXT_END;
    return on_progress(bench, 0, 0);
}

static int decode(struct bench *bench, const struct test *test)
{
    dsvk_generate_params params = {
        .limit = test->tokens - 1, .past_end = true, .take = take_token, .user = bench
    };
    int code = sync_to(bench, bench->ids, (size_t)test->depth + 1);
    if (test->sampled)
        params.sampling = bench->sampling;
    if (code == EXIT_DONE && params.limit > 0)
        code = cli_status(bench->cli, dsvk_session_generate(bench->cli->session, &params, NULL),
                          "evaluating");
    return code;
}

int bench_pass(struct bench *bench, const struct test *test)
{
    uint64_t before = bench->bar_done;
    int      code   = test->decode ? decode(bench, test)
                                   : sync_to(bench, bench->ids, (size_t)test->depth + test->tokens);
    bench->bar_done = before + test->tokens;
    return code ? code : bench_heard();
}

static int repeat(struct bench *bench, const struct test *test, struct repetition *r)
{
    double cpu   = host_cpu_seconds();
    int    code  = bench_begin(bench, test);
    double start = host_seconds();
    if (code == EXIT_DONE)
        code = bench_pass(bench, test);
    r->rate        = (double)test->tokens / (host_seconds() - start + 1e-9);
    r->cpu_seconds = host_cpu_seconds() - cpu;
    return code;
}

/* ---- one test ---- */

static int by_size(const void *a, const void *b)
{
    double x = ((const struct repetition *)a)->rate, y = ((const struct repetition *)b)->rate;
    return (x > y) - (x < y);
}

static void fill_ids(struct bench *bench)
{
    uint32_t state = 1;
    for (size_t i = 0; i < bench->n_ids; i++) {
        state         = state * 1664525u + 1013904223u;
        bench->ids[i] = (state >> 8) % bench->vocab;
    }
}

static void summarise(struct result *result, struct repetition *r, uint32_t n)
{
    double squares = 0;
    qsort(r, n, sizeof *r, by_size);
    result->median = n % 2 ? r[n / 2].rate : (r[n / 2 - 1].rate + r[n / 2].rate) / 2;
    result->least  = r[0].rate;
    result->most   = r[n - 1].rate;
    for (uint32_t i = 0; i < n; i++) {
        result->mean += r[i].rate / n;
        result->cpu_seconds += r[i].cpu_seconds / n;
    }
    for (uint32_t i = 0; i < n; i++)
        squares += (r[i].rate - result->mean) * (r[i].rate - result->mean);
    result->deviation = n > 1 ? sqrt(squares / (n - 1)) : 0;
}

/* Pipelines and caches are warm from the second time on. */
static int repeat_all(struct bench *bench, const struct test *test, struct repetition *r)
{
    int code = repeat(bench, test, &r[0]);
    for (uint32_t i = 0; i < bench->reps && code == EXIT_DONE; i++)
        code = repeat(bench, test, &r[i]);
    return code;
}

static int measure_passes(struct bench *bench, const struct test *test)
{
    int                code;
    struct result      result      = { .test = *test };
    struct repetition *repetitions = calloc(bench->reps, sizeof *repetitions);
    if (!repetitions)
        return cli_fail(bench->cli, "no memory for %u repetitions", bench->reps);
    code = test->sessions ? bench_sessions(bench, test, repetitions)
                          : repeat_all(bench, test, repetitions);
    if (code == EXIT_DONE) {
        summarise(&result, repetitions, bench->reps);
        code = bench_row(bench, &result);
    }
    free(repetitions);
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
    return prompt + depth + (bench->n_sessions > 0); /* they are timed behind their first token */
}

static int measure(struct bench *bench, const struct test *test)
{
    int code;
    fill_ids(bench);
    progress_init(&bench->bar, &bench->cli->log, bench_test_name(test), false);
    bench->bar.rate  = false; /* the context before is not counted */
    bench->bar_done  = 0;
    bench->bar_total = ((uint64_t)bench->reps + 1) * test->tokens;
    code             = bench->cli->options.values[OPT_OP].given ? bench_ops_measure(bench, test)
                                                                : measure_passes(bench, test);
    progress_clear();
    return code;
}

/* Of the decoding at one depth. */
static int measure_decoding(struct bench *bench, uint32_t depth)
{
    struct test test = { .decode = true, .tokens = bench->gen, .depth = depth };
    int         code = measure(bench, &test);
    if (code || bench->cli->options.values[OPT_OP].given)
        return code; /* the same operations again */
    for (int sampled = 0; sampled <= (bench->sampling.temperature > 0); sampled++) {
        test.sampled  = sampled;
        test.sessions = 0;
        if (sampled)
            code = measure(bench, &test);
        for (size_t i = 0; i < bench->n_sessions && code == EXIT_DONE; i++) {
            test.sessions = bench->sessions[i];
            code          = measure(bench, &test);
        }
    }
    return code;
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
                code =
                    measure(bench, &(struct test){ .tokens = bench->prompts[p], .depth = depth });
        if (bench->gen && code == EXIT_DONE)
            code = measure_decoding(bench, depth);
    }
    if (code == EXIT_DONE && bench->cli->options.values[OPT_OP].given)
        code = bench_ops_end(bench);
    return code;
}

static void choose(struct bench *bench)
{
    const struct option_value *values = bench->cli->options.values;
    bench->default_prompt             = DEFAULT_PROMPT;
    bench->prompts    = values[OPT_PROMPT].given ? values[OPT_PROMPT].list : &bench->default_prompt;
    bench->n_prompts  = values[OPT_PROMPT].given ? values[OPT_PROMPT].n_list : 1;
    bench->depths     = values[OPT_DEPTH].given ? values[OPT_DEPTH].list : &bench->default_depth;
    bench->n_depths   = values[OPT_DEPTH].given ? values[OPT_DEPTH].n_list : 1;
    bench->sessions   = values[OPT_SESSIONS].list;
    bench->n_sessions = values[OPT_SESSIONS].given ? values[OPT_SESSIONS].n_list : 0;
    bench->gen        = values[OPT_GEN].given ? (uint32_t)values[OPT_GEN].count : DEFAULT_GEN;
    bench->reps       = values[OPT_REPS].given ? (uint32_t)values[OPT_REPS].count : DEFAULT_REPS;
}

static int open_all(struct bench *bench, uint64_t context)
{
    struct cli                *cli  = bench->cli;
    const struct option_value *ctx  = &cli->options.values[OPT_CTX];
    int                        code = cli_open_model(cli, PART_ALL);
    if (code)
        return code;
    const dsvk_model_info *info  = dsvk_model_describe(cli->model);
    uint64_t               limit = ctx->given ? ctx->count : info->max_context;
    bench->vocab                 = info->vocab;
    if (context > limit)
        return cli_fail(cli, "the tests need %llu tokens, more than the context of %llu",
                        (unsigned long long)context, (unsigned long long)limit);
    context             = ctx->given ? ctx->count : context;
    double start        = host_seconds();
    code                = cli_load(cli, (uint32_t)context);
    bench->load_seconds = host_seconds() - start;
    return code ? code
                : cli_open_session(cli, (uint32_t)context,
                                   cli->options.values[OPT_OP].given && !is_choose(bench));
}

int command_bench(struct cli *cli)
{
    uint64_t     format = cli->options.values[OPT_BENCH_FORMAT].count;
    struct bench bench  = { .cli = cli };
    if (bench_ops_check(cli))
        return EXIT_USAGE;
    choose(&bench);
    bench.sampling = bench_sampling(cli);
    bench.n_ids    = (size_t)longest(&bench) + 1;
    int code       = open_all(&bench, bench.n_ids - 1 ? bench.n_ids - 1 : 1);
    if (code)
        return code;
    bench.ids = calloc(bench.n_ids, sizeof *bench.ids);
    if (!bench.ids)
        return cli_fail(cli, "no memory for %zu token ids", bench.n_ids);
    if (cli->options.values[OPT_JSON].given || format == FORMAT_JSON)
        bench.results = json_array();
    bench.markdown = format == FORMAT_MARKDOWN;
    code           = bench_head(&bench);
    if (code == EXIT_DONE)
        code = measure_all(&bench);
    if (code == EXIT_DONE)
        code = bench_finish(&bench);
    json_decref(bench.results);
    free(bench.ids);
    return code;
}
