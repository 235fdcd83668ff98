/* SPDX-License-Identifier: MIT */
/* What the files for Windows do with files: opening, writing, moving. Unlike on POSIX systems, a
 * file that somebody has open can be in the way of all three. */
#include "os/win32.h"

#include <stdio.h>
#include <string.h>

#define MOST_AT_A_TIME (1u << 30)
#define NAMES 100
#define TRIES 40 /* 2 s together: scanners take less */
#define REST_MS 50

static HANDLE open_as(const char *path, DWORD access, DWORD how, SECURITY_ATTRIBUTES *rights)
{
    wchar_t wide[DV_WIDE];
    if (!dv_wide_path(wide, path))
        return INVALID_HANDLE_VALUE;
    return CreateFileW(wide, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, rights,
                       how, FILE_ATTRIBUTE_NORMAL, NULL);
}

HANDLE dv_win32_open(const char *path, DWORD access, DWORD how)
{
    return open_as(path, access, how, NULL);
}

HANDLE dv_win32_open_beside(char name[DV_PATH_BYTES], const char *path)
{
    HANDLE              file = INVALID_HANDLE_VALUE;
    SECURITY_ATTRIBUTES own;
    if (!dv_win32_own_begin(&own))
        return file;
    for (int i = 0; i < NAMES && file == INVALID_HANDLE_VALUE; i++) {
        LARGE_INTEGER now;
        QueryPerformanceCounter(&now);
        unsigned number = (unsigned)now.QuadPart * 2654435761u ^ GetCurrentProcessId() << 16 ^
                          GetCurrentThreadId() << 8;
        int n = snprintf(name, DV_PATH_BYTES, "%s.%08x", path, number + (unsigned)i);
        if (n < 0 || (unsigned)n >= DV_PATH_BYTES) {
            SetLastError(ERROR_FILENAME_EXCED_RANGE);
            break;
        }
        file = open_as(name, GENERIC_WRITE, CREATE_NEW, &own);
        if (file == INVALID_HANDLE_VALUE && GetLastError() != ERROR_FILE_EXISTS)
            break;
    }
    dv_win32_own_end(&own);
    return file;
}

bool dv_win32_write(HANDLE file, const void *data, uint64_t bytes)
{
    const unsigned char *from = data;
    while (bytes > 0) {
        DWORD n = 0, most = bytes < MOST_AT_A_TIME ? (DWORD)bytes : MOST_AT_A_TIME;
        if (!WriteFile(file, from, most, &n, NULL))
            return false;
        if (n == 0) {
            SetLastError(ERROR_DISK_FULL);
            return false;
        }
        from += n;
        bytes -= n;
    }
    return true;
}

/* Somebody has it open and may close it soon. A file that may not be written is refused so, too. */
static bool may_pass(DWORD error)
{
    return error == ERROR_SHARING_VIOLATION || error == ERROR_LOCK_VIOLATION ||
           error == ERROR_ACCESS_DENIED;
}

static bool is_folder(const wchar_t *wide)
{
    DWORD attributes = GetFileAttributesW(wide);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
}

bool dv_win32_move(const char *from, const char *to)
{
    wchar_t     source[DV_WIDE], target[DV_WIDE];
    const DWORD how = MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH;
    if (!dv_wide_path(source, from) || !dv_wide_path(target, to))
        return false;
    for (int i = 0;; i++) {
        if (MoveFileExW(source, target, how))
            return true;
        DWORD error = GetLastError();
        if (!may_pass(error) || i == TRIES || is_folder(target)) {
            SetLastError(error);
            return false;
        }
        Sleep(REST_MS);
    }
}

bool dv_win32_remove(const char *path)
{
    wchar_t wide[DV_WIDE];
    if (!dv_wide_path(wide, path))
        return false;
    for (int i = 0;; i++) {
        if (DeleteFileW(wide))
            return true;
        DWORD error = GetLastError();
        if (error != ERROR_SHARING_VIOLATION || i == TRIES) {
            SetLastError(error);
            return false;
        }
        Sleep(REST_MS);
    }
}
