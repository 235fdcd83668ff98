/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "host.h"
#include "progress.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

#define TOKENS_OUT 512

struct run {
    struct cli       *cli;
    struct ids        ids; /* the timeline: prompt and what was generated */
    dsvk_sampling     sampling;
    uint64_t          limit; /* tokens to generate */
    bool              print_ids;
    bool              ends;  /* at an end token */
    bool              going; /* the last token was not the last */
    double            start;
    int               code; /* of printing and appending */
    struct text       text;
    int               write_code;
    struct run_result result;
};

static bool write_text(void *user, const char *bytes, size_t n)
{
    struct run *run = user;
    run->write_code = cli_write(run->cli, bytes, n);
    return run->write_code == EXIT_DONE;
}

static int print_token(struct run *run, uint32_t id)
{
    const dsvk_model *model = run->cli->model;
    if (run->print_ids) {
        char word[16];
        int n = snprintf(word, sizeof word, "%s%" PRIu32, run->result.generated > 1 ? " " : "", id);
        return cli_write(run->cli, word, (size_t)n);
    }
    if (dsvk_model_token_is_special(model, id))
        return EXIT_DONE;
    size_t      n;
    const char *bytes = dsvk_model_token(model, id, &n);
    return text_put(&run->text, bytes, n) ? EXIT_DONE : run->write_code;
}

static int next_token(struct run *run, uint32_t *id)
{
    struct cli *cli = run->cli;
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
    bar.shown = bar.shown && run->result.generated == 0;
    dsvk_progress sink = progress_sink(&bar);
    return cli_status(run->cli,
                      dsvk_session_sync(run->cli->session, run->ids.data, run->ids.n, &sink),
                      "evaluating");
}

/* Prints a token and appends it to the timeline; false when it is the last. */
static bool accept(void *user, uint32_t id)
{
    struct run *run = user;
    struct cli *cli = run->cli;
    if (run->result.generated++ == 0)
        run->result.first_seconds = host_seconds() - run->start;
    run->code = print_token(run, id);
    run->going = run->code == EXIT_DONE && run->result.generated < run->limit &&
                 !(run->ends && dsvk_model_token_is_end(cli->model, id));
    if (run->going && run->ids.n == dsvk_session_context(cli->session)) {
        log_note(&cli->log, "stopped at the end of the context of %zu tokens", run->ids.n);
        run->going = false;
    }
    if (run->going)
        run->code = host_interrupted() ? EXIT_SIGNAL + host_interrupted()
                                       : ids_append(cli, &run->ids, &id, 1);
    return run->going = run->going && run->code == EXIT_DONE;
}

/* Until the context is full; what is left then is to print one token more. */
static int run_greedily(struct run *run)
{
    dsvk_offer  offer = { accept, run };
    dsvk_status status = dsvk_session_generate(run->cli->session, SIZE_MAX, &offer);
    return cli_status(run->cli, status, "evaluating");
}

static int generate(struct run *run)
{
    run->ends = !run->cli->options.values[OPT_IGNORE_EOS].given;
    run->start = host_seconds();
    run->going = run->limit > 0;
    int code = evaluate(run);
    if (code == EXIT_DONE && run->going && !(run->sampling.temperature > 0))
        code = run_greedily(run);
    while (code == EXIT_DONE && run->going) {
        uint32_t id;
        code = next_token(run, &id);
        if (code == EXIT_DONE && accept(run, id))
            code = evaluate(run);
    }
    return code ? code : run->code;
}

/* What was generated is printed whole after an interrupt or a failure too. */
static int generate_and_print(struct run *run)
{
    int code = generate(run);
    if (!text_end(&run->text) && code == EXIT_DONE)
        code = run->write_code;
    int written = cli_write(run->cli, "\n", 1);
    return code ? code : written;
}

static int prepare(struct run *run)
{
    struct cli                *cli = run->cli;
    const struct option_value *values = cli->options.values;

    int code = prompt_check_usage(cli);
    if (code == EXIT_DONE)
        code = cli_open_model(cli, PART_ALL);
    if (code == EXIT_DONE)
        code = prompt_make(cli, &run->ids);
    if (code)
        return code;
    run->result.prompt = run->ids.n;
    run->sampling = sampling_choose(cli);
    code = cli_load(cli, (uint32_t)values[OPT_CTX].count);
    if (code == EXIT_DONE)
        code = cli_open_session(cli, (uint32_t)values[OPT_CTX].count, values[OPT_PROFILE].given);
    return code ? code : prompt_check_length(cli, &run->ids, dsvk_session_context(cli->session));
}

int command_run(struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    struct run run = { .cli = cli, .limit = TOKENS_OUT, .result = { .first_seconds = -1 } };
    run.text = (struct text){ .write = write_text, .user = &run };
    run.print_ids = values[OPT_PRINT].count == 1;
    if (values[OPT_TOKENS_OUT].given)
        run.limit = values[OPT_TOKENS_OUT].count;

    int code = prepare(&run);
    if (code == EXIT_DONE) {
        code = generate_and_print(&run);
        if (values[OPT_STATS].given && code != EXIT_FAILED)
            report_stats(cli, &run.result);
        if (values[OPT_PROFILE].given && code == EXIT_DONE)
            code = report_profile(cli);
    }
    ids_done(&run.ids);
    return code;
}
