/* SPDX-License-Identifier: MIT */
/* What the files of a store are on every system; store_posix.c and store_win32.c have the rest. */
#include "../host.h"
#include "store_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool store_is_ours(const char *name)
{
    static const char digits[] = "0123456789abcdef", begin[] = "dsvk-";
    size_t            n = sizeof begin - 1;
    return strncmp(name, begin, n) == 0 && strspn(name + n, digits) == STORE_STEM - n &&
           name[STORE_STEM] == '.';
}

void *store_read(const char *path, size_t most, size_t *n)
{
    FILE *file  = host_open(path, "rb");
    long  size  = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    void *bytes = NULL;
    *n          = size > 0 ? (size_t)size : 0;
    if (size > 0 && *n <= most && fseek(file, 0, SEEK_SET) == 0)
        bytes = malloc(*n);
    if (bytes && fread(bytes, 1, *n, file) != *n) {
        free(bytes);
        bytes = NULL;
    }
    if (file)
        fclose(file);
    return bytes;
}
