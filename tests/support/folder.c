/* SPDX-License-Identifier: MIT */
/* A temporary folder of files that a test writes, reads and removes. */
#define _XOPEN_SOURCE 700
#include "support/folder.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void dv_folder_init(struct dv_folder *folder)
{
    snprintf(folder->path, sizeof folder->path, "/tmp/dsvk-test-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
}

void dv_folder_done(struct dv_folder *folder)
{
    DIR *directory = opendir(folder->path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.')
            dv_folder_remove(folder, entry->d_name);
    closedir(directory);
    rmdir(folder->path);
}

const char *dv_folder_path(const struct dv_folder *folder, const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    return path;
}

void dv_folder_write(const struct dv_folder *folder, const char *name, const void *data,
                     size_t bytes)
{
    FILE *file = fopen(dv_folder_path(folder, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

void dv_folder_remove(const struct dv_folder *folder, const char *name)
{
    remove(dv_folder_path(folder, name));
}

char *dv_folder_read(const struct dv_folder *folder, const char *name, size_t *bytes)
{
    FILE *file = fopen(dv_folder_path(folder, name), "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *bytes     = (size_t)ftell(file);
    char *data = malloc(*bytes + 1);
    assert_non_null(data);
    rewind(file);
    assert_int_equal(fread(data, 1, *bytes, file), *bytes);
    data[*bytes] = 0;
    fclose(file);
    return data;
}
