/* SPDX-License-Identifier: MIT */
/* Names and files on POSIX systems, which take them as they are. */
#define _POSIX_C_SOURCE 200809L
#include "host.h"

#include <dirent.h>

FILE *host_open(const char *name, const char *mode)
{
    return fopen(name, mode);
}

void host_remove(const char *name)
{
    (void)remove(name);
}

bool host_move(const char *from, const char *to)
{
    return rename(from, to) == 0;
}

bool host_is_slash(char c)
{
    return c == '/';
}

bool host_each(const char *folder, bool (*each)(void *user, const char *name), void *user)
{
    DIR *names = opendir(folder);
    bool good  = names != NULL;
    for (struct dirent *entry; good && (entry = readdir(names)) != NULL;)
        if (!each(user, entry->d_name))
            break;
    if (names)
        closedir(names);
    return good;
}
