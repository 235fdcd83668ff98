/* SPDX-License-Identifier: MIT */
/* Writes a converted checkpoint from beginning to end: checks first, then small files, then
 * shards. A folder that could not be finished is taken away again. */
#include "quantize/quantize.h"

#include <string.h>

#include "os/os.h"
#include "os/output.h"

char *dv_quantize_dump(size_t *bytes, const struct dv_quantizing *q, const json_t *root,
                       size_t flags)
{
    *bytes     = json_dumpb(root, NULL, 0, flags);
    char *text = dv_alloc(q->ctx, *bytes);
    if (text && json_dumpb(root, text, *bytes, flags) == *bytes)
        return text;
    dv_free(q->ctx, text); /* jansson remembers the places above each, and found no memory */
    return NULL;
}

dsvk_status dv_quantize_write(const struct dv_quantizing *q, const char *name, const void *data,
                              size_t bytes)
{
    dsvk_status      status;
    struct dv_output output;
    TRY(dv_output_create(&output, q->ctx, "quantize", q->folder, name));
    dv_output_write(&output, data, bytes);
    return dv_output_close(&output);
}

dsvk_status dv_quantize_json(const struct dv_quantizing *q, const char *name, const json_t *root)
{
    size_t bytes;
    char  *text = dv_quantize_dump(&bytes, q, root, JSON_INDENT(2));
    if (!text)
        return dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: %s/%s: no memory to write it", q->folder,
                       name);
    dsvk_status status = dv_quantize_write(q, name, text, bytes);
    dv_free(q->ctx, text);
    return status;
}

static dsvk_status remove_file(void *user, const char *name)
{
    char path[DV_PATH_BYTES];
    bool other = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    if (!other && dv_place_join(path, ((struct dv_quantizing *)user)->folder, name))
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
                        const struct dv_conversion *to, const char *folder,
                        const dsvk_progress *progress)
{
    dsvk_status status;
    const char *why  = NULL;
    bool        made = false;

    struct dv_quantizing q = {
        .ctx = ctx, .checkpoint = checkpoint, .to = *to, .progress = progress
    };
    dv_arena_init(&q.arena, ctx);
    TRY_OR(fail, prepare(&q, folder));
    TRY_OR(fail, dv_folder_make(ctx, q.folder, false));
    made = true;
    TRY_OR(fail, write_all(&q));
    made = false; /* whole: too dear to be thrown away for its name */
    if (dv_place_taken(q.target))
        why = "something has it now";
    else
        (void)dv_file_move(&why, q.folder, q.target);
    if (why)
        status = dv_fail(ctx, DSVK_BAD_FILE,
                         "quantize: %s: cannot get its name (%s), and is whole in %s", q.target,
                         why, q.folder);
fail:
    if (made) {
        dv_folder_list(ctx, q.folder, remove_file, &q);
        dv_folder_remove_empty(q.folder);
    }
    json_decref(q.config);
    dv_free(ctx, q.tensors);
    dv_graph_free(q.roles);
    dv_arena_done(&q.arena);
    return status;
}
