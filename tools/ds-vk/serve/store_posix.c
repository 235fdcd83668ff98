/* SPDX-License-Identifier: MIT */
/* Files of a store, of which each appears whole or not at all. */
#define _POSIX_C_SOURCE 200809L
#include "store_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *store_folder(const char *folder)
{
    struct stat info;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return strerror(errno);
    if (stat(folder, &info) != 0)
        return strerror(errno);
    if (!S_ISDIR(info.st_mode))
        return "it is no folder";
    if (info.st_uid != geteuid())
        return "it belongs to another user";
    if (info.st_mode & 077)
        return "others may look into it, and it holds conversations (chmod 700 helps)";
    return access(folder, R_OK | W_OK | X_OK) == 0 ? NULL : strerror(errno);
}

static int64_t nanoseconds(struct timespec at)
{
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

void store_each(const char *folder, void (*each)(void *user, const struct store_file *file),
                void       *user)
{
    char        path[STORE_PATH];
    struct stat info;
    DIR        *names = opendir(folder);
    if (!names)
        return;
    for (struct dirent *entry; (entry = readdir(names)) != NULL;) {
        int n = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (!store_is_ours(entry->d_name) || n < 0 || (size_t)n >= sizeof path ||
            lstat(path, &info) != 0 || !S_ISREG(info.st_mode))
            continue;
        each(user, &(struct store_file){ .name  = entry->d_name,
                                         .bytes = (uint64_t)info.st_size,
                                         .used  = nanoseconds(info.st_mtim) });
    }
    closedir(names);
}

static bool write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes += put;
        n -= (size_t)put;
    }
    return fsync(fd) == 0;
}

bool store_write(const char *path, const void *bytes, size_t n)
{
    char temporary[STORE_PATH + 8];
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    int fd = mkstemp(temporary); /* 0600 */
    if (fd < 0)
        return false;
    bool whole = write_all(fd, bytes, n);
    whole      = close(fd) == 0 && whole;
    whole      = whole && rename(temporary, path) == 0;
    int why    = errno;
    if (!whole)
        unlink(temporary);
    errno = why;
    return whole;
}

void store_touch(const char *path)
{
    (void)utimensat(AT_FDCWD, path, NULL, 0);
}

int64_t store_now(void)
{
    struct timespec now = { 0 };
    clock_gettime(CLOCK_REALTIME, &now);
    return nanoseconds(now);
}
