/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "host.h"
#include "progress.h"
#include "run_stop.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKENS_OUT 512

struct run {
    struct cli       *cli;
    struct ids        ids; /* the timeline: prompt and what was generated */
    dsvk_sampling     sampling;
    uint64_t          limit; /* tokens to generate */
    bool              print_ids, json;
    bool              terminal;     /* where control characters of an answer must not arrive */
    bool              ends;         /* at an end token */
    bool              going;        /* the last token was not the last */
    double            start, began; /* of the first pass, of the command */
    int               code;         /* of printing and appending */
    struct text       text;         /* whole characters, which go on to stop */
    struct run_stop   stop;
    struct prompt     asked;
    int               write_code;
    struct run_result result;
};

/* ---- what comes out ---- */

static int collect(struct run *run, const char *bytes, size_t n)
{
    struct run_result *result = &run->result;
    if (n > result->text_room - result->text.n) {
        size_t room  = result->text_room * 2 + n + 4096;
        char  *grown = realloc(result->text.data, room);
        if (!grown)
            return cli_fail(run->cli, "no memory for a text of %zu bytes", room);
        result->text.data = grown;
        result->text_room = room;
    }
    memcpy(result->text.data + result->text.n, bytes, n);
    result->text.n += n;
    return EXIT_DONE;
}

static bool write_text(void *user, const char *bytes, size_t n)
{
    struct run *run = user;
    char        clean[STOP_BYTES];
    if (run->print_ids)
        return true;
    if (run->terminal && n <= sizeof clean) {
        n     = text_clean(clean, bytes, n);
        bytes = clean;
    }
    run->write_code = run->json ? collect(run, bytes, n) : cli_write(run->cli, bytes, n);
    return run->write_code == EXIT_DONE;
}

static bool write_characters(void *user, const char *bytes, size_t n)
{
    struct run *run = user;
    return stop_put(&run->stop, bytes, n);
}

static int print_id(struct run *run, uint32_t id)
{
    char word[16];
    int  n = snprintf(word, sizeof word, "%s%" PRIu32, run->result.generated > 1 ? " " : "", id);
    return cli_write(run->cli, word, (size_t)n);
}

static int print_token(struct run *run, uint32_t id)
{
    const dsvk_model *model = run->cli->model;
    int               code  = run->print_ids ? print_id(run, id) : EXIT_DONE;
    if (code == EXIT_DONE && run->json)
        code = ids_append(run->cli, &run->result.out, &id, 1);
    if (code || !run->result.has_text || dsvk_model_token_is_special(model, id))
        return code;
    size_t      n;
    const char *bytes = dsvk_model_token(model, id, &n);
    return text_put(&run->text, bytes, n) ? EXIT_DONE : run->write_code;
}

/* ---- what goes in ---- */

static int next_token(struct run *run, uint32_t *id)
{
    struct cli *cli    = run->cli;
    dsvk_status status = run->sampling.temperature > 0
                             ? dsvk_session_sample(cli->session, &run->sampling, id)
                             : dsvk_session_argmax(cli->session, id);
    return cli_status(cli, status, "choosing a token");
}

/* Evaluates what is new in the timeline; a bar is shown for the prompt only. */
static int evaluate(struct run *run)
{
    struct progress bar;
    progress_init(&bar, &run->cli->log, "prompt", false);
    bar.shown          = bar.shown && run->result.generated == 0;
    dsvk_progress sink = progress_sink(&bar);
    return cli_status(run->cli,
                      dsvk_session_sync(run->cli->session, run->ids.data, run->ids.n, &sink),
                      "evaluating");
}

/* Why the last token was the last one, NULL while it was not. */
static const char *reason(struct run *run, uint32_t id)
{
    struct cli *cli = run->cli;
    if (run->ends && dsvk_model_token_is_end(cli->model, id))
        return "end";
    if (run->stop.met)
        return "stop";
    if (run->result.generated >= run->limit) {
        if (!cli->options.values[OPT_TOKENS_OUT].given)
            log_note(&cli->log, "stopped at %d tokens, the default; -n gives another limit",
                     TOKENS_OUT);
        return "limit";
    }
    if (run->ids.n == dsvk_session_context(cli->session)) {
        log_note(&cli->log, "stopped at the end of the context of %zu token%s", run->ids.n,
                 run->ids.n == 1 ? "" : "s");
        return "context";
    }
    return NULL;
}

/* Prints a token and appends it to the timeline; false when it is the last. */
static bool accept(void *user, uint32_t id)
{
    struct run *run = user;
    if (run->result.generated++ == 0)
        run->result.first_seconds = host_seconds() - run->start;
    run->going = false;
    run->code  = print_token(run, id);
    if (run->code)
        return false;
    const char *stopped_by = reason(run, id);
    if (stopped_by)
        run->result.stopped_by = stopped_by;
    else if (host_interrupted())
        run->code = EXIT_SIGNAL + host_interrupted();
    else
        run->code = ids_append(run->cli, &run->ids, &id, 1);
    return run->going = !stopped_by && run->code == EXIT_DONE;
}

/* Until the context is full; what is left then is to print one token more. */
static int run_greedily(struct run *run)
{
    dsvk_offer  offer  = { accept, run };
    dsvk_status status = dsvk_session_generate(run->cli->session, SIZE_MAX, &offer);
    return cli_status(run->cli, status, "evaluating");
}

static int generate(struct run *run)
{
    run->ends  = !run->cli->options.values[OPT_IGNORE_EOS].given;
    run->start = host_seconds();
    run->going = run->limit > 0;
    int code   = evaluate(run);
    if (code == EXIT_DONE && run->going && !(run->sampling.temperature > 0))
        code = run_greedily(run);
    while (code == EXIT_DONE && run->going) {
        uint32_t id;
        code = next_token(run, &id);
        if (code == EXIT_DONE && accept(run, id))
            code = evaluate(run);
    }
    code = code ? code : run->code;
    if (code > EXIT_SIGNAL)
        run->result.stopped_by = "interrupt";
    return code;
}

/* What was generated is printed whole after an interrupt or a failure too. */
static int generate_and_print(struct run *run)
{
    int code = generate(run);
    if (!(text_end(&run->text) && stop_end(&run->stop)) && code == EXIT_DONE)
        code = run->write_code;
    run->result.total_seconds = host_seconds() - run->began;
    if (run->json && code == EXIT_FAILED)
        return code;
    int written = run->json ? run_json(run->cli, &run->result) : cli_write(run->cli, "\n", 1);
    return code ? code : written;
}

static int open_model(struct run *run)
{
    int code = cli_open_model(run->cli, PART_ALL);
    if (code)
        return code;
    run->result.has_text = dsvk_model_describe(run->cli->model)->tokenizer_size > 0;
    bool needs           = (!run->print_ids && !run->json) || run->stop.n;
    if (needs && !run->result.has_text && run->cli->options.values[OPT_TOKENS].given)
        return cli_fail(run->cli,
                        "the model has no tokenizer, so its answer is no text: give "
                        "--print ids%s",
                        run->stop.n ? " and no --stop" : "");
    return EXIT_DONE;
}

static int prepare(struct run *run)
{
    struct cli                *cli    = run->cli;
    const struct option_value *values = cli->options.values;

    int code = prompt_check_usage(cli);
    if (code == EXIT_DONE)
        code = prompt_read(cli, &run->asked);
    if (code == EXIT_DONE)
        code = open_model(run);
    if (code == EXIT_DONE)
        code = prompt_make(cli, &run->ids, &run->asked);
    if (code)
        return code;
    run->result.prompt = run->ids.n;
    run->sampling      = sampling_choose(cli);
    double loading     = host_seconds();
    code               = cli_load(cli, (uint32_t)values[OPT_CTX].count);
    if (code == EXIT_DONE)
        code = cli_open_session(cli, (uint32_t)values[OPT_CTX].count, values[OPT_PROFILE].given);
    run->result.load_seconds = host_seconds() - loading;
    return code ? code : prompt_check_length(cli, &run->ids, dsvk_session_context(cli->session));
}

static void run_init(struct run *run, struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    *run                              = (struct run){ .cli = cli, .limit = TOKENS_OUT };
    run->result.first_seconds         = -1;
    run->result.stopped_by            = "limit";
    run->began                        = host_seconds();

    run->text = (struct text){
        .write = write_characters,
        .user  = run,
    };
    run->stop = (struct run_stop){
        .texts = cli->options.stops,
        .n     = cli->options.n_stops,
        .write = write_text,
        .user  = run,
    };
    run->print_ids = values[OPT_PRINT].count == 1;
    run->json      = values[OPT_JSON].given > 0;
    run->terminal  = !run->json && host_is_terminal(stdout);
    if (values[OPT_TOKENS_OUT].given)
        run->limit = values[OPT_TOKENS_OUT].count;
}

int command_run(struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    struct run                 run;
    run_init(&run, cli);
    int code = prepare(&run);
    if (code == EXIT_DONE) {
        code = generate_and_print(&run);
        if (values[OPT_STATS].given && code != EXIT_FAILED)
            report_stats(cli, &run.result);
        if (values[OPT_PROFILE].given && code == EXIT_DONE)
            code = report_profile(cli);
    }
    prompt_done(&run.asked);
    ids_done(&run.ids);
    ids_done(&run.result.out);
    free(run.result.text.data);
    return code;
}
