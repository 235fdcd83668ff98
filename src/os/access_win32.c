/* SPDX-License-Identifier: MIT */
/* The access list of what is its owner's alone, wherever it lies: whoever may look into the folder
 * would else be given rights to a file or a folder that is made there. */
#include "os/win32.h"

#include <sddl.h>
#include <stdalign.h>
#include <wchar.h>

#define LONGEST_SID 184 /* in letters */

/* As text: S-1-5-..., which LocalFree() frees. */
static bool find_user(wchar_t **text)
{
    alignas(TOKEN_USER) char room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    DWORD                    bytes = sizeof room;
    HANDLE                   token;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return false;
    bool found = GetTokenInformation(token, TokenUser, room, bytes, &bytes) &&
                 ConvertSidToStringSidW(((TOKEN_USER *)(void *)room)->User.Sid, text);
    CloseHandle(token);
    return found;
}

bool dv_win32_own_begin(SECURITY_ATTRIBUTES *own)
{
    static const wchar_t begin[] = L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;";
    wchar_t              text[sizeof begin / sizeof *begin + LONGEST_SID + 2], *user;
    *own = (SECURITY_ATTRIBUTES){ .nLength = sizeof *own };
    if (!find_user(&user))
        return false;
    wcscpy(text, begin);
    wcsncat(text, user, LONGEST_SID);
    wcscat(text, L")");
    LocalFree(user);
    return ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1,
                                                                &own->lpSecurityDescriptor, NULL);
}

void dv_win32_own_end(SECURITY_ATTRIBUTES *own)
{
    DWORD error = GetLastError();
    LocalFree(own->lpSecurityDescriptor);
    SetLastError(error);
}
