/* SPDX-License-Identifier: MIT */
/* Output files that appear when they are whole (output.c), on Windows. A link is followed, a file
 * that may not be written is refused, and a device such as NUL is written on. */
#include "host_win32.h"

#include <windows.h>

#include <errno.h>
#include <io.h>
#include <stdlib.h>
#include <string.h>

enum kind { NOTHING, REGULAR, FOLDER, DEVICE };

/* What is there under a name, behind links, and where that is, NULL for a device. */
static enum kind find(const wchar_t *name, wchar_t **where)
{
    enum kind kind = DEVICE;
    HANDLE    file = CreateFileW(name, FILE_READ_ATTRIBUTES,
                                 FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                                 OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    *where         = NULL;
    if (file == INVALID_HANDLE_VALUE)
        return NOTHING;
    DWORD n = GetFileType(file) == FILE_TYPE_DISK ? GetFinalPathNameByHandleW(file, NULL, 0, 0) : 0;
    if (n > 0 && (*where = calloc(n + 1, sizeof **where)) != NULL) {
        GetFinalPathNameByHandleW(file, *where, n + 1, 0);
        DWORD attributes = GetFileAttributesW(*where);
        kind = attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY)
                   ? FOLDER
                   : REGULAR;
    }
    CloseHandle(file);
    return kind;
}

/* Whether a file that is there may be written, and through which names nobody else knows it: one
 * with two names is copied into. */
static bool may_write(const wchar_t *where, bool *shared)
{
    BY_HANDLE_FILE_INFORMATION info;
    HANDLE                     file =
        CreateFileW(where, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        errno = host_errno();
        return false;
    }
    *shared = GetFileInformationByHandle(file, &info) && info.nNumberOfLinks > 1;
    CloseHandle(file);
    return true;
}

/* What a name leads to and whether a file may stand there. NULL: errno. */
static char *target_of(const char *name, enum kind *kind, bool *shared)
{
    wchar_t *wide   = host_wide(name), *where;
    char    *target = NULL;
    if (!wide)
        return NULL;
    *kind   = find(wide, &where);
    *shared = false;
    if (*kind == FOLDER)
        errno = EISDIR;
    else if (*kind != REGULAR || may_write(where, shared))
        target = *kind == REGULAR ? host_narrow(where) : _strdup(name);
    free(where);
    free(wide);
    return target;
}

bool host_output_open(struct host_output *output, const char *name)
{
    enum kind kind;
    bool      shared;
    *output        = (struct host_output){ .name = _strdup(name) };
    output->target = output->name ? target_of(name, &kind, &shared) : NULL;
    if (output->target && kind == DEVICE) {
        output->file = host_open(name, "wb");
    } else if (output->target) {
        output->file   = host_open_beside(&output->temporary, output->target);
        output->copied = shared;
    }
    if (output->file)
        return true;
    int reason = errno;
    host_output_discard(output);
    errno = reason;
    return false;
}

/* Whether files can be made in the folder of a name. */
static bool takes_files(const char *target)
{
    size_t n = strlen(target);
    while (n > 0 && !host_is_slash(target[n - 1]))
        n--;
    char    *folder = n > 0 ? _strdup(target) : _strdup(".");
    wchar_t *wide   = NULL;
    if (folder && n > 0)
        folder[n] = 0;
    if (folder)
        wide = host_wide(folder);
    HANDLE file = wide ? CreateFileW(wide, FILE_ADD_FILE,
                                     FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                                     OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL)
                       : INVALID_HANDLE_VALUE;
    int    why  = wide ? host_errno() : errno;
    free(wide);
    free(folder);
    errno = why;
    if (file == INVALID_HANDLE_VALUE)
        return false;
    CloseHandle(file);
    return true;
}

char *host_place(const char *name)
{
    enum kind kind = NOTHING;
    bool      shared;
    char     *target = name[0] ? target_of(name, &kind, &shared) : NULL;
    if (!name[0])
        errno = ENOENT;
    if (target && kind != DEVICE && takes_files(target))
        return target;
    int reason = target && kind == DEVICE ? ENOSYS : errno;
    free(target);
    errno = reason;
    return NULL;
}
