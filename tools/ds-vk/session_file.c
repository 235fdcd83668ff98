/* SPDX-License-Identifier: MIT */
/* `ds-vk run --load-session` and `--save-session`: what a run need not compute, and what it leaves
 * for the next. */
#include "input.h"
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_source(struct cli *cli, const char *name)
{
    FILE *file = host_open(name, "rb");
    if (!file)
        return cli_fail(cli, "%s: %s", name, strerror(errno));
    fclose(file);
    return EXIT_DONE;
}

static int find_place(struct cli *cli, char **place, const char *name)
{
    *place = host_place(name);
    if (*place)
        return EXIT_DONE;
    return cli_fail(cli, "%s: no session can be saved there: %s", name, strerror(errno));
}

int session_files_check(struct cli *cli)
{
    const char *from  = cli->options.values[OPT_LOAD_SESSION].text;
    const char *to    = cli->options.values[OPT_SAVE_SESSION].text;
    char       *place = NULL;
    int         code  = from ? check_source(cli, from) : EXIT_DONE;
    if (code == EXIT_DONE && to)
        code = find_place(cli, &place, to);
    free(place);
    return code;
}

int session_file_load(struct cli *cli, const struct ids *ids, size_t *n)
{
    const char     *name = cli->options.values[OPT_LOAD_SESSION].text;
    struct progress bar;
    if (!name)
        return EXIT_DONE;
    progress_init(&bar, &cli->log, "session", true);
    dsvk_progress sink   = progress_sink(&bar);
    dsvk_status   status = dsvk_session_load(cli->session, name, ids->data, ids->n, &sink);
    int           code   = cli_status(cli, status, name);
    if (code)
        return code;
    *n = dsvk_session_tokens(cli->session);
    if (*n > 0)
        log_note(&cli->log, "%zu of the prompt's %zu token%s from %s", *n, ids->n,
                 ids->n == 1 ? " comes" : "s come", name);
    else
        log_note(&cli->log, "%s begins with another token than the prompt: all is computed", name);
    return EXIT_DONE;
}

/* An interrupt ends the answer and not the saving; a second one ends the process. */
int session_file_save(struct cli *cli, size_t loaded)
{
    const char     *name = cli->options.values[OPT_SAVE_SESSION].text;
    size_t          n    = name ? dsvk_session_tokens(cli->session) : 0;
    char           *place;
    struct progress bar;
    if (n == 0 || (host_interrupted() && n <= loaded))
        return EXIT_DONE;
    int code = find_place(cli, &place, name);
    if (code)
        return code;
    progress_init(&bar, &cli->log, "saving", true);
    bar.deaf             = true;
    dsvk_progress sink   = progress_sink(&bar);
    dsvk_status   status = dsvk_session_save(cli->session, place, &sink);
    free(place);
    progress_clear();
    if (status != DSVK_OK)
        return cli_fail(cli, "%s: %s", name, dsvk_status_text(status));
    log_note(&cli->log, "%zu token%s saved in %s", n, n == 1 ? " is" : "s are", name);
    return EXIT_DONE;
}
