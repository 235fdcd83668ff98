/* SPDX-License-Identifier: MIT */
/* The options of all commands: one table, from which they are parsed and the help is printed. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum command_id {
    RUN,
    SCORE,
    TOKENIZE,
    DEVICES,
    INSPECT,
    PLAN,
    GRAPH,
    BENCH,
    QUANTIZE,
    N_COMMANDS
};

enum option_id {
    OPT_MODEL,
    OPT_LIKE,
    OPT_LAYERS,
    OPT_DEVICE,
    OPT_MEMORY,
    OPT_HOST_MEMORY,
    OPT_PIPELINE_CACHE,
    OPT_CTX,
    OPT_CHUNK,
    OPT_CACHE,
    OPT_MATH,
    OPT_WEIGHTS,
    OPT_WEIGHTS_WRITTEN, /* of quantize: to keep all is no work */
    OPT_NO_FUSE,
    OPT_RAW,
    OPT_SYSTEM,
    OPT_THINK,
    OPT_CHAT_FORMAT,
    OPT_TOKENS,
    OPT_PRINT,
    OPT_TOKENS_OUT,
    OPT_IGNORE_EOS,
    OPT_TEMP,
    OPT_GREEDY,
    OPT_TOP_K,
    OPT_TOP_P,
    OPT_MIN_P,
    OPT_SEED,
    OPT_STATS,
    OPT_PROFILE,
    OPT_TEXT,
    OPT_FILE,
    OPT_STOP,
    OPT_TOKENS_FILE,
    OPT_WINDOW,
    OPT_STRIDE,
    OPT_LOGITS,
    OPT_ALL_LOGITS,
    OPT_ROUTER,
    OPT_SPECIAL,
    OPT_BOS,
    OPT_DECODE,
    OPT_LINES,
    OPT_SHOW,
    OPT_TENSORS,
    OPT_STAGE,
    OPT_FORMAT,
    OPT_BENCH_FORMAT, /* --format too */
    OPT_BATCH,
    OPT_PROMPT,
    OPT_GEN,
    OPT_DEPTH,
    OPT_REPS,
    OPT_OP,
    OPT_BANDWIDTH,
    OPT_BUS,
    OPT_DISK,
    OPT_JSON,
    OPT_QUIET,
    OPT_VERBOSE,
    OPT_HELP,
    N_OPTIONS
};

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_COUNT,
    OPTION_TOKENS, /* a count, also as 4k */
    OPTION_LIMIT,  /* a count, -1 is none */
    OPTION_REAL,
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
    double      real;  /* of REAL */
    uint32_t   *list;  /* of LIST */
    size_t      n_list;
};

#define MAX_STOPS 16

struct options {
    struct option_value values[N_OPTIONS];
    const char         *arguments[2];
    uint32_t            n_arguments;
    const char         *stops[MAX_STOPS]; /* every --stop, in their order */
    size_t              n_stops;
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

void help_command(const struct command *command);
void help_short(void); /* to standard error, for nothing at all */
void help_all(const struct command *commands, size_t n);

#endif
