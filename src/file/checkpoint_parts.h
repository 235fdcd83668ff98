/* SPDX-License-Identifier: MIT */
/* What the files that open a checkpoint share. */
#ifndef DV_FILE_CHECKPOINT_PARTS_H
#define DV_FILE_CHECKPOINT_PARTS_H

#include <jansson.h>

#include "base/arena.h"
#include "os/os.h"
#include "file/safetensors.h"

struct dv_checkpoint {
    const struct dv_context *ctx;
    struct dv_arena          arena; /* names */
    char                    *folder;
    struct dv_config         config;
    uint32_t                 n_shards, n_open;
    char                   **shards; /* file names, in order; once open, those that could be read */
    struct dv_file_map      *maps;   /* the first n_open are open */
    struct dv_file          *files;  /* the same ones, for reading at places */
    struct dv_tensor_list    list;
    struct dv_faults         bad_files; /* by their names */
    uint64_t                 bytes;
};

#define DV_INDEX_NAME "model.safetensors.index.json"

dsvk_status dv_checkpoint_no_memory(const struct dv_checkpoint *c, const char *what);
/* NULL: no memory. */
char *dv_checkpoint_path(struct dv_checkpoint *c, const char *name);
/* Adds a shard name in its place among the sorted ones, once. */
dsvk_status dv_checkpoint_add_shard(struct dv_checkpoint *c, const char *name);

/* Finds the files of the folder. *index: what the index says of them, which the caller ends with
 * json_decref(); NULL: there is none, or it is of no use. */
dsvk_status dv_checkpoint_list_files(struct dv_checkpoint *c, json_t **index);

/* The index at `path`: its root to *root, its files added. */
dsvk_status dv_checkpoint_read_index(struct dv_checkpoint *c, const char *path, json_t **root);
/* Every tensor must be in the file that the index names for it; another is none. */
dsvk_status dv_checkpoint_check_index(struct dv_checkpoint *c, json_t *root);

#endif
