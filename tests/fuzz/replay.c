/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target on the files of a folder, and on each beginning of them and with each byte
 * changed, as an ordinary test. Every input is copied to memory of just its size, so that the
 * address sanitizer sees a read behind its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/os.h"
#include "fuzz/fuzz.h"

#define MAX_BYTES 65536u

struct replay {
    struct dv_context ctx;
    const char       *folder;
    unsigned          n;
};

static void run(const char *data, size_t bytes, size_t changed)
{
    uint8_t *copy = malloc(bytes ? bytes : 1);
    if (!copy)
        exit(1);
    memcpy(copy, data, bytes);
    if (changed < bytes)
        copy[changed] ^= (uint8_t)(1u << changed % 8);
    LLVMFuzzerTestOneInput(copy, bytes);
    free(copy);
}

static dsvk_status visit(void *user, const char *name)
{
    dsvk_status    status;
    struct replay *replay = user;
    char           path[1024], *data;
    size_t         bytes;
    if (name[0] == '.')
        return DSVK_OK;
    snprintf(path, sizeof path, "%s/%s", replay->folder, name);
    TRY(dv_file_read(&data, &bytes, &replay->ctx, path, MAX_BYTES));
    run(data, bytes, bytes);
    for (size_t i = 0; i < bytes; i++) {
        run(data, i, i);
        run(data, bytes, i);
    }
    dv_free(&replay->ctx, data);
    replay->n++;
    return DSVK_OK;
}

int main(int argc, char **argv)
{
    struct replay replay = { .folder = argc > 1 ? argv[1] : "." };
    dv_context_init(&replay.ctx, NULL, NULL);
    if (dv_folder_list(&replay.ctx, replay.folder, visit, &replay) != DSVK_OK || replay.n == 0) {
        fprintf(stderr, "replay: %s: cannot be read, or is empty\n", replay.folder);
        return 1;
    }
    return 0;
}
