/* SPDX-License-Identifier: MIT */
/* Output files that appear when they are whole (output.c), without harm to what has their name: a
 * link stays a link, a hard link keeps its other names, a device or a pipe is written on. */
#define _POSIX_C_SOURCE 200809L
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINKS 40 /* as the kernel */

/* ---- what a name stands for ---- */

/* What a link says, seen from where the link is. */
static char *target_of(const char *link, const char *target)
{
    const char *slash  = target[0] == '/' ? NULL : strrchr(link, '/');
    size_t      folder = slash ? (size_t)(slash - link) + 1 : 0;
    size_t      bytes  = folder + strlen(target) + 1;
    char       *name   = malloc(bytes);
    if (name)
        snprintf(name, bytes, "%.*s%s", (int)folder, link, target);
    return name;
}

/* The name behind all links, also where nothing is there yet; in *opened whether it is one of the
 * system's names for a file that somebody has open, as /dev/stdout. NULL: errno says why. */
static char *follow(const char *name, bool *opened)
{
    char  target[PATH_MAX];
    char *now = strdup(name);
    for (int i = 0; now && i <= MAX_LINKS; i++) {
        *opened   = *opened || strncmp(now, "/proc/", 6) == 0 || strncmp(now, "/dev/fd/", 8) == 0;
        ssize_t n = readlink(now, target, sizeof target - 1);
        if (n < 0 || *opened)
            return now;
        target[n]  = 0;
        char *next = target_of(now, target);
        free(now);
        now = next;
    }
    bool loop = now != NULL;
    free(now);
    errno = loop ? ELOOP : ENOMEM;
    return NULL;
}

/* A stream of our own that the name stands for, -1 for none: only through it what is written
 * lands behind what is there already. */
static int own_stream(const struct stat *info)
{
    for (int fd = 1; fd <= 2; fd++) {
        struct stat stream;
        int         flags = fcntl(fd, F_GETFL);
        if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && fstat(fd, &stream) == 0 &&
            stream.st_dev == info->st_dev && stream.st_ino == info->st_ino)
            return fd;
    }
    return -1;
}

/* ---- opening ---- */

static FILE *open_stream(int stream)
{
    int   fd   = dup(stream);
    FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!file && fd >= 0)
        close(fd);
    return file;
}

/* mkstemp makes files that only their owner reads. A result gets what any other new file gets, or
 * what the file had whose place it takes; where that cannot be, it is copied into that file. */
static bool keep_permissions(int fd, const struct stat *old)
{
    if (!old) {
        mode_t mask = umask(0);
        umask(mask);
        (void)!fchmod(fd, 0666 & ~mask);
        return true;
    }
    bool owned = (old->st_uid == geteuid() && old->st_gid == getegid()) ||
                 fchown(fd, old->st_uid, old->st_gid) == 0;
    return owned && old->st_nlink == 1 && fchmod(fd, old->st_mode & 07777) == 0;
}

static bool open_temporary(struct host_output *output, const struct stat *old)
{
    static const char ending[] = ".XXXXXX";
    size_t            bytes    = strlen(output->target) + sizeof ending;
    output->temporary          = malloc(bytes);
    if (!output->temporary)
        return false;
    snprintf(output->temporary, bytes, "%s%s", output->target, ending);
    int fd = mkstemp(output->temporary);
    if (fd < 0) {
        free(output->temporary);
        output->temporary = NULL;
        return false;
    }
    output->copied = !keep_permissions(fd, old);
    output->file   = fdopen(fd, "wb");
    if (!output->file)
        close(fd);
    return output->file != NULL;
}

static bool open_regular(struct host_output *output, const struct stat *old)
{
    bool protected = old && ((old->st_mode & 0222) == 0 || access(output->target, W_OK) != 0);
    if (protected) {
        errno = EACCES;
        return false;
    }
    if (open_temporary(output, old))
        return true;
    if (old && !output->file && !output->temporary && (errno == EACCES || errno == EROFS))
        output->file = fopen(output->target, "wb"); /* a folder that takes no new files */
    return output->file != NULL;
}

static bool open_any(struct host_output *output)
{
    struct stat info;
    bool        opened = false, exists = stat(output->name, &info) == 0;
    int         stream = exists ? own_stream(&info) : -1;
    output->target     = follow(output->name, &opened);
    if (!output->target)
        return false;
    if (stream >= 0)
        output->file = open_stream(stream);
    else if (opened || (exists && !S_ISREG(info.st_mode)))
        output->file = fopen(output->name, "wb"); /* a folder fails here with the right reason */
    else
        return open_regular(output, exists ? &info : NULL);
    return output->file != NULL;
}

bool host_output_open(struct host_output *output, const char *name)
{
    *output = (struct host_output){ .name = strdup(name) };
    if (output->name && open_any(output))
        return true;
    int reason = output->name ? errno : ENOMEM;
    host_output_discard(output);
    errno = reason;
    return false;
}

/* ---- for other writers ---- */

static bool takes_files(const char *target)
{
    const char *slash  = strrchr(target, '/');
    char       *folder = slash ? strndup(target, (size_t)(slash - target) + 1) : strdup(".");
    bool        takes  = folder && access(folder, W_OK | X_OK) == 0;
    int         reason = errno;
    free(folder);
    errno = reason;
    return takes;
}

static bool may_be_replaced(const char *target)
{
    struct stat info;
    if (stat(target, &info) != 0)
        return target[0] && errno == ENOENT;
    if (S_ISREG(info.st_mode) && (info.st_mode & 0222) != 0)
        return true;
    errno = S_ISDIR(info.st_mode) ? EISDIR : S_ISREG(info.st_mode) ? EACCES : ENOTSUP;
    return false;
}

char *host_place(const char *name)
{
    bool  opened = false;
    char *target = follow(name, &opened);
    if (target && may_be_replaced(target) && takes_files(target))
        return target;
    int reason = errno;
    free(target);
    errno = reason;
    return NULL;
}
