/* SPDX-License-Identifier: MIT */
/* An answer, which all commands that answer share. Decoding, its text and why it ends are the
 * library's; here is where it goes, and what is said of its end. */
#include "generate.h"

#include "host.h"
#include "progress.h"

#include <stdlib.h>

#define TOKENS_OUT 512

/* A bar is shown. */
static int evaluate(struct generation *g)
{
    struct progress bar;
    progress_init(&bar, &g->cli->log, "prompt", false);
    dsvk_progress sink = progress_sink(&bar);
    return cli_status(g->cli, dsvk_session_sync(g->cli->session, g->ids.data, g->ids.n, &sink),
                      "evaluating");
}

/* The last token of a limit is not taken: nobody waits for what would follow it. */
static bool accept(void *user, uint32_t id, const char *text, size_t bytes)
{
    struct generation *g   = user;
    bool               one = id != DSVK_TEXT_END;
    if (one && g->result.generated++ == 0)
        g->result.first_seconds = host_seconds() - g->start;
    if (one && g->grammar)
        g->code = cli_status(g->cli, dsvk_grammar_take(g->grammar, id), "following the schema");
    if (one && g->code == EXIT_DONE)
        g->code = g->put_token(g, id);
    if (g->code == EXIT_DONE && bytes > 0)
        g->code = g->put_text(g, text, bytes);
    return g->code == EXIT_DONE && g->result.generated < g->limit && !host_interrupted();
}

static const char *limit_reached(struct cli *cli)
{
    if (!cli->options.values[OPT_TOKENS_OUT].given)
        log_note(&cli->log, "stopped at %d tokens, the default; -n gives another limit",
                 TOKENS_OUT);
    return "limit";
}

static const char *context_full(struct cli *cli)
{
    size_t n = dsvk_session_context(cli->session);
    log_note(&cli->log, "stopped at the end of the context of %zu token%s", n, n == 1 ? "" : "s");
    return "context";
}

static const char *reason(const struct generation *g, dsvk_end end)
{
    if (end == DSVK_END_TOKEN)
        return "end";
    if (end == DSVK_END_STOP_TEXT)
        return "stop";
    if (g->result.generated >= g->limit)
        return limit_reached(g->cli);
    return end == DSVK_END_CONTEXT ? context_full(g->cli) : "interrupt";
}

static int decode(struct generation *g)
{
    struct cli          *cli    = g->cli;
    dsvk_generate_params params = { .sampling     = g->sampling,
                                    .past_end     = cli->options.values[OPT_IGNORE_EOS].given,
                                    .take         = accept,
                                    .user         = g,
                                    .stop_texts   = cli->options.stops,
                                    .n_stop_texts = cli->options.n_stops };
    dsvk_end             end;
    dsvk_status          status = dsvk_session_generate(cli->session, &params, &end);
    int                  code   = cli_status(cli, status, "evaluating");
    if (code || g->code)
        return code ? code : g->code;
    g->result.stopped_by = reason(g, end);
    return end == DSVK_END_TAKER && g->result.generated < g->limit
               ? EXIT_SIGNAL + host_interrupted()
               : EXIT_DONE;
}

int generate(struct generation *g)
{
    g->start = host_seconds();
    int code = evaluate(g);
    if (code == EXIT_DONE && g->limit > 0)
        code = decode(g);
    if (code > EXIT_SIGNAL)
        g->result.stopped_by = "interrupt";
    return code;
}

void generation_init(struct generation *g, struct cli *cli)
{
    const struct option_value *limit = &cli->options.values[OPT_TOKENS_OUT];

    *g = (struct generation){
        .cli    = cli,
        .limit  = limit->given ? limit->count : TOKENS_OUT,
        .result = { .first_seconds = -1, .stopped_by = "limit" },
    };
}

void generation_done(struct generation *g)
{
    ids_done(&g->ids);
    ids_done(&g->result.out);
    free(g->result.text.data);
    json_decref(g->result.logprobs);
    dsvk_grammar_free(g->grammar);
}
