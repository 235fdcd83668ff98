/* SPDX-License-Identifier: MIT */
/* The parts of `ds-vk bench`: whole passes (bench.c), decoding with sampling (bench_sampled.c),
 * of several sessions (bench_sessions.c),
 * single operations (bench_ops.c) and what is printed (bench_report.c). */
#ifndef BENCH_H
#define BENCH_H

#include "json.h"

#include <dsvk/dsvk.h>

struct test {
    bool     decode, sampled; /* sampled: decoding, each token drawn */
    uint32_t tokens, depth;
    uint32_t sessions; /* that decode at once, `tokens` each; 0: as users run it, one */
};

struct repetition {
    double rate, cpu_seconds; /* tokens/s, of all sessions together */
};

struct result {
    struct test test;
    double      median, least, most, mean, deviation; /* tokens/s; of the repetitions */
    double      cpu_seconds;                          /* of one repetition */
};

struct bench {
    struct cli     *cli;
    uint32_t       *ids; /* one more than the longest timeline */
    size_t          n_ids;
    uint32_t        vocab, gen, reps;
    dsvk_sampling   sampling; /* temperature 0: no row of it */
    uint32_t        default_prompt, default_depth;
    const uint32_t *prompts, *depths, *sessions;
    size_t          n_prompts, n_depths, n_sessions;
    double          load_seconds;
    bool            markdown;
    json_t         *results; /* NULL: a table is printed */
    struct progress bar;     /* of one test: tokens of all its repetitions */
    uint64_t        bar_done, bar_total;
    uint32_t        n_found;  /* with --op: rows that were printed */
    char            ops[400]; /* and the names that there are */
};

const char *bench_test_name(const struct test *test);
/* The timeline that a test begins with, then its passes; each answers an exit status. */
int bench_begin(struct bench *bench, const struct test *test);
int bench_pass(struct bench *bench, const struct test *test);

/* A warm-up, then bench->reps repetitions of the sessions' decoding. */
int bench_sessions(struct bench *bench, const struct test *test, struct repetition *repetitions);

/* As --temp and the others say, else what most models suggest, with the seed 0. */
dsvk_sampling bench_sampling(struct cli *cli);
/* Makes the timeline equal to the first n ids. */
int bench_sync(struct bench *bench, size_t n);
/* The host's time for choosing one token: --op choose. */
int bench_choose(struct bench *bench);
/* Of the report; null when nothing is sampled. */
json_t *bench_sampling_json(const struct bench *bench);

/* EXIT_DONE, or the exit status of an interrupt that nobody has told yet. */
int bench_heard(void);

/* ---- printing; each answers an exit status ---- */

int bench_head(const struct bench *bench);
int bench_row(struct bench *bench, const struct result *result);
/* The JSON document, or what follows the table. */
int bench_finish(struct bench *bench);

/* What --op prints above its table, and one test of it. */
void bench_ops_head(const struct bench *bench);
int  bench_ops_row(const struct bench *bench, const char *name, double us, double gb_per_s,
                   double gflop_per_s); /* 0: not known */
int  bench_ops_check(struct cli *cli);  /* EXIT_USAGE for a name that is no operation's */
int  bench_ops_measure(struct bench *bench, const struct test *test);
int  bench_ops_end(const struct bench *bench); /* fails when no test had the operation */

#endif
