/* SPDX-License-Identifier: MIT */
/* Places on Windows: both slashes part names, and a drive's letter may stand before them. */
#include "os/win32.h"

#include <stdio.h>
#include <string.h>

bool dv_place_join(char path[DV_PATH_BYTES], const char *folder, const char *name)
{
    int n = snprintf(path, DV_PATH_BYTES, "%s/%s", folder, name);
    return n >= 0 && (size_t)n < DV_PATH_BYTES;
}

/* Opens what may be a folder, through links, to ask of it. */
static HANDLE open_any(const char *path, DWORD access)
{
    wchar_t wide[DV_WIDE];
    if (!dv_wide_path(wide, path))
        return INVALID_HANDLE_VALUE;
    return CreateFileW(wide, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                       OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
}

enum dv_place_kind dv_place_kind(const char *path, uint64_t *bytes)
{
    BY_HANDLE_FILE_INFORMATION info;
    enum dv_place_kind         kind = DV_PLACE_OTHER;
    HANDLE                     file = open_any(path, FILE_READ_ATTRIBUTES);
    if (bytes)
        *bytes = 0;
    if (file == INVALID_HANDLE_VALUE)
        return DV_PLACE_NONE;
    if (GetFileType(file) == FILE_TYPE_DISK && GetFileInformationByHandle(file, &info)) {
        bool folder = (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
        kind        = folder ? DV_PLACE_FOLDER : DV_PLACE_FILE;
        if (bytes && !folder)
            *bytes = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
    }
    CloseHandle(file);
    return kind;
}

bool dv_place_taken(const char *path)
{
    wchar_t wide[DV_WIDE];
    return dv_wide_path(wide, path) && GetFileAttributesW(wide) != INVALID_FILE_ATTRIBUTES;
}

/* Some file systems do not say what a name leads to: then it is the whole name, with its links. */
bool dv_place_real(char *out, size_t bytes, const char *path)
{
    wchar_t real[DV_WIDE], wide[DV_WIDE];
    HANDLE  file = open_any(path, FILE_READ_ATTRIBUTES);
    if (file == INVALID_HANDLE_VALUE)
        return false;
    DWORD n = GetFinalPathNameByHandleW(file, real, DV_WIDE, FILE_NAME_NORMALIZED);
    CloseHandle(file);
    if (n == 0 && dv_wide_path(wide, path))
        n = GetFullPathNameW(wide, DV_WIDE, real, NULL);
    return n > 0 && n < DV_WIDE && dv_narrow_path(out, bytes, real);
}

/* Attributes say nothing of that: who may is asked for the right itself. */
bool dv_place_writable(const char *folder)
{
    HANDLE file = open_any(folder, FILE_ADD_FILE);
    if (file == INVALID_HANDLE_VALUE)
        return false;
    CloseHandle(file);
    return true;
}

bool dv_place_free(uint64_t *bytes, const char *folder)
{
    wchar_t        wide[DV_WIDE];
    ULARGE_INTEGER free;
    *bytes = 0;
    if (!dv_wide_path(wide, folder) || !GetDiskFreeSpaceExW(wide, &free, NULL, NULL))
        return false;
    *bytes = free.QuadPart;
    return true;
}

static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

/* "/", "C:" or "C:/". */
static size_t root_of(const char *path)
{
    size_t drive = path[0] && path[1] == ':' ? 2 : 0;
    return drive + is_slash(path[drive]);
}

size_t dv_place_length(const char *path)
{
    size_t length = strlen(path), root = root_of(path);
    while (length > root && is_slash(path[length - 1]))
        length--;
    return length;
}

size_t dv_place_parent(const char *path, size_t length)
{
    size_t root = root_of(path);
    while (length > root && !is_slash(path[length - 1]))
        length--;
    while (length > root && is_slash(path[length - 1]))
        length--;
    return length;
}
