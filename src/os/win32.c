/* SPDX-License-Identifier: MIT */
/* Everything of os.h on Windows, but for memory and time (machine_win32.c). Handles are opened so
 * that others may do with the files what they like; what is mapped cannot be made shorter there. */
#include "os/os.h"

#include <process.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "os/win32.h"

#define MAX_THREADS 64u /* as many as can be waited for at once */

static HANDLE handle_of(const struct dv_file *file)
{
    return (HANDLE)file->descriptor;
}

static dsvk_status fail_with(const struct dv_context *ctx, const char *path, DWORD error)
{
    char reason[DV_REASON];
    bool memory = error == ERROR_NOT_ENOUGH_MEMORY || error == ERROR_OUTOFMEMORY ||
                  error == ERROR_COMMITMENT_LIMIT;
    return dv_fail(ctx, memory ? DSVK_NO_MEMORY : DSVK_BAD_FILE, "%s: %s", path,
                   dv_win32_reason(reason, error));
}

/* A folder cannot be opened like this, nor can what stands for a device be a regular file. */
static dsvk_status open_regular(HANDLE *file, uint64_t *bytes, const struct dv_context *ctx,
                                const char *path)
{
    LARGE_INTEGER size;
    *file = dv_win32_open(path, GENERIC_READ, OPEN_EXISTING);
    if (*file == INVALID_HANDLE_VALUE) {
        DWORD error = GetLastError();
        if (dv_place_kind(path, NULL) == DV_PLACE_FOLDER)
            return dv_fail(ctx, DSVK_BAD_FILE, "%s: not a regular file", path);
        return fail_with(ctx, path, error);
    }
    if (GetFileType(*file) != FILE_TYPE_DISK || !GetFileSizeEx(*file, &size)) {
        CloseHandle(*file);
        return dv_fail(ctx, DSVK_BAD_FILE, "%s: not a regular file", path);
    }
    *bytes = (uint64_t)size.QuadPart;
    return DSVK_OK;
}

/* ---- mapped files ---- */

/* NULL: the system's error says why not. The view keeps the mapping, and that the file. */
static const void *view_of(HANDLE file)
{
    HANDLE mapping = CreateFileMappingW(file, NULL, PAGE_READONLY, 0, 0, NULL);
    if (!mapping)
        return NULL;
    const void *data  = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0);
    DWORD       error = GetLastError();
    CloseHandle(mapping);
    SetLastError(error);
    return data;
}

dsvk_status dv_file_map_open(struct dv_file_map *map, const struct dv_context *ctx,
                             const char *path)
{
    dsvk_status status;
    HANDLE      file;
    *map = (struct dv_file_map){ 0 };
    TRY(open_regular(&file, &map->bytes, ctx, path));
    if (map->bytes > 0) {
        map->data   = view_of(file);
        DWORD error = GetLastError();
        char  reason[DV_REASON];
        if (!map->data)
            status = dv_fail(ctx, error == ERROR_NOT_ENOUGH_MEMORY ? DSVK_NO_MEMORY : DSVK_BAD_FILE,
                             "%s: cannot map %llu bytes: %s", path, (unsigned long long)map->bytes,
                             dv_win32_reason(reason, error));
    }
    CloseHandle(file);
    if (status != DSVK_OK)
        map->bytes = 0;
    return status;
}

void dv_file_map_close(struct dv_file_map *map)
{
    if (map->data)
        UnmapViewOfFile(map->data);
    *map = (struct dv_file_map){ 0 };
}

void dv_memory_will_need(const void *data, uint64_t bytes)
{
    WIN32_MEMORY_RANGE_ENTRY range = { (void *)(uintptr_t)data, (SIZE_T)bytes };
    if (bytes > 0) /* a wish: nothing is lost where it is not heard */
        (void)PrefetchVirtualMemory(GetCurrentProcess(), 1, &range, 0);
}

/* ---- files that are read ---- */

dsvk_status dv_file_open(struct dv_file *file, const struct dv_context *ctx, const char *path)
{
    dsvk_status status;
    uint64_t    bytes;
    HANDLE      handle;
    *file = (struct dv_file){ 0 };
    TRY(open_regular(&handle, &bytes, ctx, path));
    file->descriptor = (intptr_t)handle;
    file->open       = true;
    return DSVK_OK;
}

void dv_file_close(struct dv_file *file)
{
    if (file->open)
        CloseHandle(handle_of(file));
    *file = (struct dv_file){ 0 };
}

uint64_t dv_file_bytes(const struct dv_file *file)
{
    LARGE_INTEGER size;
    return GetFileSizeEx(handle_of(file), &size) ? (uint64_t)size.QuadPart : 0;
}

/* The place goes with each call, so that threads do not move each other's. */
static uint64_t read_at(HANDLE file, void *data, uint64_t bytes, uint64_t offset)
{
    unsigned char *to   = data;
    uint64_t       done = 0;
    while (done < bytes) {
        uint64_t   at = offset + done;
        DWORD      n = 0, most = (DWORD)dv_min(bytes - done, UINT64_C(1) << 30);
        OVERLAPPED from = { .Offset = (DWORD)at, .OffsetHigh = (DWORD)(at >> 32) };
        if (!ReadFile(file, to + done, most, &n, &from) || n == 0)
            break;
        done += n;
    }
    return done;
}

uint64_t dv_file_read_at(const struct dv_file *file, void *data, uint64_t bytes, uint64_t offset)
{
    return read_at(handle_of(file), data, bytes, offset);
}

/* Windows gives its copies back by itself, and takes no such wish. */
void dv_file_forget(const struct dv_file *file, uint64_t bytes, uint64_t offset)
{
    (void)file;
    (void)bytes;
    (void)offset;
}

dsvk_status dv_file_read(char **data, size_t *bytes, const struct dv_context *ctx, const char *path,
                         size_t limit)
{
    dsvk_status status;
    uint64_t    size = 0;
    HANDLE      file;
    *data  = NULL;
    *bytes = 0;
    TRY(open_regular(&file, &size, ctx, path));
    if (size > limit) {
        CloseHandle(file);
        return dv_fail(ctx, DSVK_BAD_FILE, "%s: %llu bytes, more than the %zu expected at most",
                       path, (unsigned long long)size, limit);
    }
    char    *text = dv_alloc(ctx, (size_t)size + 1);
    uint64_t done = text ? read_at(file, text, size, 0) : 0;
    CloseHandle(file);
    if (!text)
        return dv_fail(ctx, DSVK_NO_MEMORY, "%s: no memory for its %llu bytes", path,
                       (unsigned long long)size);
    if (done < size) {
        dv_free(ctx, text);
        return dv_fail(ctx, DSVK_BAD_FILE, "%s: read ended after %llu of %llu bytes", path,
                       (unsigned long long)done, (unsigned long long)size);
    }
    text[size] = 0;
    *data      = text;
    *bytes     = (size_t)size;
    return DSVK_OK;
}

bool dv_file_exists(const char *path)
{
    HANDLE file = dv_win32_open(path, GENERIC_READ, OPEN_EXISTING);
    if (file == INVALID_HANDLE_VALUE) /* a folder exists, too */
        return dv_place_kind(path, NULL) == DV_PLACE_FOLDER;
    CloseHandle(file);
    return true;
}

/* ---- files and folders that are made ---- */

dsvk_status dv_file_replace(const struct dv_context *ctx, const char *path, const void *data,
                            size_t bytes)
{
    char  *name = dv_alloc(ctx, DV_PATH_BYTES);
    DWORD  error;
    HANDLE file;
    if (!name)
        return dv_fail(ctx, DSVK_NO_MEMORY, "%s: no memory for its name", path);
    file       = dv_win32_open_beside(name, path);
    bool whole = file != INVALID_HANDLE_VALUE && dv_win32_write(file, data, bytes);
    error      = GetLastError();
    if (file != INVALID_HANDLE_VALUE) {
        CloseHandle(file);
        if (whole && !dv_win32_move(name, path)) {
            error = GetLastError();
            whole = false;
        }
        if (!whole)
            dv_win32_remove(name);
    }
    dv_free(ctx, name);
    return whole ? DSVK_OK : fail_with(ctx, path, error);
}

void dv_file_remove(const char *path)
{
    dv_win32_remove(path);
}

bool dv_file_move(const char **why, const char *from, const char *to)
{
    static _Thread_local char reason[DV_REASON];
    bool                      moved = dv_win32_move(from, to);
    *why                            = moved ? NULL : dv_win32_reason(reason, GetLastError());
    return moved;
}

void dv_folder_remove_empty(const char *path)
{
    wchar_t wide[DV_WIDE];
    if (dv_wide_path(wide, path))
        RemoveDirectoryW(wide);
}

static bool make_one(const char *path, SECURITY_ATTRIBUTES *rights)
{
    wchar_t wide[DV_WIDE];
    return dv_wide_path(wide, path) && CreateDirectoryW(wide, rights);
}

static bool make_all(char *path, SECURITY_ATTRIBUTES *rights)
{
    for (char *c = path + (path[0] != 0); *c; c++)
        if (*c == '/' || *c == '\\') {
            char slash = *c;
            *c         = 0;
            (void)make_one(path, rights); /* the last one tells whether all went well */
            *c = slash;
        }
    return make_one(path, rights);
}

dsvk_status dv_folder_make(const struct dv_context *ctx, const char *path, bool own)
{
    char               *part = dv_strdup(ctx, path);
    SECURITY_ATTRIBUTES rights;
    if (!part)
        return dv_fail(ctx, DSVK_NO_MEMORY, "%s: no memory for its name", path);
    bool known = !own || dv_win32_own_begin(&rights);
    bool made  = known && make_all(part, own ? &rights : NULL);
    if (own && known)
        dv_win32_own_end(&rights);
    DWORD error = GetLastError();
    dv_free(ctx, part);
    if (!made && dv_place_kind(path, NULL) != DV_PLACE_FOLDER)
        return fail_with(ctx, path, error);
    return DSVK_OK;
}

dsvk_status dv_folder_list(const struct dv_context *ctx, const char                 *folder,
                           dsvk_status (*visit)(void *user, const char *name), void *user)
{
    dsvk_status      status = DSVK_OK;
    char             path[DV_PATH_BYTES], name[3 * MAX_PATH + 1];
    wchar_t          wide[DV_WIDE];
    WIN32_FIND_DATAW entry;
    HANDLE           names = INVALID_HANDLE_VALUE;
    SetLastError(ERROR_FILENAME_EXCED_RANGE);
    if (dv_place_join(path, folder, "*") && dv_wide_path(wide, path))
        names = FindFirstFileW(wide, &entry);
    if (names == INVALID_HANDLE_VALUE)
        return fail_with(ctx, folder, GetLastError());
    do {
        if (dv_narrow(name, sizeof name, entry.cFileName)) /* else it has no name for us */
            status = visit(user, name);
    } while (status == DSVK_OK && FindNextFileW(names, &entry));
    FindClose(names);
    return status;
}

/* ---- threads ---- */

struct parallel {
    void (*work)(void *user, uint32_t i);
    void       *user;
    uint32_t    n;
    atomic_uint next;
};

static unsigned __stdcall parallel_run(void *argument)
{
    struct parallel *p = argument;
    uint32_t         i;
    while ((i = atomic_fetch_add(&p->next, 1u)) < p->n)
        p->work(p->user, i);
    return 0;
}

void dv_parallel(uint32_t threads, uint32_t n, void (*work)(void *user, uint32_t i), void *user)
{
    struct parallel p = { .work = work, .user = user, .n = n };
    HANDLE          started[MAX_THREADS];
    DWORD           n_started = 0;
    if (threads == 0)
        threads = dv_processor_count();
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    while (n_started + 1 < threads && n_started + 1 < n) {
        uintptr_t thread = _beginthreadex(NULL, 0, parallel_run, &p, 0, NULL);
        if (thread == 0)
            break;
        started[n_started++] = (HANDLE)thread;
    }
    parallel_run(&p);
    if (n_started > 0)
        WaitForMultipleObjects(n_started, started, TRUE, INFINITE);
    for (DWORD i = 0; i < n_started; i++)
        CloseHandle(started[i]);
}
