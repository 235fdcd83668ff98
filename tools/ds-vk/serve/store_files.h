/* SPDX-License-Identifier: MIT */
/* The files of a store. All names are dsvk- and 16 hexadecimal digits, and what follows these. */
#ifndef SERVE_STORE_FILES_H
#define SERVE_STORE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_STEM = 21, STORE_PATH = 4096 };

/* What is expected of a folder: ours, and for us alone; made so where it is not there. NULL, or why
 * not. */
const char *store_folder(const char *folder);

/* Whether a name without a folder is such a one. */
bool store_is_ours(const char *name);

/* A file that has such a name. */
struct store_file {
    const char *name;
    uint64_t    bytes;
    int64_t     used; /* ns since the epoch: when it was written or touched */
};

void store_each(const char *folder, void (*each)(void *user, const struct store_file *file),
                void       *user);
/* Appears when it is whole and on the disk, for this user alone. False: errno. */
bool store_write(const char *path, const void *bytes, size_t n);
/* The caller frees it; NULL: it is none, or longer than `most`. */
void *store_read(const char *path, size_t most, size_t *n);
void  store_touch(const char *path);
/* Nanoseconds since the epoch. */
int64_t store_now(void);

#endif
