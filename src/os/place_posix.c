/* SPDX-License-Identifier: MIT */
/* Places on POSIX systems. Links are followed, but where a name itself is asked for. */
#define _XOPEN_SOURCE 700
#include "os/place.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

bool dv_place_join(char path[DV_PATH_BYTES], const char *folder, const char *name)
{
    int n = snprintf(path, DV_PATH_BYTES, "%s/%s", folder, name);
    return n >= 0 && (size_t)n < DV_PATH_BYTES;
}

enum dv_place_kind dv_place_kind(const char *path, uint64_t *bytes)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return DV_PLACE_NONE;
    if (bytes)
        *bytes = S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
    return S_ISREG(info.st_mode)   ? DV_PLACE_FILE
           : S_ISDIR(info.st_mode) ? DV_PLACE_FOLDER
                                   : DV_PLACE_OTHER;
}

bool dv_place_taken(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

bool dv_place_real(char *out, size_t bytes, const char *path)
{
    char real[PATH_MAX]; /* and not of malloc, whose failure would look like a missing path */
    bool fits = realpath(path, real) && strlen(real) < bytes;
    if (fits)
        strcpy(out, real);
    return fits;
}

size_t dv_place_length(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length;
}

size_t dv_place_parent(const char *path, size_t length)
{
    while (length > 0 && path[length - 1] != '/')
        length--;
    return length > 1 ? length - 1 : length;
}

bool dv_place_writable(const char *folder)
{
    return access(folder, W_OK | X_OK) == 0;
}

bool dv_place_free(uint64_t *bytes, const char *folder)
{
    struct statvfs info;
    *bytes = 0;
    if (statvfs(folder, &info) != 0 || info.f_blocks == 0) /* of no size: it does not say */
        return false;
    uint64_t block = info.f_frsize ? info.f_frsize : info.f_bsize;
    *bytes         = info.f_bavail > UINT64_MAX / (block + 1) ? UINT64_MAX : info.f_bavail * block;
    return true;
}
