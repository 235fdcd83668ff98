/* SPDX-License-Identifier: MIT */
/* Files of a store on Windows, of which each appears whole or not at all. */
#include "../host_win32.h"
#include "store_files.h"

#include <windows.h>

#include <aclapi.h>
#include <errno.h>
#include <io.h>
#include <sddl.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_EPOCH INT64_C(116444736000000000) /* in 100 ns since 1601 */

/* The rights of the system and of administrators are theirs everywhere, and who makes a folder or
 * owns it is the user. */
static bool is_ours(PSID who, PSID user)
{
    return EqualSid(who, user) || IsWellKnownSid(who, WinLocalSystemSid) ||
           IsWellKnownSid(who, WinBuiltinAdministratorsSid) ||
           IsWellKnownSid(who, WinCreatorOwnerSid) || IsWellKnownSid(who, WinCreatorOwnerRightsSid);
}

/* Whether a list gives rights to others, as none at all does. */
static bool others_may(PACL list, PSID user)
{
    for (DWORD i = 0; list && i < list->AceCount; i++) {
        ACCESS_ALLOWED_ACE *entry;
        if (!GetAce(list, i, (void **)&entry))
            return true;
        if (entry->Header.AceType != ACCESS_DENIED_ACE_TYPE &&
            (entry->Header.AceType != ACCESS_ALLOWED_ACE_TYPE || !is_ours(&entry->SidStart, user)))
            return true;
    }
    return list == NULL;
}

static const char *check_access(const wchar_t *folder, PSID user)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PACL                 list       = NULL;
    PSID                 owner      = NULL;
    const char          *why        = NULL;
    if (GetNamedSecurityInfoW(folder, SE_FILE_OBJECT,
                              DACL_SECURITY_INFORMATION | OWNER_SECURITY_INFORMATION, &owner, NULL,
                              &list, NULL, &descriptor) != ERROR_SUCCESS)
        return "nothing tells who may look into it";
    if (!owner || !is_ours(owner, user))
        why = "it belongs to another user";
    else if (others_may(list, user))
        why = "others may look into it, and it holds conversations (one that is made here is for "
              "you alone)";
    LocalFree(descriptor);
    return why;
}

/* For the user, the system and administrators, whoever may look into the folder above. */
static bool make_own(const wchar_t *folder, PSID user)
{
    static const wchar_t begin[] = L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;";
    wchar_t              text[sizeof begin / sizeof *begin + 192], *name = NULL;
    SECURITY_ATTRIBUTES  own = { .nLength = sizeof own };
    if (!ConvertSidToStringSidW(user, &name))
        return false;
    wcscpy(text, begin);
    wcsncat(text, name, 184); /* the longest that there is */
    wcscat(text, L")");
    LocalFree(name);
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1,
                                                              &own.lpSecurityDescriptor, NULL))
        return false;
    bool  made  = CreateDirectoryW(folder, &own) != 0;
    DWORD error = GetLastError();
    LocalFree(own.lpSecurityDescriptor);
    SetLastError(error);
    return made || error == ERROR_ALREADY_EXISTS;
}

/* The user of this process, in `room`. */
static PSID find_user(void *room, DWORD bytes)
{
    HANDLE token;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return NULL;
    bool found = GetTokenInformation(token, TokenUser, room, bytes, &bytes) != 0;
    CloseHandle(token);
    return found ? ((TOKEN_USER *)room)->User.Sid : NULL;
}

static const char *check(const wchar_t *folder)
{
    _Alignas(TOKEN_USER) char room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    PSID                      user = find_user(room, sizeof room);
    if (!user || !make_own(folder, user))
        return strerror(host_errno());
    DWORD attributes = GetFileAttributesW(folder);
    if (attributes == INVALID_FILE_ATTRIBUTES)
        return strerror(host_errno());
    if (!(attributes & FILE_ATTRIBUTE_DIRECTORY))
        return "it is no folder";
    return check_access(folder, user);
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
