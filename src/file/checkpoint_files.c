/* SPDX-License-Identifier: MIT */
/* Which files of a folder hold its tensors. */
#include <string.h>

#include "os/place.h"
#include "file/checkpoint_parts.h"
#include "file/folder.h"

#define MAX_SHARDS 4096u /* the largest release so far has 163 */
#define SINGLE "model.safetensors"

dsvk_status dv_checkpoint_add_shard(struct dv_checkpoint *c, const char *name)
{
    uint32_t low = 0, high = c->n_shards;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int      order  = strcmp(c->shards[middle], name);
        if (order == 0)
            return DSVK_OK;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (c->n_shards == MAX_SHARDS)
        return dv_fail(c->ctx, DSVK_BAD_FILE, "checkpoint: %s: more than %u files", c->folder,
                       MAX_SHARDS);
    char  *copy   = dv_arena_printf(&c->arena, "%s", name);
    char **shards = copy ? dv_realloc(c->ctx, c->shards, (c->n_shards + 1) * sizeof *shards) : NULL;
    if (!shards)
        return dv_checkpoint_no_memory(c, "file names");
    c->shards = shards;
    memmove(shards + low + 1, shards + low, (c->n_shards - low) * sizeof *shards);
    shards[low] = copy;
    c->n_shards++;
    return DSVK_OK;
}

/* Hidden files are notes of file managers about others, and parts of downloads. */
static dsvk_status visit_shard(void *user, const char *name)
{
    static const char suffix[] = ".safetensors";
    size_t            length   = strlen(name);
    if (*name == '.' || length < sizeof suffix ||
        strcmp(name + length - (sizeof suffix - 1), suffix) != 0)
        return DSVK_OK;
    return dv_checkpoint_add_shard(user, name);
}

/* Whether one of the files that the index names is there. */
static dsvk_status count_present(struct dv_checkpoint *c, uint32_t *n)
{
    *n = 0;
    for (uint32_t i = 0; i < c->n_shards; i++) {
        const char *path = dv_checkpoint_path(c, c->shards[i]);
        if (!path)
            return dv_checkpoint_no_memory(c, "a path");
        *n += dv_file_exists(path);
    }
    return DSVK_OK;
}

/* An index that was left behind by a release in parts, beside the one file that they became. */
static dsvk_status leave_index(struct dv_checkpoint *c, json_t **index, const char *path,
                               const char *single)
{
    dsvk_status status;
    uint32_t    n;
    TRY(count_present(c, &n));
    if (n > 0 || !dv_file_exists(single))
        return DSVK_OK;
    dv_log(c->ctx, DSVK_LOG_WARN, "checkpoint: %s names files that are not there: %s is read", path,
           single);
    json_decref(*index);
    *index           = NULL;
    c->n_shards      = 0;
    c->list.faults.n = 0;
    return dv_checkpoint_add_shard(c, SINGLE);
}

dsvk_status dv_checkpoint_list_files(struct dv_checkpoint *c, json_t **index)
{
    dsvk_status status;
    const char *path   = dv_checkpoint_path(c, DV_INDEX_NAME);
    const char *single = dv_checkpoint_path(c, SINGLE);
    *index             = NULL;
    if (!path || !single)
        return dv_checkpoint_no_memory(c, "a path");
    if (dv_place_taken(path)) {
        TRY(dv_checkpoint_read_index(c, path, index));
        return leave_index(c, index, path, single);
    }
    if (dv_file_exists(single))
        return dv_checkpoint_add_shard(c, SINGLE);
    TRY(dv_folder_list(c->ctx, c->folder, visit_shard, c));
    return c->n_shards ? DSVK_OK : dv_model_folder_without(c->ctx, c->folder);
}
