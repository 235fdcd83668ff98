/* SPDX-License-Identifier: MIT */
/* The parts of `ds-vk bench`: whole passes (bench.c), decoding with sampling (bench_sampled.c) and
 * single operations (bench_ops.c). */
#ifndef BENCH_H
#define BENCH_H

#include "json.h"

#include <dsvk/dsvk.h>

struct test {
    bool     decode, sampled; /* sampled: decoding, each token drawn */
    uint32_t tokens, depth;
};

struct bench {
    struct cli     *cli;
    uint32_t       *ids; /* one more than the longest timeline */
    size_t          n_ids;
    uint32_t        vocab, gen, reps;
    dsvk_sampling   sampling; /* temperature 0: no row of it */
    uint32_t        default_prompt, default_depth;
    const uint32_t *prompts, *depths;
    size_t          n_prompts, n_depths;
    json_t         *results;  /* NULL: a table is printed */
    uint32_t        n_found;  /* with --op: rows that were printed */
    char            ops[400]; /* and the names that there are */
};

const char *bench_test_name(const struct test *test);
/* The timeline that a test begins with, then its passes; each answers an exit status. */
int bench_begin(struct bench *bench, const struct test *test);
int bench_pass(struct bench *bench, const struct test *test);

/* As --temp and the others say, else what most models suggest, with the seed 0. */
dsvk_sampling bench_sampling(struct cli *cli);
/* Makes the timeline equal to the first n ids. */
int bench_sync(struct bench *bench, size_t n);
/* Draws n tokens behind the timeline of `at` ids, each computed before the next is drawn. */
int bench_draw(struct bench *bench, size_t at, uint32_t n);
/* The host's time for choosing one token: --op choose. */
int bench_choose(struct bench *bench);
/* Of the report; null when nothing is sampled. */
json_t *bench_sampling_json(const struct bench *bench);

/* What --op prints above its table, and one test of it. */
void bench_ops_head(void);
int  bench_ops_measure(struct bench *bench, const struct test *test);
int  bench_ops_end(const struct bench *bench); /* fails when no test had the operation */

#endif
