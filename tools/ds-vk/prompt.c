/* SPDX-License-Identifier: MIT */
/* Makes the token ids that a command begins with, from --tokens or from a text. The text is read
 * before a model is opened, and the ids are checked before anything is computed from them. */
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

static int from_text(struct cli *cli, struct ids *ids, struct prompt *prompt)
{
    bool raw;
    int  code = chat_choose(cli, &raw);
    if (code)
        return code;
    if (prompt->piped && !raw)
        drop_line_end(&prompt->text);
    if (prompt->text.n == 0)
        code = cli_fail(cli, "the prompt is empty");
    bool bos = dsvk_model_describe(cli->model)->adds_bos;
    if (code == EXIT_DONE)
        code = raw ? ids_tokenize(cli, ids, prompt->text.data, prompt->text.n, false, bos)
                   : chat_ids(cli, ids, &prompt->text);
    return code;
}

int prompt_check_length(struct cli *cli, const struct ids *ids, uint64_t context)
{
    if (ids->n > context)
        return cli_fail(cli, "the prompt has %zu tokens, more than the context of %llu", ids->n,
                        (unsigned long long)context);
    return EXIT_DONE;
}

int prompt_read(struct cli *cli, struct prompt *prompt)
{
    if (cli->options.values[OPT_TOKENS].given)
        return EXIT_DONE;
    return input_text(cli, "prompt", &prompt->text, &prompt->piped);
}

void prompt_done(struct prompt *prompt)
{
    free(prompt->text.data);
    *prompt = (struct prompt){ 0 };
}

int prompt_make(struct cli *cli, struct ids *ids, struct prompt *prompt)
{
    const struct option_value *values  = cli->options.values;
    const struct option_value *tokens  = &values[OPT_TOKENS];
    uint64_t                   context = dsvk_model_describe(cli->model)->max_context;
    int code = tokens->given ? ids_append(cli, ids, tokens->list, tokens->n_list)
                             : from_text(cli, ids, prompt);
    if (code == EXIT_DONE)
        code = ids_check(cli, ids);
    if (values[OPT_CTX].given && values[OPT_CTX].count < context)
        context = values[OPT_CTX].count;
    return code ? code : prompt_check_length(cli, ids, context);
}
