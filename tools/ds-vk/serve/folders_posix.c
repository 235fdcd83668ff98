/* SPDX-License-Identifier: MIT */
/* The checkpoints in a folder. */
#define _POSIX_C_SOURCE 200809L
#include "models.h"

#include "../cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *folders_each(const char *folder, bool (*each)(void *user, const char *name), void *user)
{
    char path[4096];
    DIR *names = opendir(folder);
    if (!names)
        return strerror(errno);
    bool good = true;
    for (struct dirent *entry; good && (entry = readdir(names)) != NULL;) {
        int n = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && n > 0 && (size_t)n < sizeof path && cli_is_checkpoint(path))
            good = each(user, entry->d_name);
    }
    closedir(names);
    return good ? NULL : "no memory for the names in it";
}
