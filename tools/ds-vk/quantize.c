/* SPDX-License-Identifier: MIT */
/* `ds-vk quantize`: has the library write a checkpoint in narrower formats, and says what that
 * saved. The folder appears when it is whole, which is the library's doing. */
#include "cli.h"
#include "progress.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

/* The bar, and what it was told last: the bytes that were written. */
struct writing {
    dsvk_progress bar;
    uint64_t      bytes;
};

static bool report(void *user, uint64_t done, uint64_t total)
{
    struct writing *writing = user;
    writing->bytes          = done;
    return writing->bar.report(writing->bar.user, done, total);
}

static void summarise(struct cli *cli, const char *folder, uint64_t bytes)
{
    uint64_t before = dsvk_model_describe(cli->model)->bytes;
    char     now[TEXT_SIZE], then[TEXT_SIZE];
    log_note(&cli->log, "%s: %s of weights, %.0f %% of the %s before", folder,
             text_size(now, bytes), before ? 100.0 * (double)bytes / (double)before : 0.0,
             text_size(then, before));
}

/* The option's words as a sentence has them: "bf16, fp8, int4 or fp4". */
static const char *formats(char text[64])
{
    const char *word = option_table[OPT_WEIGHTS_WRITTEN].value, *end;
    size_t      at   = 0;
    for (; (end = strchr(word, '|')) != NULL; word = end + 1)
        at += (size_t)snprintf(text + at, 64 - at, "%.*s%s", (int)(end - word), word,
                               strchr(end + 1, '|') ? ", " : " or ");
    snprintf(text + at, 64 - at, "%s", word);
    return text;
}

int command_quantize(struct cli *cli)
{
    struct option_value *values = cli->options.values;
    const char          *target = cli->options.arguments[1];
    struct progress      bar;
    char                 text[64];
    if (cli->options.n_arguments != 2)
        return cli_usage(cli, "give the folder to read and the folder to write");
    if (!values[OPT_WEIGHTS_WRITTEN].given)
        return cli_usage(cli, "give --weights %s", formats(text));
    values[OPT_MODEL].text = cli->options.arguments[0];
    int code               = cli_open_model(cli, PART_ALL);
    if (code)
        return code;
    progress_init(&bar, &cli->log, "writing", true);
    struct writing writing = { .bar = progress_sink(&bar) };
    /* The choices are those of the library without its first, to keep all. */
    dsvk_quantize_params params = {
        .weights  = (dsvk_weights)(DSVK_WEIGHTS_BF16 + values[OPT_WEIGHTS_WRITTEN].count),
        .head     = (dsvk_head)values[OPT_HEAD].count,
        .progress = { .report = report, .user = &writing },
    };
    code = cli_status(cli, dsvk_model_quantize_with(cli->model, target, &params), "quantize");
    if (code == EXIT_DONE)
        summarise(cli, target, writing.bytes);
    return code;
}
