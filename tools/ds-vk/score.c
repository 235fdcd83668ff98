/* SPDX-License-Identifier: MIT */
/* `ds-vk score`: evaluates a given text in windows and reports its likelihood, on request with
 * logits and chosen experts as files. It generates nothing, and its files appear only when they
 * are whole. */
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
    struct bytes       input;
    size_t             window, stride; /* tokens */
    size_t             first, fresh;   /* where a window begins, and what no earlier one had */
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

static void take_logits(void *user, size_t in_window, const float *row)
{
    struct score *score    = user;
    size_t        position = score->first + in_window;
    if (score->code || position < score->fresh)
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

static void take_router(void *user, uint32_t layer, size_t in_window, const uint32_t *experts,
                        const float *weights)
{
    struct score *score    = user;
    size_t        position = score->first + in_window;
    if (position < score->fresh)
        return;
    if (score->code == EXIT_DONE && !router_add(&score->router, layer, position, experts, weights))
        score->code = cli_fail(score->cli, "--router: no memory for layer %u", layer);
}

/* ---- input ---- */

/* Of two outputs of one name the last would win without a word. */
static int check_outputs(struct cli *cli)
{
    static const size_t        ids[]  = { OPT_LOGITS, OPT_ALL_LOGITS, OPT_ROUTER };
    const struct option_value *values = cli->options.values;
    for (size_t i = 0; i < 3; i++)
        for (size_t j = i + 1; j < 3; j++)
            if (values[ids[i]].given && values[ids[j]].given &&
                strcmp(values[ids[i]].text, values[ids[j]].text) == 0)
                return cli_usage(cli, "--%s and --%s name the same file %s",
                                 option_table[ids[i]].name, option_table[ids[j]].name,
                                 values[ids[i]].text);
    return EXIT_DONE;
}

static int check_usage(struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    if (values[OPT_FILE].given && values[OPT_TOKENS_FILE].given)
        return cli_usage(cli, "--file and --tokens-file exclude each other");
    if (!values[OPT_FILE].given && !values[OPT_TOKENS_FILE].given)
        return cli_usage(cli, "give --file TEXTFILE or --tokens-file FILE");
    if (values[OPT_WINDOW].given && values[OPT_STRIDE].count >= values[OPT_WINDOW].count)
        return cli_usage(cli, "--stride takes fewer tokens than a window has, not %s",
                         values[OPT_STRIDE].text);
    return check_outputs(cli);
}

static int parse_ids(struct cli *cli, struct ids *ids, const char *name, const struct bytes *text)
{
    struct option_value *value = &cli->options.values[OPT_TOKENS_FILE];
    const char          *bad   = "";
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

static const char *input_name(const struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    return values[values[OPT_FILE].given ? OPT_FILE : OPT_TOKENS_FILE].text;
}

static int read_input(struct score *score)
{
    const char *name = input_name(score->cli);
    return input_read(score->cli, strcmp(name, "-") == 0 ? NULL : name, &score->input);
}

static int make_ids(struct cli *cli, struct ids *ids, const struct bytes *text)
{
    bool        is_text = cli->options.values[OPT_FILE].given;
    const char *name    = input_name(cli);
    bool        bos     = dsvk_model_describe(cli->model)->adds_bos;
    int         code    = is_text ? ids_tokenize(cli, ids, text->data, text->n, false, bos)
                                  : parse_ids(cli, ids, name, text);
    if (code == EXIT_DONE)
        code = ids_check(cli, ids);
    size_t least = wants_files(cli) ? 1 : 2;
    if (code == EXIT_DONE && ids->n < least)
        code = cli_fail(cli, "%s: %zu token%s, at least %zu %s needed", name, ids->n,
                        PLURAL(ids->n), least, least == 1 ? "is" : "are");
    return code;
}

/* All of a text together where the context allows it, else windows that overlap. */
static int choose_windows(struct score *score)
{
    const struct option_value *values = score->cli->options.values;
    const struct option_value *ctx    = &values[OPT_CTX];
    size_t                     n      = score->ids.n;
    uint64_t most   = ctx->given ? ctx->count : dsvk_model_describe(score->cli->model)->max_context;
    uint64_t window = values[OPT_WINDOW].given ? values[OPT_WINDOW].count : n < most ? n : most;
    if (values[OPT_WINDOW].given && window > most)
        return cli_fail(score->cli, "--window %llu is more than the context of %llu",
                        (unsigned long long)window, (unsigned long long)most);
    score->window = window < n ? (size_t)window : n;
    score->stride = values[OPT_STRIDE].given ? values[OPT_STRIDE].count : (window + 1) / 2;
    if (score->window == n)
        return EXIT_DONE;
    if (score->stride >= score->window)
        return cli_fail(score->cli, "windows of %zu token%s cannot begin %zu apart: they overlap",
                        score->window, PLURAL(score->window), score->stride);
    log_note(&score->cli->log, "%zu tokens are scored in windows of %zu, %zu apart", n,
             score->window, score->stride);
    return EXIT_DONE;
}

/* The session must hold a window, which may be longer than the default context. */
static int open_session(struct score *score)
{
    const struct option_value *ctx  = &score->cli->options.values[OPT_CTX];
    int                        code = choose_windows(score);
    if (code)
        return code;
    uint32_t context = (uint32_t)(ctx->given ? ctx->count : score->window);
    code             = cli_load(score->cli, context);
    return code ? code : cli_open_session(score->cli, context, false);
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

static int print_json(const struct score *score, double mean)
{
    size_t  n        = score->ids.n;
    json_t *document = json_pack("{s:o, s:o, s:o}", "tokens", json_count(n), "mean_nll",
                                 n > 1 ? json_real(mean) : json_null(), "ppl",
                                 n > 1 ? json_real(exp(mean)) : json_null());
    if (score->window < n) {
        json_object_set_new(document, "window", json_count(score->window));
        json_object_set_new(document, "stride", json_count(score->stride));
    }
    return json_print(score->cli, document);
}

static int print_score(const struct score *score)
{
    size_t n    = score->ids.n;
    double mean = n > 1 ? score->sum / (double)(n - 1) : NAN;
    if (score->cli->options.values[OPT_JSON].given)
        return print_json(score, mean);
    printf("tokens      %zu\n", n);
    if (n > 1)
        printf("mean NLL    %.6f\nperplexity  %.6f\n", mean, exp(mean));
    return EXIT_DONE;
}

/* ---- the command ---- */

static int score_window(struct score *score, size_t n)
{
    struct cli     *cli = score->cli;
    struct progress bar;
    progress_init(&bar, &cli->log, "scoring", false);
    dsvk_progress   sink = progress_sink(&bar);
    dsvk_score_rows rows = { .logits = take_logits,
                             .router = score->routes.file ? take_router : NULL,
                             .user   = score };
    dsvk_status     status =
        dsvk_session_score(cli->session, score->ids.data + score->first, n, &rows, &sink);
    int code = cli_status(cli, status, "scoring");
    return code ? code : score->code;
}

/* A window inside a text that begins with BOS begins with it too: models know no other beginning,
 * and what stands there is of an earlier window. */
static int evaluate(struct score *score)
{
    size_t   n     = score->ids.n;
    uint32_t begin = score->ids.data[0];
    bool     bos   = score->cli->options.values[OPT_FILE].given &&
               dsvk_model_describe(score->cli->model)->adds_bos;
    int code = EXIT_DONE;
    while (code == EXIT_DONE && score->fresh < n) {
        size_t   window = n - score->first < score->window ? n - score->first : score->window;
        uint32_t kept   = score->ids.data[score->first];
        if (bos)
            score->ids.data[score->first] = begin;
        code                          = score_window(score, window);
        score->ids.data[score->first] = kept;
        score->fresh                  = score->first + window;
        score->first += score->stride;
    }
    return code;
}

/* What can be wrong is known before the model is opened. */
static int open_all(struct score *score)
{
    struct cli *cli  = score->cli;
    int         code = check_usage(cli);
    if (code == EXIT_DONE)
        code = read_input(score);
    if (code == EXIT_DONE)
        code = open_outputs(score);
    if (code == EXIT_DONE)
        code = cli_open_model(cli, PART_ALL);
    if (code == EXIT_DONE)
        code = make_ids(cli, &score->ids, &score->input);
    return code ? code : open_session(score);
}

static int score_text(struct score *score)
{
    struct cli *cli  = score->cli;
    int         code = open_all(score);
    if (code)
        return code;
    const dsvk_model_info *info = dsvk_model_describe(cli->model);
    score->vocab                = info->vocab;
    score->router               = (struct router){ .tokens = score->ids.n, .top_k = info->top_k };
    code                        = evaluate(score);
    if (code == EXIT_DONE && score->routes.file)
        router_print(&score->router, score->routes.file);
    if (code == EXIT_DONE)
        code = commit_outputs(score);
    return code ? code : print_score(score);
}

int command_score(struct cli *cli)
{
    struct score score = { .cli = cli };
    int          code  = score_text(&score);
    host_output_discard(&score.logits);
    host_output_discard(&score.all_logits);
    host_output_discard(&score.routes);
    router_done(&score.router);
    ids_done(&score.ids);
    free(score.input.data);
    return code;
}
