/* SPDX-License-Identifier: MIT */
/* What can be known to be wrong before any file is opened. */
#include "run.h"

/* The model where other programs take it. With --model such an argument is a prompt as any. */
static int check_argument(struct cli *cli, const char *text)
{
    if (cli_is_checkpoint(text))
        return cli_usage(cli, "'%s' is a model's folder, not a prompt: give -m %s 'PROMPT'", text,
                         text);
    if (cli_file_begins(text, "GGUF"))
        return cli_usage(cli,
                         "'%s' is a GGUF file; ds-vk takes the folder that a model was "
                         "published as: -m FOLDER 'PROMPT'",
                         text);
    return EXIT_DONE;
}

int prompt_check_usage(struct cli *cli)
{
    const struct option_value *values   = cli->options.values;
    bool                       argument = cli->options.n_arguments > 0;
    int texts = argument + !!values[OPT_TEXT].given + !!values[OPT_FILE].given;
    if (values[OPT_TOKENS].given && texts)
        return cli_usage(cli, "--tokens and a prompt exclude each other");
    if (texts > 1)
        return cli_usage(cli, "an argument, --prompt and --file exclude each other");
    if (values[OPT_JSON].given && values[OPT_PRINT].given)
        return cli_usage(cli, "--json has text and ids, so --print does not go with it");
    if (values[OPT_LOGPROBS].given && !values[OPT_JSON].given)
        return cli_usage(cli, "--logprobs is for the document of --json");
    if (argument && !values[OPT_MODEL].given) {
        int code = check_argument(cli, cli->options.arguments[0]);
        if (code)
            return code;
    }
    return chat_check_usage(cli);
}
