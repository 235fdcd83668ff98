/* SPDX-License-Identifier: MIT */
/* A file that is written once, from its beginning to its end. The first failure stays: later writes
 * do nothing, and dv_output_close() says what it was. One thread at a time. */
#ifndef DV_OS_OUTPUT_H
#define DV_OS_OUTPUT_H

#include "base/context.h"
#include "os/place.h"

struct dv_output {
    const struct dv_context *ctx;
    const char              *module; /* begins the sentence of a failure */
    char                     path[DV_PATH_BYTES];
    intptr_t                 descriptor; /* the system's; -1: none */
    int                      error;      /* the system's number of the first failure; 0: none */
};

/* Makes the file, or empties one that is there. BAD_FILE where it cannot. */
dsvk_status dv_output_create(struct dv_output *output, const struct dv_context *ctx,
                             const char *module, const char *folder, const char *name);
/* Makes a new file in the folder of `path`, under another name, for its owner alone. */
dsvk_status dv_output_create_beside(struct dv_output *output, const struct dv_context *ctx,
                                    const char *module, const char *path);
void        dv_output_write(struct dv_output *output, const void *data, uint64_t bytes);
/* Ends it, with its bytes on the disk. BAD_FILE, with one sentence, when anything failed. */
dsvk_status dv_output_close(struct dv_output *output);
/* Ends one that was made beside `path` and puts it in its place, which is on the disk then, too:
 * whatever happens, there is the old file or the new one. BAD_FILE, and it is gone. */
dsvk_status dv_output_put(struct dv_output *output, const char *path);
/* Ends it without a word, for one that has failed for another reason. The file stays. */
void dv_output_drop(struct dv_output *output);

#endif
