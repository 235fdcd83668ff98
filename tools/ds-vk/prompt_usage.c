/* SPDX-License-Identifier: MIT */
/* What can be known to be wrong before any file is opened. */
#include "run.h"

int prompt_check_usage(struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    if (values[OPT_TOKENS].given && cli->options.n_arguments)
        return cli_usage(cli, "--tokens and a prompt exclude each other");
    return chat_check_usage(cli);
}
