/* SPDX-License-Identifier: MIT */
/* Paths and errors between this library, which knows UTF-8 and C's reasons, and Windows. */
#include "os/win32.h"

#include <stdio.h>
#include <string.h>

#define OLD_LIMIT 240 /* MAX_PATH, less a short name that a folder must have room for */

/* \\?\ turns off all of what makes paths convenient: so it stands before whole ones alone, with
 * which nothing is left to do. Those of the network begin with two slashes already. */
static bool make_long(wchar_t wide[DV_WIDE])
{
    static const wchar_t plain[] = L"\\\\?\\", network[] = L"\\\\?\\UNC";
    wchar_t              whole[DV_WIDE];
    DWORD                n      = GetFullPathNameW(wide, DV_WIDE, whole, NULL);
    bool                 unc    = n > 2 && whole[0] == L'\\' && whole[1] == L'\\';
    const wchar_t       *prefix = unc ? network : plain, *rest = unc ? whole + 1 : whole;
    if (n == 0)
        return false;
    if (unc && (whole[2] == L'?' || whole[2] == L'.')) { /* it is one already, or a device */
        prefix = L"";
        rest   = whole;
    }
    if (n >= DV_WIDE || wcslen(prefix) + wcslen(rest) >= DV_WIDE) {
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
        return false;
    }
    wcscpy(wide, prefix);
    wcscat(wide, rest);
    return true;
}

bool dv_wide_path(wchar_t wide[DV_WIDE], const char *path)
{
    int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, DV_WIDE);
    if (n <= 1) {
        SetLastError(n == 0 && GetLastError() == ERROR_INSUFFICIENT_BUFFER
                         ? ERROR_FILENAME_EXCED_RANGE
                         : ERROR_PATH_NOT_FOUND);
        return false;
    }
    return n < OLD_LIMIT || make_long(wide);
}

bool dv_narrow(char *text, size_t bytes, const wchar_t *wide)
{
    int room = bytes > INT32_MAX ? INT32_MAX : (int)bytes;
    return WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, wide, -1, text, room, NULL, NULL) > 0;
}

bool dv_narrow_path(char *path, size_t bytes, const wchar_t *wide)
{
    static const wchar_t network[] = L"\\\\?\\UNC\\", plain[] = L"\\\\?\\";
    bool                 unc = wcsncmp(wide, network, wcslen(network)) == 0;
    if (unc)
        wide += wcslen(network) - 2; /* the two slashes, of which one is written below */
    else if (wcsncmp(wide, plain, wcslen(plain)) == 0)
        wide += wcslen(plain);
    if (!dv_narrow(path, bytes, wide))
        return false;
    if (unc)
        path[0] = '/';
    for (char *c = path; *c; c++)
        *c = *c == '\\' ? '/' : *c;
    return true;
}

const char *dv_win32_reason(char text[DV_REASON], DWORD error)
{
    static const struct {
        DWORD       error;
        const char *reason;
    } known[] = {
        { ERROR_FILE_NOT_FOUND, "No such file or directory" },
        { ERROR_PATH_NOT_FOUND, "No such file or directory" },
        { ERROR_INVALID_NAME, "No such file or directory" },
        { ERROR_BAD_NETPATH, "No such file or directory" },
        { ERROR_ACCESS_DENIED, "Permission denied" },
        { ERROR_WRITE_PROTECT, "Read-only file system" },
        { ERROR_SHARING_VIOLATION, "in use by another program" },
        { ERROR_LOCK_VIOLATION, "in use by another program" },
        { ERROR_USER_MAPPED_FILE, "in use by another program" },
        { ERROR_DISK_FULL, "No space left on device" },
        { ERROR_HANDLE_DISK_FULL, "No space left on device" },
        { ERROR_FILE_EXISTS, "File exists" },
        { ERROR_ALREADY_EXISTS, "File exists" },
        { ERROR_DIR_NOT_EMPTY, "Directory not empty" },
        { ERROR_DIRECTORY, "Not a directory" },
        { ERROR_NOT_SAME_DEVICE, "Invalid cross-device link" },
        { ERROR_NOT_ENOUGH_MEMORY, "Cannot allocate memory" },
        { ERROR_OUTOFMEMORY, "Cannot allocate memory" },
        { ERROR_COMMITMENT_LIMIT, "Cannot allocate memory" },
        { ERROR_FILENAME_EXCED_RANGE, "File name too long" },
        { ERROR_BUFFER_OVERFLOW, "File name too long" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].error == error)
            return known[i].reason;
    snprintf(text, DV_REASON, "error %lu of the system", (unsigned long)error);
    return text;
}
