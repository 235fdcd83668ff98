/* SPDX-License-Identifier: MIT */
/* Whether a prompt goes through a chat format, and through which. */
#include "run.h"

#include <string.h>

int chat_check_usage(struct cli *cli)
{
    static const size_t        of_chats[] = { OPT_SYSTEM, OPT_THINK, OPT_CHAT_FORMAT };
    const struct option_value *values     = cli->options.values;
    if (!values[OPT_RAW].given && !values[OPT_TOKENS].given)
        return EXIT_DONE;
    for (size_t i = 0; i < sizeof of_chats / sizeof *of_chats; i++)
        if (values[of_chats[i]].given)
            return cli_usage(cli, "--%s needs the chat format, which --raw and --tokens leave out",
                             option_table[of_chats[i]].name);
    return EXIT_DONE;
}

int chat_choose(struct cli *cli, bool *raw)
{
    const struct option_value *values = cli->options.values;
    const char                *format = dsvk_model_describe(cli->model)->chat_format;
    *raw                              = values[OPT_RAW].given > 0;
    if (*raw || values[OPT_CHAT_FORMAT].given)
        return EXIT_DONE;
    if (strcmp(format, "unknown") == 0)
        return cli_fail(cli, "the model's chat template is none that is known here: --raw "
                             "continues the prompt as it is, --chat-format NAME wraps it");
    if (strcmp(format, "none") != 0)
        return EXIT_DONE;
    if (values[OPT_SYSTEM].given || values[OPT_THINK].given)
        return cli_fail(cli, "the model has no chat format, so --%s needs --chat-format NAME",
                        values[OPT_SYSTEM].given ? "system" : "think");
    if (dsvk_model_describe(cli->model)->tokenizer_size > 0)
        log_note(&cli->log, "the model has no chat template, as base models have none: the "
                            "prompt is continued as it is");
    *raw = true;
    return EXIT_DONE;
}

int chat_ids(struct cli *cli, struct ids *ids, const struct bytes *text)
{
    const struct option_value *values      = cli->options.values;
    const char                *system      = values[OPT_SYSTEM].text;
    dsvk_message               messages[2] = { { .role = "system", .text = system },
                                               { .role = "user", .text = text->data } };
    dsvk_chat_params           params      = { .think  = (dsvk_think)values[OPT_THINK].count,
                                               .format = values[OPT_CHAT_FORMAT].text };
    uint32_t                  *made;
    size_t                     n;
    if (strlen(text->data) != text->n)
        return cli_fail(cli, "the prompt has a zero byte at %zu", strlen(text->data));
    dsvk_status status =
        dsvk_model_chat(cli->model, messages + !system, 1 + !!system, &params, &made, &n);
    int code = cli_status(cli, status, "the chat format");
    if (code)
        return code;
    code = ids_append(cli, ids, made, n);
    dsvk_model_free_memory(cli->model, made);
    return code;
}
