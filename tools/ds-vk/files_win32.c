/* SPDX-License-Identifier: MIT */
/* Names and files on Windows: UTF-8 becomes UTF-16, long paths get the prefix that lets them be
 * long, and a file that somebody has open for a moment is tried again. */
#include "host_win32.h"

#include <windows.h>

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define OLD_LIMIT 240 /* MAX_PATH, less a short name that a folder must have room for */
#define NAMES 100
#define TRIES 40 /* 2 s together */
#define REST_MS 50

int host_errno(void)
{
    switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_NAME:
    case ERROR_BAD_NETPATH:
        return ENOENT;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS:
        return EEXIST;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
        return ENOSPC;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
        return ENOMEM;
    case ERROR_NO_UNICODE_TRANSLATION:
        return EILSEQ;
    case ERROR_DIRECTORY:
        return ENOTDIR;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_ACCESS_DENIED:
        return EACCES;
    default:
        return EIO;
    }
}

/* The whole path behind \\?\, which takes no dots and slashes: these are gone then. */
static wchar_t *lengthen(const wchar_t *path)
{
    DWORD    n     = GetFullPathNameW(path, 0, NULL, NULL);
    wchar_t *whole = calloc(n + 1, sizeof *whole), *made = calloc(n + 8, sizeof *made);
    if (whole && made && GetFullPathNameW(path, n, whole, NULL) > 0) {
        bool network = whole[0] == L'\\' && whole[1] == L'\\';
        bool device  = network && (whole[2] == L'?' || whole[2] == L'.');
        wcscpy(made, device ? L"" : network ? L"\\\\?\\UNC" : L"\\\\?\\");
        wcscat(made, network && !device ? whole + 1 : whole);
        free(whole);
        return made;
    }
    errno = whole && made ? host_errno() : ENOMEM;
    free(whole);
    free(made);
    return NULL;
}

wchar_t *host_wide(const char *path)
{
    int      n    = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
    wchar_t *wide = n > 0 ? calloc((size_t)n, sizeof *wide) : NULL;
    if (!wide) {
        errno = n > 0 ? ENOMEM : EILSEQ;
        return NULL;
    }
    MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, n);
    if (n < OLD_LIMIT)
        return wide;
    wchar_t *made = lengthen(wide);
    free(wide);
    return made;
}

char *host_narrow(const wchar_t *wide)
{
    int   n    = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    char *text = n > 0 ? malloc((size_t)n) : NULL;
    if (text)
        WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, n, NULL, NULL);
    return text;
}

bool host_is_slash(char c)
{
    return c == '/' || c == '\\';
}

FILE *host_open(const char *name, const char *mode)
{
    wchar_t  how[8] = L"";
    wchar_t *wide   = host_wide(name);
    for (size_t i = 0; i < 7 && mode[i]; i++)
        how[i] = (wchar_t)mode[i];
    FILE *file  = wide ? _wfopen(wide, how) : NULL;
    int   why   = errno;
    DWORD found = wide && !file && why == EACCES ? GetFileAttributesW(wide) : 0;
    if (found != INVALID_FILE_ATTRIBUTES && (found & FILE_ATTRIBUTE_DIRECTORY))
        why = EISDIR;
    free(wide);
    errno = why;
    return file;
}

void host_remove(const char *name)
{
    wchar_t *wide = host_wide(name);
    if (wide)
        (void)_wunlink(wide);
    free(wide);
}

FILE *host_open_beside(char **name, const char *path)
{
    FILE  *file  = NULL;
    size_t bytes = strlen(path) + 12;
    *name        = malloc(bytes);
    for (int i = 0; *name && !file && i < NAMES; i++) {
        snprintf(*name, bytes, "%s.%08x", path, (unsigned)host_random());
        wchar_t *wide = host_wide(*name);
        int      fd = wide ? _wopen(wide, _O_WRONLY | _O_CREAT | _O_EXCL | _O_BINARY | _O_NOINHERIT,
                                    _S_IREAD | _S_IWRITE)
                           : -1;
        free(wide);
        if (fd < 0 && errno != EEXIST)
            break;
        file = fd >= 0 ? _fdopen(fd, "wb") : NULL;
    }
    if (!file) {
        int why = *name ? errno : ENOMEM;
        free(*name);
        *name = NULL;
        errno = why;
    }
    return file;
}

bool host_move(const char *from, const char *to)
{
    wchar_t    *source = host_wide(from), *target = host_wide(to);
    bool        moved = false;
    const DWORD how   = MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH;
    int         why   = errno;
    for (int i = 0; source && target && i <= TRIES; i++) {
        moved = MoveFileExW(source, target, how) != 0;
        why   = host_errno();
        if (moved || why != EACCES)
            break;
        Sleep(REST_MS);
    }
    free(source);
    free(target);
    errno = why;
    return moved;
}

bool host_each(const char *folder, bool (*each)(void *user, const char *name), void *user)
{
    WIN32_FIND_DATAW entry;
    size_t           bytes   = strlen(folder) + sizeof "/*";
    char            *pattern = malloc(bytes);
    if (pattern)
        snprintf(pattern, bytes, "%s/*", folder);
    wchar_t *wide = pattern ? host_wide(pattern) : NULL;
    HANDLE   find = wide ? FindFirstFileW(wide, &entry) : INVALID_HANDLE_VALUE;
    int      why  = wide ? host_errno() : ENOMEM;
    bool     more = find != INVALID_HANDLE_VALUE;
    free(wide);
    free(pattern);
    errno = why;
    if (!more)
        return false;
    while (more) {
        char *name = host_narrow(entry.cFileName);
        more       = name && each(user, name) && FindNextFileW(find, &entry);
        free(name);
    }
    FindClose(find);
    return true;
}
