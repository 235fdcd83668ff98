/* SPDX-License-Identifier: MIT */
/* Finds the folder that a model's files lie in, and says what a folder is that holds none: one
 * level too high, another program's format, a file, a cache of downloads. It looks at names and
 * first bytes only. */
#include "file/folder.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "os/os.h"
#include "os/place.h"
#include "json/nature.h"

#define NAME_BYTES 256u

/* What a folder holds, as far as its names tell. */
struct listing {
    bool config, tokenizer, snapshots, adapter, safetensors;
    char gguf[NAME_BYTES], pickle[NAME_BYTES]; /* an example of each */
};

static void keep(char *example, const char *name)
{
    if (!*example)
        snprintf(example, NAME_BYTES, "%.250s", name);
}

static dsvk_status visit(void *user, const char *name)
{
    static const char *const pickles[] = { ".bin", ".pt", ".pth", ".ckpt" };
    struct listing          *listing   = user;
    if (*name == '.')
        return DSVK_OK;
    listing->config      = listing->config || strcmp(name, "config.json") == 0;
    listing->tokenizer   = listing->tokenizer || dv_text_begins(name, "tokenizer");
    listing->tokenizer   = listing->tokenizer || strcmp(name, "tiktoken.model") == 0;
    listing->snapshots   = listing->snapshots || strcmp(name, "snapshots") == 0;
    listing->adapter     = listing->adapter || strcmp(name, "adapter_config.json") == 0;
    listing->safetensors = listing->safetensors || dv_text_ends(name, ".safetensors");
    if (dv_text_ends(name, ".gguf"))
        keep(listing->gguf, name);
    for (size_t i = 0; i < sizeof pickles / sizeof *pickles; i++)
        if (dv_text_ends(name, pickles[i]))
            keep(listing->pickle, name);
    return DSVK_OK;
}

/* false: it is no folder that can be read; `says` why. */
static bool look(struct listing *listing, const struct dv_context *ctx, const char *folder)
{
    struct dv_capture capture;
    *listing = (struct listing){ 0 };
    dv_capture(&capture, ctx);
    return dv_folder_list(&capture.ctx, folder, visit, listing) == DSVK_OK;
}

/* ---- a file ---- */

/* OK: it is none, or nothing can be said about it. */
static dsvk_status explain_file(const struct dv_context *ctx, const char *path)
{
    unsigned char     first[DV_NATURE_BYTES];
    struct dv_capture capture;
    struct dv_file    file;
    dv_capture(&capture, ctx);
    if (dv_file_open(&file, &capture.ctx, path) != DSVK_OK)
        return DSVK_OK;
    size_t n = (size_t)dv_file_read_at(&file, first, sizeof first, 0);
    dv_file_close(&file);
    const char *nature = dv_file_nature(first, n, n);
    if (nature)
        return dv_fail(ctx, DSVK_BAD_FILE, "model: %s %s", path, nature);
    return dv_fail(ctx, DSVK_BAD_FILE,
                   "model: %s is a file: give the folder that holds config.json and the "
                   "safetensors files",
                   path);
}

/* ---- the cache of Hugging Face: refs/main names one of snapshots/ ---- */

struct snapshots {
    uint32_t n;
    char     name[NAME_BYTES]; /* the first by name, so that the sentence is always the same */
};

static dsvk_status visit_snapshot(void *user, const char *name)
{
    struct snapshots *snapshots = user;
    if (*name == '.' || strlen(name) >= NAME_BYTES)
        return DSVK_OK;
    if (snapshots->n++ == 0 || strcmp(name, snapshots->name) < 0)
        snprintf(snapshots->name, sizeof snapshots->name, "%s", name);
    return DSVK_OK;
}

/* The name in refs/main; "" where it is missing or none. */
static void read_reference(char *name, const struct dv_context *ctx, const char *folder, char *path)
{
    struct dv_capture capture;
    char             *text;
    size_t            bytes, n = 0;
    *name = 0;
    dv_capture(&capture, ctx);
    if (!dv_place_join(path, folder, "refs/main") ||
        dv_file_read(&text, &bytes, &capture.ctx, path, NAME_BYTES - 1) != DSVK_OK)
        return;
    while (n < bytes && (unsigned char)text[n] > ' ' && text[n] != '/')
        n++;
    if (n == bytes || text[n] != '/')
        snprintf(name, NAME_BYTES, "%.*s", (int)n, text);
    dv_free(ctx, text);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        *name = 0;
}

static dsvk_status find_snapshot(char **out, const struct dv_context *ctx, const char *folder,
                                 char *path)
{
    struct snapshots  snapshots = { 0 };
    struct dv_capture capture;
    char              name[NAME_BYTES];
    dv_capture(&capture, ctx);
    read_reference(name, ctx, folder, path);
    if (*name &&
        (size_t)snprintf(path, DV_PATH_BYTES, "%s/snapshots/%s", folder, name) < DV_PATH_BYTES &&
        dv_file_exists(path)) {
        *out = dv_strdup(ctx, path);
        return DSVK_OK;
    }
    if (dv_place_join(path, folder, "snapshots"))
        (void)dv_folder_list(&capture.ctx, path, visit_snapshot, &snapshots);
    if (snapshots.n == 0)
        return dv_fail(ctx, DSVK_BAD_FILE,
                       "model: %s: a folder of the Hugging Face cache without a snapshot: its "
                       "download did not finish, run it again",
                       folder);
    if (snapshots.n > 1)
        return dv_fail(ctx, DSVK_BAD_FILE,
                       "model: %s: a folder of the Hugging Face cache with %u snapshots: give one, "
                       "such as %s/snapshots/%s",
                       folder, snapshots.n, folder, snapshots.name);
    if ((size_t)snprintf(path, DV_PATH_BYTES, "%s/snapshots/%s", folder, snapshots.name) <
        DV_PATH_BYTES)
        *out = dv_strdup(ctx, path);
    return DSVK_OK;
}

/* ---- a folder ---- */

static dsvk_status explain_listing(const struct listing *listing, const struct dv_context *ctx,
                                   const char *folder, const char *lacks)
{
    if (listing->adapter)
        return dv_fail(ctx, DSVK_BAD_FILE,
                       "model: %s: holds an adapter (LoRA), not a model: merge it into its base "
                       "model and give that folder",
                       folder);
    if (*listing->gguf)
        return dv_fail(ctx, DSVK_BAD_FILE,
                       "model: %s: no %s in this folder but %s, a GGUF file, which ds-vk does not "
                       "read: it needs the original folder with safetensors files",
                       folder, lacks, listing->gguf);
    if (*listing->pickle)
        return dv_fail(ctx, DSVK_BAD_FILE,
                       "model: %s: no %s in this folder but %s, weights as a Python pickle, which "
                       "ds-vk does not read: download or convert to safetensors files",
                       folder, lacks, listing->pickle);
    return DSVK_OK;
}

dsvk_status dv_model_folder_without(const struct dv_context *ctx, const char *folder)
{
    dsvk_status    status;
    struct listing listing;
    if (look(&listing, ctx, folder))
        TRY(explain_listing(&listing, ctx, folder, "*.safetensors"));
    return dv_fail(ctx, DSVK_BAD_FILE,
                   "checkpoint: %s: no *.safetensors in this folder: the weights were not "
                   "downloaded",
                   folder);
}

static dsvk_status find_folder(char **out, const struct dv_context *ctx, const char *folder,
                               char *path)
{
    dsvk_status    status;
    struct listing listing;
    if (!look(&listing, ctx, folder))
        TRY(explain_file(ctx, folder));
    else if (!listing.config && !listing.tokenizer && listing.snapshots)
        return find_snapshot(out, ctx, folder, path);
    else if (!listing.config && (listing.adapter || !listing.tokenizer))
        TRY(explain_listing(&listing, ctx, folder, "config.json"));
    *out = dv_strdup(ctx, folder);
    return DSVK_OK;
}

dsvk_status dv_model_folder(char **out, const struct dv_context *ctx, const char *folder)
{
    char *path         = dv_alloc(ctx, DV_PATH_BYTES);
    *out               = NULL;
    dsvk_status status = path ? find_folder(out, ctx, folder, path) : DSVK_OK;
    dv_free(ctx, path);
    if (status == DSVK_OK && !*out)
        return dv_fail(ctx, DSVK_NO_MEMORY, "model: %s: no memory for its name", folder);
    return status;
}
