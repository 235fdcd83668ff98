/* SPDX-License-Identifier: MIT */
/* How tokens are drawn in decoding as users run it, and what drawing one on the host takes. */
#include "bench.h"

#include "host.h"
#include "run.h"

#include <stdio.h>

#define CALLS 20 /* of choosing, for one repetition */

dsvk_sampling bench_sampling(struct cli *cli)
{
    dsvk_sampling sampling = { .temperature = 0.6f, .top_p = 0.95f };
    sampling_apply(cli, &sampling);
    return sampling;
}

static int print(struct bench *bench, double each)
{
    char what[40];
    snprintf(what, sizeof what, "choose 1 of %u, on the host", bench->vocab);
    if (!bench->results)
        return bench_ops_row(bench, what, each * 1e6, 0, 0);
    json_array_append_new(bench->results,
                          json_pack("{s:s, s:s, s:I, s:f}", "test", "host", "op", "choose", "rows",
                                    (json_int_t)bench->vocab, "cpu_seconds_each", each));
    return EXIT_DONE;
}

/* Processor time, not the time that passes: on CPU devices the driver's threads share it. */
int bench_choose(struct bench *bench)
{
    uint32_t token, n = bench->reps * CALLS;
    int      code  = bench_sync(bench, 1);
    double   start = 0;
    for (uint32_t i = 0; i <= n && code == EXIT_DONE; i++) {
        if (i == 1) /* the first one does not count */
            start = host_cpu_seconds();
        code = cli_status(bench->cli,
                          dsvk_session_sample(bench->cli->session, &bench->sampling, &token),
                          "choosing a token");
    }
    if (code == EXIT_DONE)
        code = print(bench, (host_cpu_seconds() - start) / n);
    return code;
}

json_t *bench_sampling_json(const struct bench *bench)
{
    const dsvk_sampling *s = &bench->sampling;
    if (!(s->temperature > 0))
        return json_null();
    return json_pack(
        "{s:f, s:I, s:f, s:f, s:o}", "temperature", (double)s->temperature, "top_k",
        (json_int_t)s->top_k, "top_p", (double)s->top_p, "min_p", (double)s->min_p, "seed",
        s->seed <= INT64_MAX ? json_integer((json_int_t)s->seed) : json_real((double)s->seed));
}
