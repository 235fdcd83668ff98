/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "progress.h"

int command_quantize(struct cli *cli)
{
    struct option_value *values = cli->options.values;
    struct progress      bar;
    if (cli->options.n_arguments != 2)
        return cli_usage(cli, "quantize: give the folder to read and the folder to write");
    if (values[OPT_WEIGHTS].count == 0)
        return cli_usage(cli, "quantize: give --weights bf16, fp8, int4 or fp4");
    values[OPT_MODEL].text = cli->options.arguments[0];
    int code = cli_open_model(cli, PART_ALL);
    if (code)
        return code;
    progress_init(&bar, &cli->log, "writing", true);
    dsvk_progress sink = progress_sink(&bar);
    return cli_status(cli,
                      dsvk_model_quantize(cli->model, cli->options.arguments[1],
                                          (dsvk_weights)values[OPT_WEIGHTS].count, &sink),
                      "quantize");
}
