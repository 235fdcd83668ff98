/* SPDX-License-Identifier: MIT */
/* How much host memory a process may still take: what the kernel calls available, which counts the
 * page cache that it would give back, and what the control groups of the process leave. */
#define _GNU_SOURCE
#include "os/os.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 1024
#define TEXT_BYTES 8192

static uint64_t pages_of(int name)
{
    long pages = sysconf(name), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

uint64_t dv_host_memory_size(void)
{
    return pages_of(_SC_PHYS_PAGES);
}

/* The beginning of a small file of the kernel's, which has no size; false when there is none. */
static bool read_text(char text[TEXT_BYTES], const char *path)
{
    int     file = open(path, O_RDONLY | O_CLOEXEC);
    size_t  n    = 0;
    ssize_t got  = 1;
    if (file < 0)
        return false;
    while (got > 0 && n < TEXT_BYTES - 1) {
        got = read(file, text + n, TEXT_BYTES - 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    close(file);
    text[n] = 0;
    return true;
}

/* The number behind `key` at the beginning of a line; `none` when there is no such line. */
static uint64_t number_after(const char *text, const char *key, uint64_t none)
{
    size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && line[length] != 0)
            return strtoull(line + length, NULL, 10);
    }
    return none;
}

/* The first number of a file; UINT64_MAX for "max", and when there is none. */
static uint64_t number_in(const char *folder, const char *name)
{
    char path[PATH_BYTES], text[TEXT_BYTES];
    int  n = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (n < 0 || n >= PATH_BYTES || !read_text(text, path) || text[0] < '0' || text[0] > '9')
        return UINT64_MAX;
    return strtoull(text, NULL, 10);
}

/* The names of the same three things in both versions of control groups. */
struct names {
    const char *limit, *used, *inactive;
};

/* What one group leaves: its limit less what it uses, but for file pages that the kernel drops
 * first. UINT64_MAX: no limit. */
static uint64_t left_in(const char *folder, const struct names *names)
{
    char     path[PATH_BYTES], text[TEXT_BYTES];
    uint64_t limit = number_in(folder, names->limit), used = number_in(folder, names->used);
    uint64_t dropped = 0;
    if (limit == UINT64_MAX || used == UINT64_MAX)
        return UINT64_MAX;
    int n = snprintf(path, sizeof path, "%s/memory.stat", folder);
    if (n > 0 && n < PATH_BYTES && read_text(text, path))
        dropped = number_after(text, names->inactive, 0);
    used -= dropped < used ? dropped : used;
    return limit > used ? limit - used : 0;
}

/* The least that the group at `base` + `path` and those above it leave. A group that a container
 * cannot see has no files, and those above it count all the same. */
static uint64_t left_above(const char *base, char *path, const struct names *names)
{
    uint64_t least = UINT64_MAX;
    for (;;) {
        char folder[PATH_BYTES];
        int  n = snprintf(folder, sizeof folder, "%s%s", base, path);
        if (n > 0 && n < PATH_BYTES) {
            uint64_t left = left_in(folder, names);
            least         = left < least ? left : least;
        }
        char *slash = strrchr(path, '/');
        if (!slash)
            return least;
        *slash = 0;
    }
}

/* Lines of /proc/self/cgroup are "0::/path" in version 2 and "4:memory:/path" in version 1. */
static uint64_t left_by_groups(const char *root)
{
    static const struct names v2 = { "memory.max", "memory.current", "inactive_file " };
    static const struct names v1 = { "memory.limit_in_bytes", "memory.usage_in_bytes",
                                     "total_inactive_file " };
    char                      path[PATH_BYTES], base[PATH_BYTES], text[TEXT_BYTES];
    uint64_t                  least = UINT64_MAX;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    if (!read_text(text, path))
        return UINT64_MAX;
    for (char *next = text, *line; (line = next) && *line;) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        char *group  = strchr(line, '/');
        bool  second = strncmp(line, "0::", 3) == 0;
        if (!group || (!second && !strstr(line, ":memory:")))
            continue;
        snprintf(base, sizeof base, "%s/sys/fs/cgroup%s", root, second ? "" : "/memory");
        uint64_t left = left_above(base, group, second ? &v2 : &v1);
        least         = left < least ? left : least;
    }
    return least;
}

uint64_t dv_host_memory_free_at(const char *root)
{
    char     path[PATH_BYTES], text[TEXT_BYTES];
    uint64_t available = UINT64_MAX, groups;
    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    if (read_text(text, path))
        available = number_after(text, "MemAvailable:", UINT64_MAX);
    /* Kernels before 3.14, and systems that are no Linux, say what is free alone. */
    available = available == UINT64_MAX ? pages_of(_SC_AVPHYS_PAGES) : available * 1024;
    groups    = left_by_groups(root);
    return groups < available ? groups : available;
}

uint64_t dv_host_memory_free(void)
{
    return dv_host_memory_free_at("");
}
