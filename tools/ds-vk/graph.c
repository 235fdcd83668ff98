/* SPDX-License-Identifier: MIT */
/* `ds-vk graph`: prints the graph of a model, wrapped to the width of the terminal. It reads
 * config.json alone and needs no device. */
#include "cli.h"

#include "host.h"

#include <string.h>

#define COLUMNS 80
#define INDENT 6 /* of the further lines of an operation */

struct sink {
    struct cli *cli;
    int         code;
    bool        folds;     /* for a terminal */
    char        word[256]; /* that has begun: it goes to the next line where it does not fit */
    size_t      n_word, column;
};

static void put(struct sink *sink, const char *text, size_t bytes)
{
    if (sink->code == EXIT_DONE && bytes > 0)
        sink->code = cli_write(sink->cli, text, bytes);
}

static void end_word(struct sink *sink)
{
    static const char fold[] = "\n      ";
    size_t            blanks = strspn(sink->word, " ");
    blanks                   = blanks < sink->n_word ? blanks : sink->n_word;
    if (sink->column + sink->n_word > COLUMNS && sink->column > INDENT) {
        put(sink, fold, 1 + INDENT);
        put(sink, sink->word + blanks, sink->n_word - blanks);
        sink->column = INDENT + sink->n_word - blanks;
    } else {
        put(sink, sink->word, sink->n_word);
        sink->column += sink->n_word;
    }
    sink->n_word = 0;
}

/* Words begin with their blanks, and end behind the signs that join weights. */
static void write_piece(void *user, const char *text, size_t bytes)
{
    struct sink *sink = user;
    if (!sink->folds) {
        put(sink, text, bytes);
        return;
    }
    for (size_t i = 0; i < bytes; i++) {
        size_t n      = sink->n_word;
        bool   begins = text[i] == ' ' && n > 0 && sink->word[n - 1] != ' ';
        if (text[i] == '\n' || begins || n + 1 == sizeof sink->word)
            end_word(sink);
        if (text[i] == '\n') {
            put(sink, "\n", 1);
            sink->column = 0;
            continue;
        }
        sink->word[sink->n_word++] = text[i];
        sink->word[sink->n_word]   = 0;
        if (text[i] == '+' || text[i] == '|')
            end_word(sink);
    }
}

int command_graph(struct cli *cli)
{
    /* In the order of the option's words. */
    static const dsvk_graph_stage stages[] = { DSVK_STAGE_PLANNED, DSVK_STAGE_FUSED,
                                               DSVK_STAGE_BUILT };
    const struct option_value    *values   = cli->options.values;
    bool        text = values[OPT_FORMAT].count == DSVK_FORMAT_TEXT && !values[OPT_JSON].given;
    struct sink sink = { .cli = cli, .folds = text && host_is_terminal(stdout) };
    int         code = cli_open_model(cli, PART_CONFIG);
    if (code)
        return code;
    dsvk_graph_params params = {
        .stage = stages[values[OPT_STAGE].count],
        .format =
            values[OPT_JSON].given ? DSVK_FORMAT_JSON : (dsvk_graph_format)values[OPT_FORMAT].count,
        .tokens  = (uint32_t)values[OPT_BATCH].count,
        .chunk   = (uint32_t)values[OPT_CHUNK].count,
        .no_fuse = values[OPT_NO_FUSE].given,
        .write   = write_piece,
        .user    = &sink,
    };
    code = cli_status(cli, dsvk_model_graph(cli->model, &params), "the graph");
    return code ? code : sink.code;
}
