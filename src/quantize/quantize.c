/* SPDX-License-Identifier: MIT */
#include "quantize/quantize.h"

#include <errno.h>
#include <string.h>

#include "os/os.h"
#include "os/place.h"

dsvk_status dv_quantize_open(FILE **file, const struct dv_quantizing *q, const char *name)
{
    char path[4096];
    *file = NULL;
    errno = ENAMETOOLONG;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", q->folder, name) < sizeof path)
        *file = fopen(path, "wb");
    if (!*file)
        return dv_fail(q->ctx, DSVK_BAD_FILE, "quantize: %s/%s: %s", q->folder, name,
                       strerror(errno));
    return DSVK_OK;
}

dsvk_status dv_quantize_close(FILE *file, const struct dv_quantizing *q, const char *name)
{
    bool bad = ferror(file) != 0;
    bad      = fclose(file) != 0 || bad;
    if (!bad)
        return DSVK_OK;
    return dv_fail(q->ctx, DSVK_BAD_FILE, "quantize: %s/%s: %s", q->folder, name,
                   errno ? strerror(errno) : "cannot be written");
}

dsvk_status dv_quantize_json(const struct dv_quantizing *q, const char *name, const json_t *root)
{
    dsvk_status status;
    FILE       *file;
    TRY(dv_quantize_open(&file, q, name));
    bool whole = json_dumpf(root, file, JSON_INDENT(2)) == 0;
    TRY(dv_quantize_close(file, q, name));
    if (!whole)
        return dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: %s/%s: no memory to write it", q->folder,
                       name);
    return DSVK_OK;
}

static dsvk_status remove_file(void *user, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", ((struct dv_quantizing *)user)->folder, name);
    if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
        dv_file_remove(path);
    return DSVK_OK;
}

static dsvk_status prepare(struct dv_quantizing *q, const char *folder)
{
    dsvk_status status;
    uint64_t    free;
    TRY(dv_quantize_place(q, folder));
    TRY(dv_quantize_list_small(q));
    TRY(dv_model_roles(&q->roles, q->ctx, dv_checkpoint_config(q->checkpoint)));
    TRY(dv_quantize_plan(q));
    TRY(dv_quantize_config(q));
    return dv_place_free(&free, q->parent) ? dv_quantize_room(q, free) : DSVK_OK;
}

/* What is small first: it says soonest whether anything is wrong with the place. */
static dsvk_status write_all(struct dv_quantizing *q)
{
    dsvk_status status;
    TRY(dv_quantize_copy_small(q));
    TRY(dv_quantize_json(q, "config.json", q->config));
    return dv_quantize_shards(q);
}

dsvk_status dv_quantize(const struct dv_context *ctx, const struct dv_checkpoint *checkpoint,
                        dsvk_weights formats, const char *folder, const dsvk_progress *progress)
{
    dsvk_status status;
    bool        made = false;

    struct dv_quantizing q = {
        .ctx = ctx, .checkpoint = checkpoint, .formats = formats, .progress = progress
    };
    dv_arena_init(&q.arena, ctx);
    TRY_OR(fail, prepare(&q, folder));
    TRY_OR(fail, dv_folder_make(ctx, q.folder, false));
    made = true;
    TRY_OR(fail, write_all(&q));
    made = false; /* whole: too dear to be thrown away for its name */
    if (dv_place_taken(q.target) || rename(q.folder, q.target) != 0)
        TRY_OR(fail, dv_fail(ctx, DSVK_BAD_FILE,
                             "quantize: %s: cannot get its name (%s), and is whole in %s", q.target,
                             dv_place_taken(q.target) ? "something has it now" : strerror(errno),
                             q.folder));
fail:
    if (made) {
        dv_folder_list(ctx, q.folder, remove_file, &q);
        remove(q.folder);
    }
    json_decref(q.config);
    dv_free(ctx, q.tensors);
    dv_graph_free(q.roles);
    dv_arena_done(&q.arena);
    return status;
}
