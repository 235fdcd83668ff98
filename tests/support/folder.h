/* SPDX-License-Identifier: MIT */
/* A folder of test files that goes away again. Each call fails the running test on trouble. */
#ifndef DV_TESTS_FOLDER_H
#define DV_TESTS_FOLDER_H

#include <stddef.h>

struct dv_folder {
    char path[64];
};

void dv_folder_init(struct dv_folder *folder);
void dv_folder_done(struct dv_folder *folder); /* with its files; it has no folders inside */
/* A path in the folder; the text lives until the next call. */
const char *dv_folder_path(const struct dv_folder *folder, const char *name);
void        dv_folder_write(const struct dv_folder *folder, const char *name, const void *data,
                            size_t bytes);
void        dv_folder_remove(const struct dv_folder *folder, const char *name);
/* The bytes of a file; free(). */
char *dv_folder_read(const struct dv_folder *folder, const char *name, size_t *bytes);

#endif
