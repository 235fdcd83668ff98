/* SPDX-License-Identifier: MIT */
/* What the commands share: the parsed command line, the log, and the objects that a command
 * opens. main() closes these after any outcome, so a command simply returns its exit status. */
#ifndef CLI_H
#define CLI_H

#include "host.h"
#include "log.h"
#include "options.h"
#include "progress.h"

#include <dsvk/dsvk.h>

enum {
    EXIT_DONE   = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE  = 2,
    EXIT_SIGNAL = 128, /* plus the signal's number */
    EXIT_UNREAD = 256, /* who read standard output has enough: main() makes it EXIT_DONE */
};

struct cli {
    const char     *command; /* its name, NULL before there is one */
    struct options  options;
    struct log      log;
    struct progress compiling; /* the session's */
    dsvk_model     *model;
    dsvk_device    *device;
    dsvk_session   *session;
};

struct command {
    const char         *name;
    const char         *arguments; /* as in the help, "" when none */
    uint32_t            max_arguments;
    const char         *summary;
    const char         *details; /* behind the options; "" when nothing more is to say */
    enum command_id     id;
    enum host_on_signal on_signal;
    int (*run)(struct cli *cli);
};

#define COMMAND(id, name, ...) int command_##name(struct cli *cli);
#include "commands.def"

/* ---- opening, in this order; each answers an exit status ---- */

enum model_part {
    PART_ALL,
    PART_CONFIG,   /* config.json alone */
    PART_TOKENIZER /* no weights, and config.json only where there is one */
};

/* --like with --layers, the folder of --model, or the demonstration model. */
int cli_open_model(struct cli *cli, enum model_part part);
/* Whether a folder has a config.json. */
bool cli_is_checkpoint(const char *folder);
/* Whether a name is that of a file that begins with these bytes, or has any for "". */
bool cli_file_begins(const char *name, const char *bytes);
/* --device and --memory. */
int cli_open_device(struct cli *cli);
/* The same, then the weights with --math, --no-fuse and --host-memory, leaving room
 * for a session of `context` tokens; 0: as dsvk_run. */
int cli_load(struct cli *cli, uint32_t context);
/* What the options say of a run and its plan; `context` as in dsvk_run. */
dsvk_run         cli_run(const struct cli *cli, uint32_t context);
dsvk_plan_params cli_plan_params(const struct cli *cli, uint32_t context);
/* --chunk and --cache; `context` as in dsvk_session_params. */
/* As the options say; without a profile. */
dsvk_session_params cli_session_params(struct cli *cli, uint32_t context);
int                 cli_open_session(struct cli *cli, uint32_t context, bool profile);
void                cli_close(struct cli *cli);

/* Of a device that is `slow`. */
#define SLOW_DRIVER "lavapipe of this old Mesa is slow; Mesa 26's is about 10 times as fast"
#define PLURAL(n) ((n) == 1 ? "" : "s")

/* The script that a shell ("bash", "zsh", "fish") completes command lines with. */
int completion_print(struct cli *cli, const char *shell, const struct command *commands, size_t n);

/* ---- outcomes ---- */

/* Records the one error line of this run and answers EXIT_FAILED or EXIT_USAGE. */
int cli_fail(struct cli *cli, const char *format, ...) HOST_PRINTF(2, 3);
/* Begins with the command's name. */
int cli_usage(struct cli *cli, const char *format, ...) HOST_PRINTF(2, 3);
/* The exit status of a library call; `what` is said where the library said nothing. */
int cli_status(struct cli *cli, dsvk_status status, const char *what);
/* Writes to standard output and flushes; EXIT_UNREAD when its reader has gone, EXIT_FAILED when it
 * takes no more. */
int cli_write(struct cli *cli, const char *bytes, size_t n);

#endif
