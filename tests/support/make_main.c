/* SPDX-License-Identifier: MIT */
/* make-checkpoint NAME FOLDER [SEED]: writes one of the test checkpoints. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/make_checkpoint.h"

static void print_line(void *user, dsvk_log_level level, const char *line)
{
    (void)user;
    (void)level;
    fprintf(stderr, "make-checkpoint: %s\n", line);
}

int main(int argc, char **argv)
{
    struct dv_context ctx;
    const dsvk_log    log = { .write = print_line, .level = DSVK_LOG_WARN };
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: make-checkpoint NAME FOLDER [SEED]\nnames:");
        for (size_t i = 0; dv_make_checkpoint_names[i]; i++)
            fprintf(stderr, " %s", dv_make_checkpoint_names[i]);
        fprintf(stderr, "\n");
        return 2;
    }
    dv_context_init(&ctx, &log, NULL);
    uint64_t seed = argc == 4 ? strtoull(argv[3], NULL, 10) : 1;
    return dv_make_checkpoint(&ctx, argv[1], seed, argv[2]) == DSVK_OK ? 0 : 1;
}
