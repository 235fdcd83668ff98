/* SPDX-License-Identifier: MIT */
/* The table of options.def, and the groups of commands that its rows speak of. */
#include "host.h"
#include "options.h"

#include <dsvk/dsvk.h>

#define ON(command) (1u << (command))
#define GENERATE (ON(RUN) | ON(CHAT))             /* answers a prompt */
#define SAMPLE (GENERATE | ON(SERVE))             /* chooses tokens of answers */
#define EVALUATE (SAMPLE | ON(SCORE) | ON(BENCH)) /* loads weights onto a device */
#define EVERY ((1u << N_COMMANDS) - 1)
#define MAX_ID UINT32_MAX
#define MAX_CONTEXT (1u << 24)

/* The words of one of the library's lists, from the character `at` of "|first|second" on. */
#define WORD(name, word) "|" word
#define WORDS(map, at) (&(map(WORD))[at])

const struct option option_table[N_OPTIONS] = {
#define OPTION(id, name, letter, kind, value, low, high, commands, help)                           \
    [OPT_##id] = { name, letter, OPTION_##kind, value, low, high, commands, help },
#include "options.def"
};
