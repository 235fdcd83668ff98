/* SPDX-License-Identifier: MIT */
/* What the files for Windows share. Paths come as UTF-8 with any slashes and go to the system as
 * UTF-16; those that are longer than old limits go as whole ones behind \\?\. */
#ifndef DV_OS_WIN32_H
#define DV_OS_WIN32_H

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/place.h"

#define DV_WIDE (DV_PATH_BYTES + 16u)

/* False: the system's error says why not, as when it is too long or no UTF-8. */
bool dv_wide_path(wchar_t wide[DV_WIDE], const char *path);
/* As UTF-8; false where there is no room. */
bool dv_narrow(char *text, size_t bytes, const wchar_t *wide);
/* The same, with slashes and without \\?\. */
bool dv_narrow_path(char *path, size_t bytes, const wchar_t *wide);

/* A reason in words, in `text` or for ever. */
#define DV_REASON 64
const char *dv_win32_reason(char text[DV_REASON], DWORD error);

/* Opens a file that others may read, write, rename and remove meanwhile; INVALID_HANDLE_VALUE. */
HANDLE dv_win32_open(const char *path, DWORD access, DWORD how);
/* Rights for the user, the system and administrators, to make something with. False: the system's
 * error. The second keeps that. */
bool dv_win32_own_begin(SECURITY_ATTRIBUTES *own);
void dv_win32_own_end(SECURITY_ATTRIBUTES *own);
/* A new file in the folder of `path`, for its owner alone; its name, which begins with that of
 * `path`, is in `name`. */
HANDLE dv_win32_open_beside(char name[DV_PATH_BYTES], const char *path);
/* All of it, in as many calls as it takes; else the system's error says why not. */
bool dv_win32_write(HANDLE file, const void *data, uint64_t bytes);
/* Puts a file or a folder in the place of `to`; a file that is there is replaced. Tries again for
 * a while when somebody, such as a virus scanner, has just opened one of them. */
bool dv_win32_move(const char *from, const char *to);
bool dv_win32_remove(const char *path);

#endif
