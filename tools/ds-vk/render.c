/* SPDX-License-Identifier: MIT */
/* `ds-vk prompt`: what a conversation in a file becomes before a model reads it. It needs neither
 * weights nor a device. */
#include "input.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print(struct cli *cli, const dsvk_prompt *prompt)
{
    if (prompt->text)
        return cli_write(cli, prompt->text, prompt->bytes);
    for (size_t i = 0; i < prompt->n_ids; i++)
        printf("%s%" PRIu32, i ? " " : "", prompt->ids[i]);
    putchar('\n');
    return EXIT_DONE;
}

int command_prompt(struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    dsvk_chat_params           params = { .think  = (dsvk_think)values[OPT_THINK].count,
                                          .format = values[OPT_CHAT_FORMAT].text };
    struct bytes               input  = { 0 };
    dsvk_prompt                prompt = { 0 };
    if (cli->options.n_arguments != 2)
        return cli_usage(cli, "a checkpoint folder and a conversation file are needed");
    const char *name = cli->options.arguments[1];
    int         code = input_read(cli, strcmp(name, "-") == 0 ? NULL : name, &input);
    cli->options.values[OPT_MODEL].text  = cli->options.arguments[0];
    cli->options.values[OPT_MODEL].given = 1;
    if (code == EXIT_DONE)
        code = cli_open_model(cli, PART_TOKENIZER);
    if (code == EXIT_DONE)
        code = cli_status(cli,
                          dsvk_model_chat_json(cli->model, input.data, input.n, &params,
                                               !values[OPT_IDS].given, &prompt),
                          "the chat format");
    if (code == EXIT_DONE)
        code = print(cli, &prompt);
    free(input.data);
    if (cli->model) {
        dsvk_model_free_memory(cli->model, prompt.ids);
        dsvk_model_free_memory(cli->model, prompt.text);
    }
    return code;
}
