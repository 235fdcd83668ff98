/* SPDX-License-Identifier: MIT */
/* What the files of the command line for Windows share. Names are UTF-8 for the rest of the
 * program and UTF-16 for the system. A NULL or a false leaves its reason in errno. */
#ifndef HOST_WIN32_H
#define HOST_WIN32_H

#include "host.h"

#include <wchar.h>

/* A path as the system takes it, also a long one. The caller frees it. */
wchar_t *host_wide(const char *path);
/* UTF-8, the caller frees it. */
char *host_narrow(const wchar_t *wide);
/* The C library's number for the system's last error. */
int host_errno(void);
/* A new file beside `path` that is open for writing; its name, which the caller frees. */
FILE *host_open_beside(char **name, const char *path);

#endif
