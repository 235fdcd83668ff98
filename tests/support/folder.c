/* SPDX-License-Identifier: MIT */
/* A temporary folder of files that a test writes, reads and removes. */
#include "support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/os.h"
#include "os/place.h"

/* The temporary folder of the system. On Windows the drive of the current folder has one. */
void dv_folder_init(struct dv_folder *folder)
{
    struct dv_context ctx;
    dv_context_init(&ctx, NULL, NULL);
    do {
        uint64_t number = dv_time_ns() ^ (uint64_t)(uintptr_t)folder << 20;
        snprintf(folder->path, sizeof folder->path, "/tmp/dsvk-test-%016llx",
                 (unsigned long long)number);
    } while (dv_place_taken(folder->path));
    assert_int_equal(dv_folder_make(&ctx, folder->path, true), DSVK_OK);
}

static dsvk_status remove_one(void *user, const char *name)
{
    if (name[0] != '.')
        dv_folder_remove(user, name);
    return DSVK_OK;
}

void dv_folder_done(struct dv_folder *folder)
{
    struct dv_context ctx;
    dv_context_init(&ctx, NULL, NULL);
    assert_int_equal(dv_folder_list(&ctx, folder->path, remove_one, folder), DSVK_OK);
    dv_folder_remove_empty(folder->path);
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
