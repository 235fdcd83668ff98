/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <stdlib.h>

/* `echo question | ds-vk run` asks the question, not the question and a line end. */
static void drop_line_end(struct bytes *text)
{
    if (text->n && text->data[text->n - 1] == '\n')
        text->data[--text->n] = 0;
    if (text->n && text->data[text->n - 1] == '\r')
        text->data[--text->n] = 0;
}

static int from_text(struct cli *cli, struct ids *ids)
{
    bool         raw, piped;
    struct bytes text;
    int          code = chat_choose(cli, &raw);
    if (code)
        return code;
    code = input_text(cli, "prompt", &text, &piped);
    if (code == EXIT_DONE && piped && !raw)
        drop_line_end(&text);
    if (code == EXIT_DONE && text.n == 0)
        code = cli_fail(cli, "the prompt is empty");
    bool bos = dsvk_model_describe(cli->model)->adds_bos;
    if (code == EXIT_DONE)
        code = raw ? ids_tokenize(cli, ids, text.data, text.n, false, bos)
                   : chat_ids(cli, ids, &text);
    free(text.data);
    return code;
}

int prompt_check_length(struct cli *cli, const struct ids *ids, uint64_t context)
{
    if (ids->n > context)
        return cli_fail(cli, "the prompt has %zu tokens, more than the context of %llu", ids->n,
                        (unsigned long long)context);
    return EXIT_DONE;
}

int prompt_make(struct cli *cli, struct ids *ids)
{
    const struct option_value *values = cli->options.values;
    const struct option_value *tokens = &values[OPT_TOKENS];
    uint64_t                   context = dsvk_model_describe(cli->model)->max_context;
    int                        code =
        tokens->given ? ids_append(cli, ids, tokens->list, tokens->n_list) : from_text(cli, ids);
    if (code == EXIT_DONE)
        code = ids_check(cli, ids);
    if (values[OPT_CTX].given && values[OPT_CTX].count < context)
        context = values[OPT_CTX].count;
    return code ? code : prompt_check_length(cli, ids, context);
}
