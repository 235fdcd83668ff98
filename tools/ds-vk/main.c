/* SPDX-License-Identifier: MIT */
/* ds-vk: the command table, and what every run begins and ends with. */
#include "cli.h"
#include "host.h"

#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
#define COMMAND(id, name, arguments, n, signal, summary, details)                                  \
    { #name, arguments, n, summary, details, id, HOST_##signal, command_##name },
#include "commands.def"
};

#define N (sizeof commands / sizeof *commands)

/* Commands that the documentation speaks of and that are not there. */
static const char *const unbuilt[] = { "doctor" };

static int unknown_command(struct cli *cli, const char *name)
{
    const char *names[N];
    for (size_t i = 0; i < N; i++)
        names[i] = commands[i].name;
    for (size_t i = 0; i < sizeof unbuilt / sizeof *unbuilt; i++)
        if (strcmp(name, unbuilt[i]) == 0)
            return cli_usage(cli, "%s is not built yet (see ds-vk --help)", name);
    const char *near = options_nearest(name, names, N);
    if (near)
        return cli_usage(cli, "unknown command '%s', did you mean %s?", name, near);
    return cli_usage(cli, "unknown command '%s' (see ds-vk --help)", name);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < N; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

/* What works in passes stops after one and cleans up; the rest has nothing to clean up. */
static void watch_signals(const struct command *command, bool quiet)
{
    static const char note[]  = "note: interrupted; stopping after this pass\n";
    static const char below[] = "\nnote: interrupted; stopping after this pass\n"; /* ^C */
    bool              said    = command->on_signal == HOST_FINISH && !quiet;
    host_on_signal(command->on_signal, !said ? NULL : host_is_terminal(stderr) ? below : note);
}

static int run_command(struct cli *cli, const struct command *command, int argc, char **argv)
{
    const struct option_value *values = cli->options.values;
    cli->command                      = command->name;
    int code                          = options_parse(cli, command, argc, argv);
    if (code)
        return code;
    if (values[OPT_HELP].given) {
        help_command(command);
        return EXIT_DONE;
    }
    uint32_t more      = values[OPT_VERBOSE].given;
    cli->log.verbosity = values[OPT_QUIET].given ? -1 : more > 2 ? 2 : (int)more;
    watch_signals(command, values[OPT_QUIET].given > 0);
    return command->run(cli);
}

/* `help run` and `--help run`; without a command that of all. */
static int help(struct cli *cli, int argc, char **argv)
{
    if (argc == 0) {
        help_all(commands, N);
        return EXIT_DONE;
    }
    const struct command *command = find_command(argv[0]);
    if (!command)
        return unknown_command(cli, argv[0]);
    help_command(command);
    return EXIT_DONE;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

static int dispatch(struct cli *cli, int argc, char **argv)
{
    if (argc < 2) {
        help_short();
        return cli_usage(cli, "no command given (see ds-vk --help)");
    }
    if (is_one_of(argv[1], "--help", "-h", "help"))
        return help(cli, argc - 2, argv + 2);
    if (is_one_of(argv[1], "--version", "-V", "version")) {
        printf("ds-vk %s\n", dsvk_version());
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "completion") == 0) /* for the build: not in the help */
        return completion_print(cli, argc == 3 ? argv[2] : NULL, commands, N);
    if (argv[1][0] == '-')
        return cli_usage(
            cli, "unknown option %s; options come after the command (see ds-vk --help)", argv[1]);
    const struct command *command = find_command(argv[1]);
    return command ? run_command(cli, command, argc - 2, argv + 2) : unknown_command(cli, argv[1]);
}

int main(int argc, char **argv)
{
    struct cli cli = { 0 };
    host_start(&argc, &argv);
    log_init(&cli.log);

    int code = dispatch(&cli, argc, argv);
    if (code == EXIT_DONE)
        code = cli_write(&cli, "", 0);
    cli_close(&cli);
    if (code == EXIT_FAILED || code == EXIT_USAGE)
        log_finish(&cli.log);
    options_done(&cli.options);
    return code == EXIT_UNREAD ? EXIT_DONE : code;
}
