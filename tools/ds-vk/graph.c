/* SPDX-License-Identifier: MIT */
#include "cli.h"

struct sink {
    struct cli *cli;
    int         code;
};

static void write_piece(void *user, const char *text, size_t bytes)
{
    struct sink *sink = user;
    if (sink->code == EXIT_DONE)
        sink->code = cli_write(sink->cli, text, bytes);
}

int command_graph(struct cli *cli)
{
    /* In the order of the option's words. */
    static const dsvk_graph_stage stages[] = { DSVK_STAGE_PLANNED, DSVK_STAGE_FUSED,
                                               DSVK_STAGE_BUILT };
    const struct option_value    *values   = cli->options.values;
    struct sink                   sink     = { .cli = cli };
    int                           code     = cli_open_model(cli, PART_CONFIG);
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
