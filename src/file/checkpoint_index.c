/* SPDX-License-Identifier: MIT */
/* model.safetensors.index.json: which tensor is in which file. Published ones name tensors that are
 * not there, and files that only other models need. */
#include <string.h>

#include "file/checkpoint_parts.h"
#include "json/json.h"

#define MAX_INDEX_BYTES 100000000u

/* A name of a file in the folder itself, which an index from elsewhere may not leave. */
static bool is_plain_name(const char *name)
{
    return *name && !strchr(name, '/') && !strchr(name, '\\') && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static dsvk_status add_fault(struct dv_checkpoint *c, const char *stored, const char *says)
{
    const char *name = dv_tensor_name(&c->arena, stored);
    if (!name || !says)
        return dv_checkpoint_no_memory(c, "what is wrong");
    return dv_faults_add(&c->list.faults, &c->arena, name, DSVK_BAD_FILE, says);
}

static dsvk_status list_files(struct dv_checkpoint *c, const char *path, json_t *map)
{
    dsvk_status status;
    const char *tensor;
    json_t     *file;
    if (!json_is_object(map) || json_object_size(map) == 0)
        return dv_fail(c->ctx, DSVK_BAD_FILE, "checkpoint: %s: no weight_map with tensors", path);
    json_object_foreach(map, tensor, file)
    {
        const char *name = json_string_value(file);
        if (name && is_plain_name(name))
            TRY(dv_checkpoint_add_shard(c, name));
        else
            TRY(add_fault(c, tensor,
                          dv_arena_printf(&c->arena,
                                          "checkpoint: %s: %.200s: \"%.100s\" is not the name of a "
                                          "file in the folder",
                                          path, tensor, name ? name : "")));
    }
    if (c->n_shards == 0) /* then every entry is a fault */
        return dv_fail(c->ctx, DSVK_BAD_FILE, "%s", c->list.faults.faults[0].says);
    return DSVK_OK;
}

dsvk_status dv_checkpoint_read_index(struct dv_checkpoint *c, const char *path, json_t **root)
{
    dsvk_status status;
    char       *text;
    size_t      bytes;
    *root = NULL;
    TRY(dv_file_read(&text, &bytes, c->ctx, path, MAX_INDEX_BYTES));
    status = dv_json_load(root, c->ctx, "checkpoint", path, text, bytes);
    dv_free(c->ctx, text);
    if (status == DSVK_OK)
        status = list_files(c, path, json_object_get(*root, "weight_map"));
    return status;
}

static bool lies_in(const struct dv_checkpoint *c, const struct dv_tensor_file *tensor,
                    const char *file)
{
    return tensor && tensor->shard != DV_NO_SHARD && strcmp(c->shards[tensor->shard], file) == 0;
}

dsvk_status dv_checkpoint_check_index(struct dv_checkpoint *c, json_t *root)
{
    dsvk_status status;
    const char *path = dv_checkpoint_path(c, DV_INDEX_NAME);
    const char *tensor;
    json_t     *file;
    if (!path)
        return dv_checkpoint_no_memory(c, "a path");
    json_object_foreach(json_object_get(root, "weight_map"), tensor, file)
    {
        const char            *name = dv_tensor_name(&c->arena, tensor);
        const char            *said = json_string_value(file);
        const struct dv_fault *bad  = said ? dv_faults_find(&c->bad_files, said) : NULL;
        if (!name)
            return dv_checkpoint_no_memory(c, "a name");
        if (!said || !is_plain_name(said))
            continue; /* a fault already */
        struct dv_tensor_file *found = dv_tensor_list_seek(&c->list, name);
        if (bad)
            TRY(dv_faults_add(&c->list.faults, &c->arena, name, bad->status, bad->says));
        else if (!lies_in(c, found, said))
            TRY(add_fault(c, tensor,
                          dv_arena_printf(&c->arena, "checkpoint: %s: %.200s is not in %.100s",
                                          path, tensor, said)));
        if (found && !lies_in(c, found, said))
            found->shard = DV_NO_SHARD; /* it is elsewhere, so one of the two is not what it says */
    }
    dv_tensor_list_drop(&c->list);
    return DSVK_OK;
}
