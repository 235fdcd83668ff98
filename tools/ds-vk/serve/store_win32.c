/* SPDX-License-Identifier: MIT */
/* Files of a store on Windows, of which each appears whole or not at all. */
#include "../host_win32.h"
#include "store_files.h"

#include <windows.h>

#include <aclapi.h>
#include <errno.h>
#include <io.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_EPOCH INT64_C(116444736000000000) /* in 100 ns since 1601 */

/* Whether others than the user, the system and administrators were given rights to a folder. */
static bool others_may(const wchar_t *folder)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PACL                 list       = NULL;
    bool                 others     = false;
    if (GetNamedSecurityInfoW(folder, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, &list,
                              NULL, &descriptor) != ERROR_SUCCESS)
        return false; /* a file system without */
    for (DWORD i = 0; list && i < list->AceCount; i++) {
        ACCESS_ALLOWED_ACE *entry;
        if (!GetAce(list, i, (void **)&entry) || entry->Header.AceType != ACCESS_ALLOWED_ACE_TYPE)
            continue;
        PSID who = &entry->SidStart;
        others |=
            IsWellKnownSid(who, WinWorldSid) || IsWellKnownSid(who, WinAuthenticatedUserSid) ||
            IsWellKnownSid(who, WinBuiltinUsersSid) || IsWellKnownSid(who, WinBuiltinGuestsSid);
    }
    LocalFree(descriptor);
    return others;
}

static const char *check(const wchar_t *folder)
{
    if (!CreateDirectoryW(folder, NULL) && GetLastError() != ERROR_ALREADY_EXISTS)
        return strerror(host_errno());
    DWORD attributes = GetFileAttributesW(folder);
    if (attributes == INVALID_FILE_ATTRIBUTES)
        return strerror(host_errno());
    if (!(attributes & FILE_ATTRIBUTE_DIRECTORY))
        return "it is no folder";
    if (others_may(folder))
        return "all users may look into it, and it holds conversations (one in your profile is "
               "yours alone)";
    return NULL;
}

const char *store_folder(const char *folder)
{
    wchar_t    *wide = host_wide(folder);
    const char *why  = wide ? check(wide) : strerror(errno);
    free(wide);
    return why;
}

static int64_t nanoseconds(FILETIME at)
{
    return ((int64_t)((uint64_t)at.dwHighDateTime << 32 | at.dwLowDateTime) - UNIX_EPOCH) * 100;
}

void store_each(const char *folder, void (*each)(void *user, const struct store_file *file),
                void       *user)
{
    char             pattern[STORE_PATH];
    WIN32_FIND_DATAW entry;
    int              n    = snprintf(pattern, sizeof pattern, "%s/dsvk-*", folder);
    wchar_t         *wide = n > 0 && (size_t)n < sizeof pattern ? host_wide(pattern) : NULL;
    HANDLE           find = wide ? FindFirstFileW(wide, &entry) : INVALID_HANDLE_VALUE;
    const DWORD      odd  = FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT;
    free(wide);
    if (find == INVALID_HANDLE_VALUE)
        return;
    do {
        char *name = host_narrow(entry.cFileName);
        if (name && store_is_ours(name) && !(entry.dwFileAttributes & odd))
            each(user, &(struct store_file){ .name  = name,
                                             .bytes = (uint64_t)entry.nFileSizeHigh << 32 |
                                                      entry.nFileSizeLow,
                                             .used = nanoseconds(entry.ftLastWriteTime) });
        free(name);
    } while (FindNextFileW(find, &entry));
    FindClose(find);
}

bool store_write(const char *path, const void *bytes, size_t n)
{
    char *temporary;
    FILE *file = host_open_beside(&temporary, path);
    if (!file)
        return false;
    bool whole = fwrite(bytes, 1, n, file) == n && fflush(file) == 0 && _commit(_fileno(file)) == 0;
    whole      = fclose(file) == 0 && whole;
    whole      = whole && host_move(temporary, path);
    int why    = errno;
    if (!whole)
        host_remove(temporary);
    free(temporary);
    errno = why;
    return whole;
}

static FILETIME now(void)
{
    FILETIME time;
    GetSystemTimeAsFileTime(&time);
    return time;
}

void store_touch(const char *path)
{
    wchar_t *wide = host_wide(path);
    FILETIME time = now();
    HANDLE   file = wide ? CreateFileW(wide, FILE_WRITE_ATTRIBUTES,
                                       FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                                       OPEN_EXISTING, 0, NULL)
                         : INVALID_HANDLE_VALUE;
    free(wide);
    if (file == INVALID_HANDLE_VALUE)
        return;
    (void)SetFileTime(file, NULL, NULL, &time);
    CloseHandle(file);
}

int64_t store_now(void)
{
    return nanoseconds(now());
}
