/* SPDX-License-Identifier: MIT */
/* Opening a checkpoint folder: which files belong to it, and what is in them. Nothing here reads
 * tensor data; matrix.c looks at what the engine needs of it. */
#include "file/checkpoint.h"

#include <string.h>

#include "base/arena.h"
#include "base/os.h"
#include "file/json.h"
#include "file/safetensors.h"

#define MAX_SHARDS 4096u /* the largest release so far has 163 */
#define MAX_INDEX_BYTES 100000000u

struct dv_checkpoint {
    const struct dv_context *ctx;
    struct dv_arena          arena; /* names */
    char                    *folder;
    struct dv_config         config;
    uint32_t                 n_shards, n_open;
    char                   **shards; /* file names, in order */
    struct dv_file_map      *maps;   /* the first n_open are open */
    struct dv_file          *files;  /* the same ones, for reading at places */
    struct dv_tensor_list    list;
    uint64_t                 bytes;
};

static dsvk_status no_memory(const struct dv_checkpoint *c, const char *what)
{
    return dv_fail(c->ctx, DSVK_NO_MEMORY, "checkpoint: %s: no memory for %s", c->folder, what);
}

static char *path_of(struct dv_checkpoint *c, const char *name)
{
    return dv_arena_printf(&c->arena, "%s/%s", c->folder, name);
}

/* Adds a shard name in its place among the sorted ones, once. */
static dsvk_status add_shard(struct dv_checkpoint *c, const char *name)
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
        return no_memory(c, "file names");
    c->shards = shards;
    memmove(shards + low + 1, shards + low, (c->n_shards - low) * sizeof *shards);
    shards[low] = copy;
    c->n_shards++;
    return DSVK_OK;
}

/* A name of a file in the folder itself, which an index from elsewhere may not leave. */
static bool is_plain_name(const char *name)
{
    return *name && !strchr(name, '/') && !strchr(name, '\\') && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static dsvk_status list_index(struct dv_checkpoint *c, const char *path, json_t *map)
{
    dsvk_status status;
    const char *tensor;
    json_t     *file;
    if (!json_is_object(map) || json_object_size(map) == 0)
        return dv_fail(c->ctx, DSVK_BAD_FILE, "checkpoint: %s: no weight_map with tensors", path);
    json_object_foreach(map, tensor, file)
    {
        const char *name = json_string_value(file);
        if (!name || !is_plain_name(name))
            return dv_fail(c->ctx, DSVK_BAD_FILE,
                           "checkpoint: %s: %s: \"%.100s\" is not the name of a file in the folder",
                           path, tensor, name ? name : "");
        TRY(add_shard(c, name));
    }
    return DSVK_OK;
}

/* From a copy of the header, so that no map is touched; then tensors are given addresses in it. */
static dsvk_status parse_shard(struct dv_checkpoint *c, const char *path, uint32_t i)
{
    const struct dv_file_map *map    = &c->maps[i];
    struct dv_file_map        copy   = { .bytes = map->bytes };
    unsigned char             first[8];
    uint64_t                  got    = dv_file_read_at(&c->files[i], first, sizeof first, 0);
    uint64_t                  bytes  = 0;
    uint32_t                  before = c->list.n;
    for (unsigned k = 0; k < sizeof first && got == sizeof first; k++)
        bytes |= (uint64_t)first[k] << 8 * k;
    /* Of a header that is longer than it may be, only its length is looked at. */
    bytes = bytes <= DV_SAFETENSORS_MAX_HEADER && bytes + 8 <= map->bytes ? bytes + 8 : got;
    unsigned char *text = dv_alloc(c->ctx, (size_t)bytes + 1);
    if (!text)
        return no_memory(c, "a header");
    dsvk_status status = DSVK_OK;
    if (dv_file_read_at(&c->files[i], text, bytes, 0) < bytes || (got < 8 && map->bytes >= 8))
        status = dv_fail(c->ctx, DSVK_BAD_FILE, "checkpoint: %s: its header cannot be read", path);
    copy.data = text;
    if (status == DSVK_OK)
        status = dv_safetensors_parse(&c->list, &c->arena, path, &copy, i);
    for (uint32_t k = before; k < c->list.n; k++) {
        struct dv_tensor_file *tensor = &c->list.tensors[k];
        tensor->data                  = map->data + ((uintptr_t)tensor->data - (uintptr_t)text);
    }
    dv_free(c->ctx, text);
    return status;
}

static dsvk_status open_shards(struct dv_checkpoint *c)
{
    dsvk_status status;
    c->maps  = dv_zalloc_array(c->ctx, c->n_shards, sizeof *c->maps);
    c->files = dv_zalloc_array(c->ctx, c->n_shards, sizeof *c->files);
    if (!c->maps || !c->files)
        return no_memory(c, "file maps");
    for (uint32_t i = 0; i < c->n_shards; i++) {
        const char *path = path_of(c, c->shards[i]);
        if (!path)
            return no_memory(c, "a path");
        TRY(dv_file_map_open(&c->maps[i], c->ctx, path));
        c->n_open++;
        TRY(dv_file_open(&c->files[i], c->ctx, path));
        TRY(parse_shard(c, path, i));
    }
    TRY(dv_tensor_list_sort(&c->list, c->ctx, c->shards));
    for (uint32_t i = 0; i < c->list.n; i++)
        c->bytes += c->list.tensors[i].bytes;
    return DSVK_OK;
}

/* Every tensor must be in the file that the index names for it. */
static dsvk_status check_index(struct dv_checkpoint *c, const char *path, json_t *map)
{
    const char *tensor;
    json_t     *file;
    json_object_foreach(map, tensor, file)
    {
        const struct dv_tensor_file *found = dv_tensor_list_find(&c->list, dv_tensor_name(tensor));
        if (!found || strcmp(c->shards[found->shard], json_string_value(file)) != 0)
            return dv_fail(c->ctx, DSVK_BAD_FILE, "checkpoint: %s: %s is not in %s", path, tensor,
                           json_string_value(file));
    }
    return DSVK_OK;
}

static dsvk_status open_index(struct dv_checkpoint *c, const char *path)
{
    dsvk_status status;
    json_t     *root;
    char       *text;
    size_t      bytes;
    TRY(dv_file_read(&text, &bytes, c->ctx, path, MAX_INDEX_BYTES));
    status = dv_json_load(&root, c->ctx, "checkpoint", path, text, bytes);
    dv_free(c->ctx, text);
    if (status != DSVK_OK)
        return status;
    json_t *map = json_object_get(root, "weight_map");
    TRY_OR(fail, list_index(c, path, map));
    TRY_OR(fail, open_shards(c));
    TRY_OR(fail, check_index(c, path, map));
fail:
    json_decref(root);
    return status;
}

static dsvk_status visit_shard(void *user, const char *name)
{
    static const char suffix[] = ".safetensors";
    size_t            length   = strlen(name);
    if (length < sizeof suffix || strcmp(name + length - (sizeof suffix - 1), suffix) != 0)
        return DSVK_OK;
    return add_shard(user, name);
}

static dsvk_status open_files(struct dv_checkpoint *c)
{
    dsvk_status status;
    const char *index  = path_of(c, "model.safetensors.index.json");
    const char *single = path_of(c, "model.safetensors");
    if (!index || !single)
        return no_memory(c, "a path");
    if (dv_file_exists(index))
        return open_index(c, index);
    if (dv_file_exists(single))
        TRY(add_shard(c, "model.safetensors"));
    else
        TRY(dv_folder_list(c->ctx, c->folder, visit_shard, c));
    if (c->n_shards == 0)
        return dv_fail(c->ctx, DSVK_BAD_FILE, "checkpoint: %s: no *.safetensors in this folder",
                       c->folder);
    return open_shards(c);
}

dsvk_status dv_checkpoint_open(struct dv_checkpoint **out, const struct dv_context *ctx,
                               const char *folder)
{
    dsvk_status           status;
    struct dv_checkpoint *c = dv_zalloc(ctx, sizeof *c);
    *out                    = NULL;
    if (!c)
        return dv_fail(ctx, DSVK_NO_MEMORY, "checkpoint: %s: no memory", folder);
    c->ctx = ctx;
    dv_arena_init(&c->arena, ctx);
    c->folder = dv_strdup(ctx, folder);
    if (!c->folder) {
        dv_free(ctx, c);
        return dv_fail(ctx, DSVK_NO_MEMORY, "checkpoint: %s: no memory for its name", folder);
    }
    TRY_OR(fail, dv_config_read(&c->config, ctx, folder));
    TRY_OR(fail, open_files(c));
    *out = c;
    return DSVK_OK;
fail:
    dv_checkpoint_close(c);
    return status;
}

void dv_checkpoint_close(struct dv_checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    const struct dv_context *ctx = checkpoint->ctx;
    for (uint32_t i = 0; i < checkpoint->n_open; i++) {
        dv_file_map_close(&checkpoint->maps[i]);
        dv_file_close(&checkpoint->files[i]);
    }
    dv_free(ctx, checkpoint->maps);
    dv_free(ctx, checkpoint->files);
    dv_free(ctx, checkpoint->shards);
    dv_free(ctx, checkpoint->list.tensors);
    dv_free(ctx, checkpoint->folder);
    dv_arena_done(&checkpoint->arena);
    dv_free(ctx, checkpoint);
}

const struct dv_config *dv_checkpoint_config(const struct dv_checkpoint *checkpoint)
{
    return &checkpoint->config;
}

const char *dv_checkpoint_folder(const struct dv_checkpoint *checkpoint)
{
    return checkpoint->folder;
}

uint64_t dv_checkpoint_bytes(const struct dv_checkpoint *checkpoint)
{
    return checkpoint->bytes;
}

uint32_t dv_checkpoint_n_shards(const struct dv_checkpoint *checkpoint)
{
    return checkpoint->n_shards;
}

uint32_t dv_checkpoint_n_tensors(const struct dv_checkpoint *checkpoint)
{
    return checkpoint->list.n;
}

const struct dv_tensor_file *dv_checkpoint_tensor(const struct dv_checkpoint *checkpoint,
                                                  uint32_t                    i)
{
    return &checkpoint->list.tensors[i];
}

const struct dv_tensor_file *dv_checkpoint_find(const struct dv_checkpoint *checkpoint,
                                                const char                 *name)
{
    return dv_tensor_list_find(&checkpoint->list, name);
}

void dv_checkpoint_locate(const struct dv_checkpoint *checkpoint, const unsigned char *data,
                          uint32_t *shard, uint64_t *offset)
{
    *shard  = 0;
    *offset = 0;
    for (uint32_t i = 0; i < checkpoint->n_open; i++) {
        const struct dv_file_map *map = &checkpoint->maps[i];
        if (map->data && (uintptr_t)data >= (uintptr_t)map->data &&
            (uintptr_t)data - (uintptr_t)map->data < map->bytes) {
            *shard  = i;
            *offset = (uint64_t)(data - map->data);
        }
    }
}

const char *dv_checkpoint_shard(const struct dv_checkpoint *checkpoint, uint32_t shard)
{
    return checkpoint->shards[shard];
}

uint64_t dv_checkpoint_read(const struct dv_checkpoint *checkpoint, void *to,
                            const unsigned char *data, uint64_t bytes)
{
    uint32_t shard;
    uint64_t offset;
    dv_checkpoint_locate(checkpoint, data, &shard, &offset);
    return dv_file_read_at(&checkpoint->files[shard], to, bytes, offset);
}

void dv_checkpoint_release(const struct dv_checkpoint *checkpoint, const unsigned char *data,
                           uint64_t bytes)
{
    uint32_t shard;
    uint64_t offset;
    dv_checkpoint_locate(checkpoint, data, &shard, &offset);
    dv_file_forget(&checkpoint->files[shard], bytes, offset);
}
