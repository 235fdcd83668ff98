/* SPDX-License-Identifier: MIT */
/* The checkpoints in a folder. */
#include "models.h"

#include "../cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct search {
    const char *folder;
    bool (*each)(void *user, const char *name);
    void *user;
    bool  good;
};

static bool look(void *user, const char *name)
{
    struct search *search = user;
    char           path[4096];
    int            n = snprintf(path, sizeof path, "%s/%s", search->folder, name);
    if (name[0] != '.' && n > 0 && (size_t)n < sizeof path && cli_is_checkpoint(path))
        search->good = search->each(search->user, name);
    return search->good;
}

const char *folders_each(const char *folder, bool (*each)(void *user, const char *name), void *user)
{
    struct search search = { folder, each, user, true };
    if (!host_each(folder, look, &search))
        return strerror(errno);
    return search.good ? NULL : "no memory for the names in it";
}
