/* SPDX-License-Identifier: MIT */
/* `ds-vk run`: one prompt, one answer, as text, ids or a JSON document. The order is that of what
 * costs more: options, the prompt's text, the model's files, weights, and only then passes. */
#include "generate.h"
#include "host.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    struct generation generation; /* first: its callbacks are given it alone */
    struct prompt     asked;
    bool              print_ids, json;
    bool              terminal; /* where control characters of an answer must not arrive */
    double            began;
    dsvk_bias         biases[MAX_BIASES];
};

/* ---- what comes out ---- */

static int collect(struct cli *cli, struct run_result *result, const char *bytes, size_t n)
{
    if (n > result->text_room - result->text.n) {
        size_t room  = result->text_room * 2 + n + 4096;
        char  *grown = realloc(result->text.data, room);
        if (!grown)
            return cli_fail(cli, "no memory for a text of %zu bytes", room);
        result->text.data = grown;
        result->text_room = room;
    }
    memcpy(result->text.data + result->text.n, bytes, n);
    result->text.n += n;
    return EXIT_DONE;
}

/* In parts of whole characters. */
static int write_clean(struct cli *cli, const char *bytes, size_t n)
{
    char clean[1024];
    int  code = EXIT_DONE;
    for (size_t at = 0, part; at < n && code == EXIT_DONE; at += part) {
        part = n - at < sizeof clean ? n - at : sizeof clean;
        while (at + part < n && ((unsigned char)bytes[at + part] & 0xc0) == 0x80)
            part--;
        code = cli_write(cli, clean, text_clean(clean, bytes + at, part));
    }
    return code;
}

static int put_text(struct generation *g, const char *bytes, size_t n)
{
    const struct run *run = (const struct run *)g;
    if (run->print_ids)
        return EXIT_DONE;
    if (run->json)
        return collect(g->cli, &g->result, bytes, n);
    return run->terminal ? write_clean(g->cli, bytes, n) : cli_write(g->cli, bytes, n);
}

static int print_id(struct generation *g, uint32_t id)
{
    char word[16];
    int  n = snprintf(word, sizeof word, "%s%" PRIu32, g->result.generated > 1 ? " " : "", id);
    return cli_write(g->cli, word, (size_t)n);
}

static int put_token(struct generation *g, uint32_t id)
{
    const struct run *run  = (const struct run *)g;
    int               code = run->print_ids ? print_id(g, id) : EXIT_DONE;
    if (code == EXIT_DONE && run->json)
        code = ids_append(g->cli, &g->result.out, &id, 1);
    return code;
}

static int generate_and_print(struct run *run)
{
    struct generation *g    = &run->generation;
    int                code = generate(g);
    g->result.total_seconds = host_seconds() - run->began;
    if (run->json && code == EXIT_FAILED)
        return code;
    int written = run->json ? run_json(g->cli, &g->result) : cli_write(g->cli, "\n", 1);
    int saved   = code == EXIT_FAILED ? code : session_file_save(g->cli, g->result.loaded);
    return saved ? saved : code ? code : written;
}

/* ---- what goes in ---- */

static int open_model(struct run *run)
{
    struct generation *g    = &run->generation;
    int                code = cli_open_model(g->cli, PART_ALL);
    if (code)
        return code;
    g->result.has_text = dsvk_model_describe(g->cli->model)->tokenizer_size > 0;
    bool needs         = (!run->print_ids && !run->json) || g->cli->options.n_stops;
    if (needs && !g->result.has_text && g->cli->options.values[OPT_TOKENS].given)
        return cli_fail(g->cli,
                        "the model has no tokenizer, so its answer is no text: give "
                        "--print ids%s",
                        g->cli->options.n_stops ? " and no --stop" : "");
    return EXIT_DONE;
}

/* --json-schema; `any` is any object. */
static int use_schema(struct run *run)
{
    struct generation *g    = &run->generation;
    const char        *name = g->cli->options.values[OPT_JSON_SCHEMA].text;
    struct bytes       text = { 0 };
    if (!name)
        return EXIT_DONE;
    bool any  = strcmp(name, "any") == 0;
    int  code = any ? EXIT_DONE : input_read(g->cli, name, &text);
    if (code == EXIT_DONE)
        code = cli_status(
            g->cli, dsvk_grammar_new(&g->grammar, g->cli->model, any ? NULL : text.data, text.n),
            "reading the schema");
    free(text.data);
    g->sampling.mask      = dsvk_grammar_mask;
    g->sampling.mask_user = g->grammar;
    return code;
}

static int prepare(struct run *run)
{
    struct generation         *g      = &run->generation;
    struct cli                *cli    = g->cli;
    const struct option_value *values = cli->options.values;

    int code = prompt_check_usage(cli);
    if (code == EXIT_DONE)
        code = session_files_check(cli);
    if (code == EXIT_DONE)
        code = prompt_read(cli, &run->asked);
    if (code == EXIT_DONE)
        code = open_model(run);
    if (code == EXIT_DONE)
        code = prompt_make(cli, &g->ids, &run->asked);
    if (code)
        return code;
    g->result.prompt = g->ids.n;
    g->sampling      = sampling_choose(cli, cli->model);
    sampling_add_biases(cli, &g->sampling, run->biases);
    g->sampling.prompt_tokens = (uint32_t)g->ids.n;
    run_json_logprobs(cli, &g->sampling, &g->result);
    code = use_schema(run);
    if (code)
        return code;
    double loading = host_seconds();
    code           = cli_load(cli, (uint32_t)values[OPT_CTX].count);
    if (code == EXIT_DONE)
        code = cli_open_session(cli, (uint32_t)values[OPT_CTX].count, values[OPT_PROFILE].given);
    g->result.load_seconds = host_seconds() - loading;
    if (code == EXIT_DONE)
        code = prompt_check_length(cli, &g->ids, dsvk_session_context(cli->session));
    return code ? code : session_file_load(cli, &g->ids, &g->result.loaded);
}

static void run_init(struct run *run, struct cli *cli)
{
    const struct option_value *values = cli->options.values;

    *run = (struct run){ .began = host_seconds() };
    generation_init(&run->generation, cli);
    run->generation.put_token = put_token;
    run->generation.put_text  = put_text;
    run->print_ids            = values[OPT_PRINT].count == 1;
    run->json                 = values[OPT_JSON].given > 0;
    run->terminal             = !run->json && host_is_terminal(stdout);
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
            report_stats(cli, &run.generation.result);
        if (values[OPT_PROFILE].given && code == EXIT_DONE)
            code = report_profile(cli);
    }
    prompt_done(&run.asked);
    generation_done(&run.generation);
    return code;
}
