/* SPDX-License-Identifier: MIT */
/* From a folder's files, or texts in memory, to a tokenizer. */
#include <stdio.h>
#include <string.h>

#include "os/os.h"
#include "os/place.h"
#include "text/chat_template.h"
#include "text/tiktoken.h"

#define FILE_BYTES_MAX (64u << 20)
#define JSON_FILE "tokenizer.json"
#define TIKTOKEN_FILE "tiktoken.model"

static dsvk_status make(struct dv_tokenizer **out, const struct dv_context *ctx, const char *where)
{
    struct dv_tokenizer *tokenizer = dv_zalloc(ctx, sizeof *tokenizer);
    *out                           = tokenizer;
    if (!tokenizer)
        return dv_fail(ctx, DSVK_NO_MEMORY, "tokenizer: %s: no room for it", where);
    tokenizer->ctx = ctx;
    dv_arena_init(&tokenizer->arena, ctx);
    return DSVK_OK;
}

void dv_tokenizer_free(struct dv_tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    dv_pretoken_free(tokenizer->pretoken);
    dv_arena_done(&tokenizer->arena);
    dv_free(tokenizer->ctx, tokenizer);
}

dsvk_status dv_tokenizer_parse(struct dv_tokenizer **out, const struct dv_context *ctx,
                               const struct dv_text *words, const struct dv_text *config)
{
    dsvk_status          status;
    struct dv_tokenizer *tokenizer;
    *out = NULL;
    TRY(make(&tokenizer, ctx, words->where));
    TRY_OR(fail, dv_tokenizer_read(tokenizer, words));
    TRY_OR(fail, dv_tokenizer_read_config(tokenizer, config));
    *out = tokenizer;
    return DSVK_OK;
fail:
    dv_tokenizer_free(tokenizer);
    return status;
}

dsvk_status dv_tokenizer_parse_tiktoken(struct dv_tokenizer **out, const struct dv_context *ctx,
                                        const struct dv_text *words, const struct dv_text *config)
{
    dsvk_status          status;
    struct dv_tokenizer *tokenizer;
    *out = NULL;
    TRY(make(&tokenizer, ctx, words->where));
    TRY_OR(fail, dv_tiktoken_read(tokenizer, words, config));
    TRY_OR(fail, dv_tokenizer_read_config(tokenizer, config));
    *out = tokenizer;
    return DSVK_OK;
fail:
    dv_tokenizer_free(tokenizer);
    return status;
}

dsvk_status dv_tokenizer_path(char **path, const struct dv_context *ctx, const char *folder,
                              const char *name)
{
    size_t bytes = strlen(folder) + strlen(name) + 2;
    *path        = dv_alloc(ctx, bytes);
    if (!*path)
        return dv_fail(ctx, DSVK_NO_MEMORY, "tokenizer: no room for a file name");
    snprintf(*path, bytes, "%s/%s", folder, name);
    return DSVK_OK;
}

/* Also one that leads nowhere or may not be read: without it the ids would be others. */
static bool has_file(const char *folder, const char *name)
{
    char path[DV_PATH_BYTES];
    return dv_place_join(path, folder, name) && dv_place_taken(path);
}

bool dv_tokenizer_exists(const char *folder)
{
    return has_file(folder, JSON_FILE) || has_file(folder, TIKTOKEN_FILE);
}

/* A file of the folder. */
struct file {
    char  *path, *data;
    size_t bytes;
};

static dsvk_status read_file(struct file *file, const struct dv_context *ctx, const char *folder,
                             const char *name, bool needed)
{
    dsvk_status status;
    TRY(dv_tokenizer_path(&file->path, ctx, folder, name));
    if (needed || dv_place_taken(file->path))
        TRY(dv_file_read(&file->data, &file->bytes, ctx, file->path, FILE_BYTES_MAX));
    return DSVK_OK;
}

static void free_file(const struct dv_context *ctx, struct file *file)
{
    dv_free(ctx, file->data);
    dv_free(ctx, file->path);
}

static struct dv_text text_of(const struct file *file)
{
    return (struct dv_text){ file->path, file->data, file->bytes };
}

static dsvk_status read_files(struct dv_tokenizer *tokenizer, struct file *words,
                              struct file *config, const char *folder)
{
    dsvk_status status;
    bool        tiktoken = !has_file(folder, JSON_FILE) && has_file(folder, TIKTOKEN_FILE);
    TRY(read_file(words, tokenizer->ctx, folder, tiktoken ? TIKTOKEN_FILE : JSON_FILE, true));
    TRY(read_file(config, tokenizer->ctx, folder, "tokenizer_config.json", false));
    struct dv_text words_text = text_of(words), config_text = text_of(config);
    if (tiktoken)
        TRY(dv_tiktoken_read(tokenizer, &words_text, &config_text));
    else
        TRY(dv_tokenizer_read(tokenizer, &words_text));
    TRY(dv_tokenizer_read_config(tokenizer, &config_text));
    return dv_chat_template_find(tokenizer, folder);
}

static dsvk_status read_folder(struct dv_tokenizer *tokenizer, const char *folder)
{
    struct file words = { 0 }, config = { 0 };
    dsvk_status status = read_files(tokenizer, &words, &config, folder);
    free_file(tokenizer->ctx, &words);
    free_file(tokenizer->ctx, &config);
    return status;
}

dsvk_status dv_tokenizer_open(struct dv_tokenizer **out, const struct dv_context *ctx,
                              const char *folder)
{
    dsvk_status          status;
    struct dv_tokenizer *tokenizer;
    *out = NULL;
    TRY(make(&tokenizer, ctx, folder));
    status = read_folder(tokenizer, folder);
    if (status == DSVK_OK)
        *out = tokenizer;
    else
        dv_tokenizer_free(tokenizer);
    return status;
}
