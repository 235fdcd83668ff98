/* SPDX-License-Identifier: MIT */
/* Texts and token ids from arguments, files and standard input. */
#ifndef INPUT_H
#define INPUT_H

#include "cli.h"

/* Bytes with one 0 behind their end. */
struct bytes {
    char  *data;
    size_t n;
};

/* All of a file, or of standard input for NULL. The caller frees data. */
int input_read(struct cli *cli, const char *name, struct bytes *bytes);
/* --prompt, --file, the command's argument, or standard input when that is "-" or absent; `what`
 * names it in the usage error for a terminal, from which nothing is read. *piped says where it came
 * from. */
int input_text(struct cli *cli, const char *what, struct bytes *bytes, bool *piped);

struct ids {
    uint32_t *data;
    size_t    n, capacity;
};

int  ids_append(struct cli *cli, struct ids *ids, const uint32_t *more, size_t n);
int  ids_tokenize(struct cli *cli, struct ids *ids, const char *text, size_t bytes, bool special,
                  bool bos);
int  ids_check(struct cli *cli, const struct ids *ids); /* each is in the vocabulary */
void ids_done(struct ids *ids);

#endif
