/* SPDX-License-Identifier: MIT */
/* Where a converted checkpoint goes, and the small files that go with it. */
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "base/text.h"
#include "os/os.h"
#include "os/place.h"
#include "quantize/quantize.h"

#define SMALL_FILE_BYTES 200000000u

/* ---- the place ---- */

/* Whether `path` is `folder` or below it, both real. */
static bool is_inside(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    if (length > 0 && folder[length - 1] == '/')
        length--; /* the root */
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* The names: without slashes at the end, which would put the partial folder inside the target. */
static dsvk_status name_places(struct dv_quantizing *q, const char *folder)
{
    size_t length = dv_place_length(folder), parent = dv_place_parent(folder, length);
    if (length == 0)
        return dv_fail(q->ctx, DSVK_BAD_ARGUMENT, "quantize: no folder to write");
    q->target = dv_arena_printf(&q->arena, "%.*s", (int)length, folder);
    q->folder = dv_arena_printf(&q->arena, "%.*s.partial", (int)length, folder);
    q->parent = parent == 0 ? "." : dv_arena_printf(&q->arena, "%.*s", (int)parent, folder);
    if (!q->target || !q->folder || !q->parent)
        return dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: no memory for a name");
    if (length > DV_PATH_BYTES - 256)
        return dv_fail(q->ctx, DSVK_BAD_FILE, "quantize: %s: a name of %zu bytes is too long",
                       q->target, length);
    return DSVK_OK;
}

dsvk_status dv_quantize_place(struct dv_quantizing *q, const char *folder)
{
    dsvk_status status;
    char        in[DV_PATH_BYTES], out[DV_PATH_BYTES];
    const char *source = dv_checkpoint_folder(q->checkpoint);
    TRY(name_places(q, folder));
    if (dv_place_taken(q->target))
        return dv_fail(q->ctx, DSVK_BAD_FILE, "quantize: %s is there already", q->target);
    if (dv_place_kind(q->parent, NULL) != DV_PLACE_FOLDER)
        return dv_fail(q->ctx, DSVK_BAD_FILE, "quantize: %s: there is no folder %s to put it in",
                       q->target, q->parent);
    if (dv_place_real(in, sizeof in, source) && dv_place_real(out, sizeof out, q->parent) &&
        is_inside(out, in))
        return dv_fail(q->ctx, DSVK_BAD_FILE,
                       "quantize: %s would lie inside %s, the folder that is read", q->target,
                       source);
    if (dv_place_taken(q->folder))
        return dv_fail(q->ctx, DSVK_BAD_FILE,
                       "quantize: %s is there already: left by a run that was ended, or in use by "
                       "one; remove it if no other runs",
                       q->folder);
    if (!dv_place_writable(q->parent))
        return dv_fail(q->ctx, DSVK_BAD_FILE, "quantize: %s: nothing may be written to %s",
                       q->target, q->parent);
    return DSVK_OK;
}

dsvk_status dv_quantize_room(const struct dv_quantizing *q, uint64_t free)
{
    uint64_t headers = (uint64_t)q->n * 256; /* names, shapes, and the index */
    uint64_t all     = q->bytes + q->small_bytes + headers;
    char     need[DV_SIZE_BYTES], there[DV_SIZE_BYTES];
    if (all <= free)
        return DSVK_OK;
    return dv_fail(q->ctx, DSVK_BAD_FILE,
                   "quantize: %s takes %s GiB (%llu bytes), and %s GiB (%llu bytes) are free "
                   "in %s",
                   q->target, dv_text_fixed(need, dv_gib(all), 2), (unsigned long long)all,
                   dv_text_fixed(there, dv_gib(free), 2), (unsigned long long)free, q->parent);
}

/* ---- small files ---- */

/* Tokenizer, templates, code, licence and the like: what is beside the tensors, by its ending. */
static bool is_wanted(const char *name)
{
    static const char *const ends[] = { ".json",  ".txt", ".model", ".tiktoken",
                                        ".jinja", ".md",  ".py",    "LICENSE" };
    if (name[0] == '.' || strcmp(name, "config.json") == 0 || dv_text_ends(name, ".index.json"))
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (dv_text_ends(name, ends[i]))
            return true;
    return false;
}

/* NULL: it can be copied. The model runs without any of these, or it would not be open. */
static const char *why_not(const char *path, uint64_t *bytes)
{
    *bytes                  = 0;
    enum dv_place_kind kind = dv_place_kind(path, bytes);
    if (kind == DV_PLACE_NONE)
        return "a link that leads nowhere";
    if (kind != DV_PLACE_FILE)
        return "not a file";
    if (*bytes > SMALL_FILE_BYTES)
        return "too large for a small file";
    return dv_file_exists(path) ? NULL : "may not be read";
}

static dsvk_status list_one(void *user, const char *name)
{
    struct dv_quantizing *q = user;
    char                  path[DV_PATH_BYTES];
    uint64_t              bytes;
    if (!is_wanted(name))
        return DSVK_OK;
    const char *folder = dv_checkpoint_folder(q->checkpoint);
    bool        fits   = dv_place_join(path, folder, name);
    const char *why    = fits ? why_not(path, &bytes) : "its name is too long";
    if (why) {
        dv_log(q->ctx, DSVK_LOG_WARN, "quantize: %s/%s is not copied: %s", folder, name, why);
        return DSVK_OK;
    }
    struct dv_small_file *file = dv_arena_alloc(&q->arena, 1, sizeof *file);
    if (file)
        *file = (struct dv_small_file){ dv_arena_printf(&q->arena, "%s", name), q->small };
    if (!file || !file->name)
        return dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: no memory for the name %s", name);
    q->small = file;
    q->small_bytes += bytes;
    return DSVK_OK;
}

/* Of the tensors that this program cannot read another might need some. */
static void warn_of_faults(const struct dv_quantizing *q)
{
    const char *says;
    uint32_t    n = dv_checkpoint_n_faults(q->checkpoint, &says);
    if (n > 0)
        dv_log(q->ctx, DSVK_LOG_WARN,
               "quantize: %u tensors or entries are not copied, as they are not understood: %s", n,
               says);
}

dsvk_status dv_quantize_list_small(struct dv_quantizing *q)
{
    warn_of_faults(q);
    return dv_folder_list(q->ctx, dv_checkpoint_folder(q->checkpoint), list_one, q);
}

/* That it cannot be read after all is no failure; that it cannot be written is. */
static dsvk_status copy_one(struct dv_quantizing *q, const char *name)
{
    dsvk_status       status;
    struct dv_capture capture;
    char              path[DV_PATH_BYTES], *data;
    size_t            bytes;
    dv_capture(&capture, q->ctx);
    (void)dv_place_join(path, dv_checkpoint_folder(q->checkpoint), name); /* it was, when listed */
    status = dv_file_read(&data, &bytes, &capture.ctx, path, SMALL_FILE_BYTES);
    if (status == DSVK_NO_MEMORY)
        return dv_fail(q->ctx, status, "quantize: %s", capture.line);
    if (status != DSVK_OK) {
        dv_log(q->ctx, DSVK_LOG_WARN, "quantize: %s is not copied", capture.line);
        return DSVK_OK;
    }
    status = dv_quantize_write(q, name, data, bytes);
    dv_free(q->ctx, data);
    return status;
}

dsvk_status dv_quantize_copy_small(struct dv_quantizing *q)
{
    dsvk_status status;
    for (const struct dv_small_file *f = q->small; f; f = f->next)
        TRY(copy_one(q, f->name));
    return DSVK_OK;
}
