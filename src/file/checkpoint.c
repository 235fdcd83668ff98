/* SPDX-License-Identifier: MIT */
/* Opening a checkpoint folder: which files belong to it, and what is in them. Nothing here reads
 * tensor data; matrix.c looks at what the engine needs of it. */
#include "file/checkpoint.h"

#include <string.h>

#include "base/size.h"
#include "file/checkpoint_parts.h"
#include "json/nature.h"

dsvk_status dv_checkpoint_no_memory(const struct dv_checkpoint *c, const char *what)
{
    return dv_fail(c->ctx, DSVK_NO_MEMORY, "checkpoint: %s: no memory for %s", c->folder, what);
}

char *dv_checkpoint_path(struct dv_checkpoint *c, const char *name)
{
    return dv_arena_printf(&c->arena, "%s/%s", c->folder, name);
}

/* From a copy of the header, so that no map is touched; then tensors are given addresses in it.
 * `arena` carries the context that sentences go to. */
static dsvk_status parse_shard(struct dv_checkpoint *c, struct dv_arena *arena, const char *path,
                               uint32_t i)
{
    const struct dv_file_map *map  = &c->maps[i];
    struct dv_file_map        copy = { .bytes = map->bytes };
    unsigned char             first[8];
    uint64_t                  got    = dv_file_read_at(&c->files[i], first, sizeof first, 0);
    uint64_t                  bytes  = 0;
    uint32_t                  before = c->list.n;
    for (unsigned k = 0; k < sizeof first && got == sizeof first; k++)
        bytes |= (uint64_t)first[k] << 8 * k;
    /* Of a header that is longer than it may be, only what the file is instead is looked at. */
    bytes = bytes <= DV_SAFETENSORS_MAX_HEADER && bytes + 8 <= map->bytes ? bytes + 8 : 0;
    if (bytes < DV_NATURE_BYTES)
        bytes = dv_min(map->bytes, DV_NATURE_BYTES);
    unsigned char *text = dv_alloc(c->ctx, (size_t)bytes + 1);
    if (!text)
        return dv_fail(arena->ctx, DSVK_NO_MEMORY, "checkpoint: %s: no memory for its header",
                       path);
    dsvk_status status = DSVK_OK;
    if (dv_file_read_at(&c->files[i], text, bytes, 0) < bytes)
        status =
            dv_fail(arena->ctx, DSVK_BAD_FILE, "checkpoint: %s: its header cannot be read", path);
    copy.data = text;
    if (status == DSVK_OK)
        status = dv_safetensors_parse(&c->list, arena, path, &copy, i);
    for (uint32_t k = before; k < c->list.n; k++) {
        struct dv_tensor_file *tensor = &c->list.tensors[k];
        tensor->data                  = map->data + ((uintptr_t)tensor->data - (uintptr_t)text);
    }
    dv_free(c->ctx, text);
    return status;
}

/* The file after the last open one; it stays open only if all is well. */
static dsvk_status open_shard(struct dv_checkpoint *c, const struct dv_context *quiet,
                              const char *path)
{
    dsvk_status              status;
    uint32_t                 i = c->n_open, before = c->list.n;
    const struct dv_context *loud = c->arena.ctx;
    TRY(dv_file_map_open(&c->maps[i], quiet, path));
    status = dv_file_open(&c->files[i], quiet, path);
    if (status == DSVK_OK) {
        c->arena.ctx = quiet; /* blocks come from the same allocator */
        status       = parse_shard(c, &c->arena, path, i);
        c->arena.ctx = loud;
    }
    if (status == DSVK_OK) {
        c->n_open++;
        return DSVK_OK;
    }
    c->list.n = before;
    dv_file_close(&c->files[i]);
    dv_file_map_close(&c->maps[i]);
    return status;
}

/* Files that are no use become faults, all but the last: without any there is no model. */
static dsvk_status open_shards(struct dv_checkpoint *c)
{
    dsvk_status status;
    c->maps  = dv_zalloc_array(c->ctx, c->n_shards, sizeof *c->maps);
    c->files = dv_zalloc_array(c->ctx, c->n_shards, sizeof *c->files);
    if (!c->maps || !c->files)
        return dv_checkpoint_no_memory(c, "file maps");
    for (uint32_t i = 0; i < c->n_shards; i++) {
        struct dv_capture capture;
        const char       *path = dv_checkpoint_path(c, c->shards[i]);
        if (!path)
            return dv_checkpoint_no_memory(c, "a path");
        dv_capture(&capture, c->ctx);
        status = open_shard(c, &capture.ctx, path);
        if (status == DSVK_OK) {
            c->shards[c->n_open - 1] = c->shards[i];
            continue;
        }
        if (status == DSVK_NO_MEMORY)
            return dv_fail(c->ctx, status, "%s", capture.line);
        TRY(dv_faults_add(&c->bad_files, &c->arena, c->shards[i], status, capture.line));
    }
    c->n_shards = c->n_open;
    if (c->n_open == 0)
        return dv_fail(c->ctx, c->bad_files.faults[0].status, "%s", c->bad_files.faults[0].says);
    dv_faults_sort(&c->bad_files);
    return DSVK_OK;
}

static dsvk_status open_files(struct dv_checkpoint *c)
{
    dsvk_status status;
    json_t     *index = NULL;
    TRY_OR(fail, dv_checkpoint_list_files(c, &index));
    TRY_OR(fail, open_shards(c));
    TRY_OR(fail, dv_tensor_list_sort(&c->list, &c->arena, c->shards,
                                     json_object_get(index, "weight_map")));
    if (index)
        TRY_OR(fail, dv_checkpoint_check_index(c, index));
    dv_faults_sort(&c->list.faults);
    dv_faults_log(&c->bad_files, c->ctx);
    dv_faults_log(&c->list.faults, c->ctx);
    for (uint32_t i = 0; i < c->list.n; i++)
        c->bytes += c->list.tensors[i].bytes;
fail:
    json_decref(index);
    return status;
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
    dv_tensor_list_done(&checkpoint->list, ctx);
    dv_free(ctx, checkpoint->bad_files.faults);
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

const struct dv_fault *dv_checkpoint_fault(const struct dv_checkpoint *checkpoint, const char *name)
{
    const struct dv_fault *fault = dv_faults_find(&checkpoint->list.faults, name);
    return fault || checkpoint->bad_files.n == 0 ? fault : &checkpoint->bad_files.faults[0];
}

uint32_t dv_checkpoint_n_faults(const struct dv_checkpoint *checkpoint, const char **says)
{
    const struct dv_faults *bad = &checkpoint->bad_files, *list = &checkpoint->list.faults;
    *says = bad->n ? bad->faults[0].says : list->n ? list->faults[0].says : "";
    return bad->n + list->n;
}

dsvk_status dv_checkpoint_missing(const struct dv_context    *ctx,
                                  const struct dv_checkpoint *checkpoint, const char *name)
{
    const struct dv_fault *fault = dv_checkpoint_fault(checkpoint, name);
    if (fault)
        return dv_fail(ctx, fault->status, "%s", fault->says);
    return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: no tensor %s", checkpoint->folder, name);
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
