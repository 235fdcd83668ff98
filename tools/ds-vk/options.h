/* SPDX-License-Identifier: MIT */
/* Commands and their options, as commands.def and options.def list them: what they are parsed by
 * and the help is printed from. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum command_id {
#define COMMAND(id, ...) id,
#include "commands.def"
    N_COMMANDS
};

enum option_id {
#define OPTION(id, ...) OPT_##id,
#include "options.def"
    N_OPTIONS
};

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_COUNT,
    OPTION_TOKENS, /* a count, also as 4k */
    OPTION_LIMIT,  /* a count, -1 is none */
    OPTION_REAL,
    OPTION_SIGNED, /* a real from -high to high */
    OPTION_SIZE,
    OPTION_CHOICE,
    OPTION_LIST,
};

struct option {
    const char      *name;
    char             letter; /* 0: none */
    enum option_kind kind;
    const char      *value; /* its name in the help; for a choice the words, "f32|bf16" */
    uint64_t         low, high;
    uint32_t         commands; /* bit i: command_id i takes it */
    const char      *help;
};

extern const struct option option_table[N_OPTIONS];

struct option_value {
    uint32_t    given; /* how often */
    const char *text;  /* as written */
    uint64_t    count; /* of COUNT, TOKENS, LIMIT (UINT64_MAX: none), SIZE; the index of a CHOICE */
    double      real;  /* of REAL, SIGNED */
    uint32_t   *list;  /* of LIST */
    size_t      n_list;
};

#define MAX_STOPS 16
#define MAX_BIASES 1024

struct option_bias {
    uint32_t token;
    double   bias;
};

struct options {
    struct option_value values[N_OPTIONS];
    const char         *arguments[2];
    uint32_t            n_arguments;
    const char         *stops[MAX_STOPS]; /* every --stop, in their order */
    size_t              n_stops;
    struct option_bias  biases[MAX_BIASES]; /* every --logit-bias */
    size_t              n_biases;
};

struct cli;
struct command;

/* Answers an exit status; what is wrong is recorded in the log. Stops at --help. */
int  options_parse(struct cli *cli, const struct command *command, int argc, char **argv);
void options_done(struct options *options);

/* The option that a word of other programs stands for, NULL for none: max-tokens is tokens-out. */
const char *options_alias(const char *name, size_t length);
/* What to do instead of an option of other programs that has nothing to stand for here, as -ngl;
 * NULL: it is none of them. */
const char *options_foreign(const char *word);

/* The word of `words` nearest to a misspelled one, NULL when none is near. */
const char *options_nearest(const char *wrong, const char *const *words, size_t n);

/* Its help, with what the library lists where it ends with a colon. */
#define HELP_BYTES 512
const char *option_help(size_t id, char text[HELP_BYTES]);
void        help_command(const struct command *command);
void        help_short(void); /* to standard error, for nothing at all */
void        help_all(const struct command *commands, size_t n);

#endif
