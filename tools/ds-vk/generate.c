/* SPDX-License-Identifier: MIT */
/* The generate loop, which all commands that answer share. Decoding is the library's, which queues
 * passes ahead; here is what each token means. An answer goes to the caller alone. */
#include "generate.h"

#include "host.h"
#include "progress.h"

#include <stdlib.h>

#define TOKENS_OUT 512

/* ---- what comes out ---- */

static bool write_text(void *user, const char *bytes, size_t n)
{
    struct generation *g = user;
    g->write_code        = g->put_text(g, bytes, n);
    return g->write_code == EXIT_DONE;
}

static bool write_characters(void *user, const char *bytes, size_t n)
{
    struct generation *g = user;
    return stop_put(&g->stop, bytes, n);
}

static int put_token(struct generation *g, uint32_t id)
{
    const dsvk_model *model = g->cli->model;
    int               code  = g->put_token(g, id);
    if (code || !g->result.has_text || dsvk_model_token_is_special(model, id))
        return code;
    size_t      n;
    const char *bytes = dsvk_model_token(model, id, &n);
    return text_put(&g->text, bytes, n) ? EXIT_DONE : g->write_code;
}

/* ---- what goes in ---- */

static int next_token(struct generation *g, uint32_t *id)
{
    struct cli *cli    = g->cli;
    dsvk_status status = g->sampling.temperature > 0
                             ? dsvk_session_sample(cli->session, &g->sampling, id)
                             : dsvk_session_argmax(cli->session, id);
    return cli_status(cli, status, "choosing a token");
}

/* Evaluates what is new in the timeline; a bar is shown for the prompt only. */
static int evaluate(struct generation *g)
{
    struct progress bar;
    progress_init(&bar, &g->cli->log, "prompt", false);
    bar.shown          = bar.shown && g->result.generated == 0;
    dsvk_progress sink = progress_sink(&bar);
    return cli_status(g->cli, dsvk_session_sync(g->cli->session, g->ids.data, g->ids.n, &sink),
                      "evaluating");
}

/* Why the last token was the last one, NULL while it was not. */
static const char *reason(struct generation *g, uint32_t id)
{
    struct cli *cli  = g->cli;
    bool        ends = !cli->options.values[OPT_IGNORE_EOS].given;
    if (ends && dsvk_model_token_is_end(cli->model, id))
        return "end";
    if (g->stop.met)
        return "stop";
    if (g->result.generated >= g->limit) {
        if (!cli->options.values[OPT_TOKENS_OUT].given)
            log_note(&cli->log, "stopped at %d tokens, the default; -n gives another limit",
                     TOKENS_OUT);
        return "limit";
    }
    if (g->ids.n == dsvk_session_context(cli->session)) {
        log_note(&cli->log, "stopped at the end of the context of %zu token%s", g->ids.n,
                 g->ids.n == 1 ? "" : "s");
        return "context";
    }
    return NULL;
}

/* Hands out a token and appends it to the timeline; false when it is the last. */
static bool accept(void *user, uint32_t id)
{
    struct generation *g = user;
    if (g->result.generated++ == 0)
        g->result.first_seconds = host_seconds() - g->start;
    g->going = false;
    g->code  = put_token(g, id);
    if (g->code)
        return false;
    const char *stopped_by = reason(g, id);
    if (stopped_by)
        g->result.stopped_by = stopped_by;
    else if (host_interrupted())
        g->code = EXIT_SIGNAL + host_interrupted();
    else
        g->code = ids_append(g->cli, &g->ids, &id, 1);
    return g->going = !stopped_by && g->code == EXIT_DONE;
}

/* Until the context is full; what is left then is to hand out one token more. */
static int decode(struct generation *g)
{
    dsvk_offer  offer  = { .take = accept, .user = g, .sampling = g->sampling };
    dsvk_status status = dsvk_session_generate(g->cli->session, SIZE_MAX, &offer);
    return cli_status(g->cli, status, "evaluating");
}

static int loop(struct generation *g)
{
    g->start = host_seconds();
    g->going = g->limit > 0;
    int code = evaluate(g);
    if (code == EXIT_DONE && g->going)
        code = decode(g);
    while (code == EXIT_DONE && g->going) {
        uint32_t id;
        code = next_token(g, &id);
        if (code == EXIT_DONE && accept(g, id))
            code = evaluate(g);
    }
    code = code ? code : g->code;
    if (code > EXIT_SIGNAL)
        g->result.stopped_by = "interrupt";
    return code;
}

int generate(struct generation *g)
{
    int code = loop(g);
    if (!(text_end(&g->text) && stop_end(&g->stop)) && code == EXIT_DONE)
        code = g->write_code;
    return code;
}

void generation_init(struct generation *g, struct cli *cli)
{
    const struct option_value *limit = &cli->options.values[OPT_TOKENS_OUT];

    *g = (struct generation){
        .cli    = cli,
        .limit  = limit->given ? limit->count : TOKENS_OUT,
        .result = { .first_seconds = -1, .stopped_by = "limit" },
        .text   = { .write = write_characters, .user = g },
        .stop   = { .texts = cli->options.stops,
                    .n     = cli->options.n_stops,
                    .write = write_text,
                    .user  = g },
    };
}

void generation_done(struct generation *g)
{
    ids_done(&g->ids);
    ids_done(&g->result.out);
    free(g->result.text.data);
}
