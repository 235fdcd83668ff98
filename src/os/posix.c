/* SPDX-License-Identifier: MIT */
/* Everything of os.h on POSIX systems. Calls can be interrupted or transfer less than asked for,
 * so all of them go on until done; messages name the path and the system's reason. */
#define _GNU_SOURCE
#include "os/os.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/size.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "ds-vk reads little-endian files in place and needs a little-endian machine"
#endif

#define MAX_THREADS 64u

static dsvk_status open_regular(int *fd, uint64_t *bytes, const struct dv_context *ctx,
                                const char *path)
{
    struct stat info;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0)
        return dv_fail(ctx, DSVK_BAD_FILE, "%s: %s", path, strerror(errno));
    if (fstat(*fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(*fd);
        return dv_fail(ctx, DSVK_BAD_FILE, "%s: not a regular file", path);
    }
    *bytes = (uint64_t)info.st_size;
    return DSVK_OK;
}

dsvk_status dv_file_map_open(struct dv_file_map *map, const struct dv_context *ctx,
                             const char *path)
{
    dsvk_status status;
    int         fd;
    *map = (struct dv_file_map){ 0 };
    TRY(open_regular(&fd, &map->bytes, ctx, path));
    if (map->bytes > 0) {
        void *data = map->bytes <= SIZE_MAX
                         ? mmap(NULL, (size_t)map->bytes, PROT_READ, MAP_PRIVATE, fd, 0)
                         : MAP_FAILED;
        if (data == MAP_FAILED)
            status = dv_fail(ctx, errno == ENOMEM ? DSVK_NO_MEMORY : DSVK_BAD_FILE,
                             "%s: cannot map %llu bytes: %s", path, (unsigned long long)map->bytes,
                             strerror(errno));
        else
            map->data = data;
    }
    close(fd);
    if (status != DSVK_OK)
        map->bytes = 0;
    return status;
}

void dv_file_map_close(struct dv_file_map *map)
{
    if (map->data)
        munmap((void *)(uintptr_t)map->data, (size_t)map->bytes);
    *map = (struct dv_file_map){ 0 };
}

void dv_memory_will_need(const void *data, uint64_t bytes)
{
    long      page  = sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)data & ~((uintptr_t)(page > 0 ? page : 4096) - 1);
    if (bytes > 0) /* a wish: nothing is lost where it is not heard */
        (void)posix_madvise((void *)start, (size_t)((uintptr_t)data + bytes - start),
                            POSIX_MADV_WILLNEED);
}

dsvk_status dv_file_open(struct dv_file *file, const struct dv_context *ctx, const char *path)
{
    dsvk_status status;
    uint64_t    bytes;
    int         fd;
    *file = (struct dv_file){ 0 };
    TRY(open_regular(&fd, &bytes, ctx, path));
    *file = (struct dv_file){ .open = true, .descriptor = fd };
    return DSVK_OK;
}

void dv_file_close(struct dv_file *file)
{
    if (file->open)
        close((int)file->descriptor);
    *file = (struct dv_file){ 0 };
}

uint64_t dv_file_bytes(const struct dv_file *file)
{
    struct stat info;
    return fstat((int)file->descriptor, &info) == 0 ? (uint64_t)info.st_size : 0;
}

uint64_t dv_file_read_at(const struct dv_file *file, void *data, uint64_t bytes, uint64_t offset)
{
    unsigned char *to   = data;
    uint64_t       done = 0;
    while (done < bytes) {
        uint64_t left = bytes - done, most = UINT64_C(1) << 30;
        ssize_t  n = pread((int)file->descriptor, to + done, (size_t)dv_min(left, most),
                           (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (uint64_t)n;
    }
    return done;
}

void dv_file_forget(const struct dv_file *file, uint64_t bytes, uint64_t offset)
{
    if (bytes > 0) /* 0 would mean: to the end */
        (void)posix_fadvise((int)file->descriptor, (off_t)offset, (off_t)bytes,
                            POSIX_FADV_DONTNEED);
}

dsvk_status dv_file_read(char **data, size_t *bytes, const struct dv_context *ctx, const char *path,
                         size_t limit)
{
    dsvk_status status;
    uint64_t    size;
    int         fd;
    *data  = NULL;
    *bytes = 0;
    TRY(open_regular(&fd, &size, ctx, path));
    if (size > limit) {
        close(fd);
        return dv_fail(ctx, DSVK_BAD_FILE, "%s: %llu bytes, more than the %zu expected at most",
                       path, (unsigned long long)size, limit);
    }
    char *text = dv_alloc(ctx, (size_t)size + 1);
    if (!text) {
        close(fd);
        return dv_fail(ctx, DSVK_NO_MEMORY, "%s: no memory for its %llu bytes", path,
                       (unsigned long long)size);
    }
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, text + done, (size_t)size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    close(fd);
    if (done < size) {
        dv_free(ctx, text);
        return dv_fail(ctx, DSVK_BAD_FILE, "%s: read ended after %zu of %llu bytes", path, done,
                       (unsigned long long)size);
    }
    text[size] = 0;
    *data      = text;
    *bytes     = (size_t)size;
    return DSVK_OK;
}

bool dv_file_exists(const char *path)
{
    return access(path, R_OK) == 0;
}

dsvk_status dv_folder_list(const struct dv_context *ctx, const char                 *folder,
                           dsvk_status (*visit)(void *user, const char *name), void *user)
{
    dsvk_status          status = DSVK_OK;
    const struct dirent *entry;
    DIR                 *directory = opendir(folder);
    if (!directory)
        return dv_fail(ctx, errno == ENOMEM ? DSVK_NO_MEMORY : DSVK_BAD_FILE, "%s: %s", folder,
                       strerror(errno));
    while (status == DSVK_OK && (entry = readdir(directory)))
        status = visit(user, entry->d_name);
    closedir(directory);
    return status;
}

static bool write_all(int fd, const unsigned char *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(fd, data, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        bytes -= (size_t)n;
    }
    return true;
}

dsvk_status dv_file_replace(const struct dv_context *ctx, const char *path, const void *data,
                            size_t bytes)
{
    static const char ending[] = ".XXXXXX";
    dsvk_status       status   = DSVK_OK;
    size_t            length   = strlen(path);
    char             *name     = dv_alloc(ctx, length + sizeof ending);
    if (!name)
        return dv_fail(ctx, DSVK_NO_MEMORY, "%s: no memory for its name", path);
    memcpy(name, path, length);
    memcpy(name + length, ending, sizeof ending);
    int fd = mkstemp(name);
    if (fd < 0) {
        status = dv_fail(ctx, DSVK_BAD_FILE, "%s: %s", name, strerror(errno));
    } else {
        bool whole = write_all(fd, data, bytes);
        whole      = close(fd) == 0 && whole;
        if (!whole || rename(name, path) != 0) {
            status = dv_fail(ctx, DSVK_BAD_FILE, "%s: %s", path, strerror(errno));
            unlink(name);
        }
    }
    dv_free(ctx, name);
    return status;
}

void dv_file_remove(const char *path)
{
    unlink(path);
}

bool dv_file_move(const char **why, const char *from, const char *to)
{
    bool moved = rename(from, to) == 0;
    *why       = moved ? NULL : strerror(errno);
    return moved;
}

void dv_folder_remove_empty(const char *path)
{
    rmdir(path);
}

dsvk_status dv_folder_make(const struct dv_context *ctx, const char *path, bool own)
{
    mode_t      mode   = own ? 0700 : 0777;
    dsvk_status status = DSVK_OK;
    char       *part   = dv_strdup(ctx, path);
    struct stat info;
    if (!part)
        return dv_fail(ctx, DSVK_NO_MEMORY, "%s: no memory for its name", path);
    for (char *c = part + (part[0] != 0); *c; c++)
        if (*c == '/') {
            *c = 0;
            mkdir(part, mode); /* the last one tells whether all went well */
            *c = '/';
        }
    bool made = mkdir(part, mode) == 0;
    int  why  = errno; /* stat has another reason */
    if (!made && (stat(part, &info) != 0 || !S_ISDIR(info.st_mode)))
        status = dv_fail(ctx, DSVK_BAD_FILE, "%s: %s", path, strerror(why));
    dv_free(ctx, part);
    return status;
}

uint64_t dv_time_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint32_t dv_processor_count(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (uint32_t)n : 1;
}

struct parallel {
    void (*work)(void *user, uint32_t i);
    void       *user;
    uint32_t    n;
    atomic_uint next;
};

static void *parallel_run(void *argument)
{
    struct parallel *p = argument;
    uint32_t         i;
    while ((i = atomic_fetch_add(&p->next, 1u)) < p->n)
        p->work(p->user, i);
    return NULL;
}

void dv_parallel(uint32_t threads, uint32_t n, void (*work)(void *user, uint32_t i), void *user)
{
    struct parallel p = { .work = work, .user = user, .n = n };
    pthread_t       started[MAX_THREADS];
    uint32_t        n_started = 0;
    if (threads == 0)
        threads = dv_processor_count();
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    while (n_started + 1 < threads && n_started + 1 < n) {
        if (pthread_create(&started[n_started], NULL, parallel_run, &p) != 0)
            break;
        n_started++;
    }
    parallel_run(&p);
    for (uint32_t i = 0; i < n_started; i++)
        pthread_join(started[i], NULL);
}

dv_function dv_library_function(const char *library, const char *name)
{
    dv_function function = NULL;
    void       *handle   = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    void       *symbol   = handle ? dlsym(handle, name) : NULL;
    /* ISO C has no cast from an object to a function pointer. */
    memcpy(&function, &symbol, sizeof function);
    return function;
}
