/* SPDX-License-Identifier: MIT */
#include "host.h"
#include "input.h"
#include "json.h"
#include "progress.h"
#include "router.h"
#include "values.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct score {
    struct cli        *cli;
    struct ids         ids;
    uint32_t           vocab;
    double             sum; /* of negative log-likelihoods */
    struct router      router;
    struct host_output logits, all_logits, routes;
    int                code; /* of the first callback that failed: the rest does nothing */
};

/* ---- callbacks ---- */

static int write_row(struct score *score, struct host_output *output, const float *row)
{
    errno = 0;
    if (fwrite(row, sizeof *row, score->vocab, output->file) == score->vocab)
        return EXIT_DONE;
    return cli_fail(score->cli, "%s: %s", output->name, strerror(errno));
}

static double log_sum_exp(const float *row, uint32_t n)
{
    double most = row[0], sum = 0;
    for (uint32_t i = 1; i < n; i++)
        most = row[i] > most ? row[i] : most;
    for (uint32_t i = 0; i < n; i++)
        sum += exp(row[i] - most);
    return most + log(sum);
}

static void take_logits(void *user, size_t position, const float *row)
{
    struct score *score = user;
    if (score->code)
        return;
    if (position + 1 < score->ids.n) {
        double loss = log_sum_exp(row, score->vocab) - row[score->ids.data[position + 1]];
        score->sum += loss;
        if (!isfinite(loss))
            score->code =
                cli_fail(score->cli, "the logits at position %zu are not finite", position);
    }
    if (score->code == EXIT_DONE && score->all_logits.file)
        score->code = write_row(score, &score->all_logits, row);
    if (score->code == EXIT_DONE && score->logits.file && position + 1 == score->ids.n)
        score->code = write_row(score, &score->logits, row);
}

static void take_router(void *user, uint32_t layer, size_t position, const uint32_t *experts,
                        const float *weights)
{
    struct score *score = user;
    if (score->code == EXIT_DONE && !router_add(&score->router, layer, position, experts, weights))
        score->code = cli_fail(score->cli, "--router: no memory for layer %u", layer);
}

/* ---- input ---- */

static int check_usage(struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    if (values[OPT_FILE].given && values[OPT_TOKENS_FILE].given)
        return cli_usage(cli, "--file and --tokens-file exclude each other");
    if (!values[OPT_FILE].given && !values[OPT_TOKENS_FILE].given)
        return cli_usage(cli, "give --file TEXTFILE or --tokens-file FILE");
    return EXIT_DONE;
}

static int parse_ids(struct cli *cli, struct ids *ids, const char *name, const struct bytes *text)
{
    struct option_value *value = &cli->options.values[OPT_TOKENS_FILE];
    const char          *bad = "";
    if (strlen(text->data) != text->n)
        return cli_fail(cli, "%s: a zero byte at %zu", name, strlen(text->data));
    if (!value_list(text->data, UINT32_MAX, &value->list, &value->n_list, &bad))
        return *bad ? cli_fail(cli, "%s: '%.*s' at byte %zu is no token id", name,
                               (int)strcspn(bad, ", \t\r\n"), bad, (size_t)(bad - text->data))
                    : cli_fail(cli, "%s: no token ids in it", name);
    return ids_append(cli, ids, value->list, value->n_list);
}

static bool wants_files(const struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    return values[OPT_LOGITS].given || values[OPT_ALL_LOGITS].given || values[OPT_ROUTER].given;
}

static int read_ids(struct cli *cli, struct ids *ids)
{
    const struct option_value *values = cli->options.values;
    bool                       is_text = values[OPT_FILE].given;
    const char                *name = values[is_text ? OPT_FILE : OPT_TOKENS_FILE].text;
    struct bytes               text;
    int                        code = input_read(cli, name, &text);
    if (code == EXIT_DONE)
        code = is_text ? ids_tokenize(cli, ids, text.data, text.n, false,
                                   dsvk_model_describe(cli->model)->adds_bos)
                       : parse_ids(cli, ids, name, &text);
    free(text.data);
    if (code == EXIT_DONE)
        code = ids_check(cli, ids);
    size_t least = wants_files(cli) ? 1 : 2;
    if (code == EXIT_DONE && ids->n < least)
        code = cli_fail(cli, "%s: %zu tokens, at least %zu are needed", name, ids->n, least);
    return code;
}

/* The session must hold the whole text, which may be longer than the default context. */
static int open_session(struct cli *cli, size_t n)
{
    const struct option_value *ctx = &cli->options.values[OPT_CTX];
    uint64_t context = ctx->given ? ctx->count : dsvk_model_describe(cli->model)->max_context;
    if (n > context)
        return cli_fail(cli, "the text has %zu tokens, more than the context of %llu", n,
                        (unsigned long long)context);
    context  = ctx->given ? context : n;
    int code = cli_load(cli, (uint32_t)context);
    return code ? code : cli_open_session(cli, (uint32_t)context, false);
}

/* ---- output ---- */

static int open_output(struct score *score, enum option_id id, struct host_output *output)
{
    const char *name = score->cli->options.values[id].text;
    if (!name || host_output_open(output, name))
        return EXIT_DONE;
    return cli_fail(score->cli, "%s: %s", name, strerror(errno));
}

static int open_outputs(struct score *score)
{
    int code = open_output(score, OPT_LOGITS, &score->logits);
    if (code == EXIT_DONE)
        code = open_output(score, OPT_ALL_LOGITS, &score->all_logits);
    if (code == EXIT_DONE)
        code = open_output(score, OPT_ROUTER, &score->routes);
    return code;
}

static int commit_outputs(struct score *score)
{
    struct host_output *outputs[] = { &score->logits, &score->all_logits, &score->routes };
    for (size_t i = 0; i < 3; i++) {
        errno = 0;
        if (outputs[i]->file && !host_output_commit(outputs[i]))
            return cli_fail(score->cli, "%s: %s", outputs[i]->name,
                            errno ? strerror(errno) : "cannot be written");
    }
    return EXIT_DONE;
}

static int print_score(const struct score *score)
{
    size_t n = score->ids.n;
    double mean = n > 1 ? score->sum / (double)(n - 1) : NAN;
    if (score->cli->options.values[OPT_JSON].given)
        return json_print(score->cli, json_pack("{s:o, s:o, s:o}", "tokens", json_count(n),
                                                "mean_nll", n > 1 ? json_real(mean) : json_null(),
                                                "ppl", n > 1 ? json_real(exp(mean)) : json_null()));
    printf("tokens      %zu\n", n);
    if (n > 1)
        printf("mean NLL    %.6f\nperplexity  %.6f\n", mean, exp(mean));
    return EXIT_DONE;
}

/* ---- the command ---- */

static int evaluate(struct score *score)
{
    struct cli     *cli = score->cli;
    struct progress bar;
    progress_init(&bar, &cli->log, "scoring", false);
    dsvk_progress   sink = progress_sink(&bar);
    dsvk_score_rows rows = { .logits = take_logits,
                             .router = score->routes.file ? take_router : NULL,
                             .user = score };
    dsvk_status     status =
        dsvk_session_score(cli->session, score->ids.data, score->ids.n, &rows, &sink);
    int code = cli_status(cli, status, "scoring");
    return code ? code : score->code;
}

static int score_text(struct score *score)
{
    struct cli *cli = score->cli;
    int         code = check_usage(cli);
    if (code == EXIT_DONE)
        code = cli_open_model(cli, PART_ALL);
    if (code == EXIT_DONE)
        code = read_ids(cli, &score->ids);
    if (code == EXIT_DONE)
        code = open_session(cli, score->ids.n);
    if (code == EXIT_DONE)
        code = open_outputs(score);
    if (code)
        return code;
    const dsvk_model_info *info = dsvk_model_describe(cli->model);
    score->vocab = info->vocab;
    score->router = (struct router){ .tokens = score->ids.n, .top_k = info->top_k };
    code = evaluate(score);
    if (code == EXIT_DONE && score->routes.file)
        router_print(&score->router, score->routes.file);
    if (code == EXIT_DONE)
        code = commit_outputs(score);
    return code ? code : print_score(score);
}

int command_score(struct cli *cli)
{
    struct score score = { .cli = cli };
    int          code = score_text(&score);
    host_output_discard(&score.logits);
    host_output_discard(&score.all_logits);
    host_output_discard(&score.routes);
    router_done(&score.router);
    ids_done(&score.ids);
    return code;
}
