/* SPDX-License-Identifier: MIT */
/* Decoding of several sessions at once, each in a thread of its own: `bench --sessions`. */
#include "bench.h"

#include "host.h"

#include <stdlib.h>

struct many {
    struct bench      *bench;
    const struct test *test;
    dsvk_session     **sessions;
    dsvk_status       *status; /* by session, of its last call */
};

static bool go_on(void *user, uint32_t token, const char *text, size_t bytes)
{
    (void)user;
    (void)token;
    (void)text;
    (void)bytes;
    return !host_interrupted();
}

static void decode(void *user, unsigned i)
{
    struct many         *m      = user;
    dsvk_generate_params params = { .limit = m->test->tokens, .past_end = true, .take = go_on };
    if (m->test->sampled) {
        params.sampling = m->bench->sampling;
        params.sampling.seed += i;
    }
    m->status[i] = dsvk_session_generate(m->sessions[i], &params, NULL);
}

/* Each session is at another position, and has another text. */
static int begin(struct many *m, unsigned i)
{
    uint32_t *ids = m->bench->ids, first = ids[0];
    ids[0]           = (first + i) % m->bench->vocab;
    dsvk_status done = dsvk_session_sync(m->sessions[i], ids, (size_t)m->test->depth + 1, NULL);
    ids[0]           = first;
    return cli_status(m->bench->cli, done, "evaluating");
}

static int repeat(struct many *m, struct repetition *r)
{
    const struct test *test = m->test;
    int                code = bench_heard();
    for (unsigned i = 0; i < test->sessions && code == EXIT_DONE; i++)
        code = begin(m, i);
    if (code)
        return code;
    double start = host_seconds(), cpu = host_cpu_seconds();
    if (!host_threads(test->sessions, decode, m))
        return cli_fail(m->bench->cli, "%u threads cannot be started", test->sessions);
    r->rate        = (double)test->tokens * test->sessions / (host_seconds() - start + 1e-9);
    r->cpu_seconds = host_cpu_seconds() - cpu;
    for (unsigned i = 0; i < test->sessions && code == EXIT_DONE; i++)
        code = cli_status(m->bench->cli, m->status[i], "evaluating");
    m->bench->bar_done += test->tokens;
    return code ? code : bench_heard();
}

static int open_sessions(struct many *m)
{
    struct cli         *cli     = m->bench->cli;
    uint32_t            context = dsvk_session_context(cli->session);
    dsvk_session_params params  = cli_session_params(cli, context);
    m->sessions[0]              = cli->session;
    for (unsigned i = 1; i < m->test->sessions; i++) {
        int code = cli_status(cli, dsvk_session_new(&m->sessions[i], cli->model, &params),
                              "one of several sessions");
        if (code)
            return code;
    }
    return EXIT_DONE;
}

int bench_sessions(struct bench *bench, const struct test *test, struct repetition *repetitions)
{
    unsigned    n = test->sessions;
    struct many m = { .bench    = bench,
                      .test     = test,
                      .sessions = calloc(n, sizeof *m.sessions),
                      .status   = calloc(n, sizeof *m.status) };
    int         code;
    if (!m.sessions || !m.status) {
        code = cli_fail(bench->cli, "no memory for %u sessions", n);
        goto done;
    }
    code = open_sessions(&m);
    if (code == EXIT_DONE)
        code = repeat(&m, &repetitions[0]); /* the first does not count */
    for (uint32_t i = 0; i < bench->reps && code == EXIT_DONE; i++)
        code = repeat(&m, &repetitions[i]);
    for (unsigned i = 1; i < n; i++)
        dsvk_session_free(m.sessions[i]);
done:
    free(m.sessions);
    free(m.status);
    return code;
}
