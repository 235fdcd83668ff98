/* SPDX-License-Identifier: MIT */
/* Everything that differs between operating systems. Only os_*.c includes system headers
 * beyond C11's. Paths are UTF-8 everywhere. */
#ifndef DV_OS_OS_H
#define DV_OS_OS_H

#include "base/context.h"

/* A whole file, mapped for reading. */
struct dv_file_map {
    const unsigned char *data;
    uint64_t             bytes;
};

/* Fails with BAD_FILE when `path` cannot be opened or is not a regular file. An empty file
 * maps as data == NULL. A file shortened by someone else after this call may raise SIGBUS on
 * access: read with dv_file_read_at what is needed later. */
dsvk_status dv_file_map_open(struct dv_file_map *map, const struct dv_context *ctx,
                             const char *path);
void        dv_file_map_close(struct dv_file_map *map);

/* Says that this part of a map will be read soon, so that reading from the disk can begin. */
void dv_memory_will_need(const void *data, uint64_t bytes);

/* A file that is read now and then, at places of the caller's; several threads may at once. */
struct dv_file {
    bool     open;
    intptr_t descriptor; /* the system's: a number or a handle */
};

/* BAD_FILE when `path` cannot be opened or is not a regular file. */
dsvk_status dv_file_open(struct dv_file *file, const struct dv_context *ctx, const char *path);
void        dv_file_close(struct dv_file *file);
uint64_t    dv_file_bytes(const struct dv_file *file); /* now; 0 where the system does not say */
/* Bytes that were read to `data`: fewer than asked for where the file has ended or the disk failed.
 * Says nothing itself, so that threads may call it. */
uint64_t dv_file_read_at(const struct dv_file *file, void *data, uint64_t bytes, uint64_t offset);

/* Says that this part of a file is not read again, so that no copy of it need stay in memory. */
void dv_file_forget(const struct dv_file *file, uint64_t bytes, uint64_t offset);

/* Reads a whole small file; fails with BAD_FILE above `limit` bytes. The caller frees *data,
 * which has one 0 byte behind its end. */
dsvk_status dv_file_read(char **data, size_t *bytes, const struct dv_context *ctx, const char *path,
                         size_t limit);
bool        dv_file_exists(const char *path);
/* Calls visit(user, name) for each entry of a folder, in no particular order, until one fails;
 * returns its status, or BAD_FILE when the folder cannot be read. */
dsvk_status dv_folder_list(const struct dv_context *ctx, const char                 *folder,
                           dsvk_status (*visit)(void *user, const char *name), void *user);

/* Puts a whole file in the place of `path`: others see the old one or the new one, never a part.
 * Fails with BAD_FILE, and nothing is left behind. */
dsvk_status dv_file_replace(const struct dv_context *ctx, const char *path, const void *data,
                            size_t bytes);
void        dv_file_remove(const char *path);
/* Gives a file or a folder another name in its file system; where it cannot, *why says it. */
bool dv_file_move(const char **why, const char *from, const char *to);
/* Makes a folder and those above it, for its owner alone if `own`, else as the user's mask says;
 * one that is there is fine. */
dsvk_status dv_folder_make(const struct dv_context *ctx, const char *path, bool own);
void        dv_folder_remove_empty(const char *path);

/* A function of a shared library of the system, which stays loaded; NULL when there is none. */
typedef void (*dv_function)(void);
dv_function dv_library_function(const char *library, const char *name);

uint64_t dv_time_ns(void); /* monotonic */
/* Bytes that the process may still take: with the page cache that the system would give back,
 * within the limits of its control groups or its job. The second, on POSIX systems alone: as files
 * below `root` say, for tests. */
uint64_t dv_host_memory_free(void);
uint64_t dv_host_memory_free_at(const char *root);
uint64_t dv_host_memory_size(void);
uint32_t dv_processor_count(void);

/* Runs work(user, i) for i = 0 .. n-1 on up to `threads` threads (0: one per processor) and
 * returns when all are done. Falls back to the calling thread where none can be started. */
void dv_parallel(uint32_t threads, uint32_t n, void (*work)(void *user, uint32_t i), void *user);

#endif
