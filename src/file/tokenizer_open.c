/* SPDX-License-Identifier: MIT */
/* From a folder's files, or texts in memory, to a tokenizer. */
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "file/chat_template.h"
#include "file/tokenizer_parts.h"

#define FILE_BYTES_MAX (64u << 20)

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
                               const char *where, const char *json, size_t bytes,
                               const char *config_json, size_t config_bytes)
{
    dsvk_status          status;
    struct dv_tokenizer *tokenizer;
    *out = NULL;
    TRY(make(&tokenizer, ctx, where));
    TRY_OR(fail, dv_tokenizer_read(tokenizer, where, json, bytes));
    TRY_OR(fail, dv_tokenizer_read_config(tokenizer, where, config_json, config_bytes));
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

bool dv_tokenizer_exists(const char *folder)
{
    char path[4096];
    int  n = snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    return n > 0 && (size_t)n < sizeof path && dv_file_exists(path);
}

static dsvk_status read_json(struct dv_tokenizer *tokenizer, const char *folder)
{
    dsvk_status status;
    char       *path, *text = NULL;
    size_t      bytes;
    TRY(dv_tokenizer_path(&path, tokenizer->ctx, folder, "tokenizer.json"));
    TRY_OR(fail, dv_file_read(&text, &bytes, tokenizer->ctx, path, FILE_BYTES_MAX));
    status = dv_tokenizer_read(tokenizer, path, text, bytes);
fail: /* or done */
    dv_free(tokenizer->ctx, text);
    dv_free(tokenizer->ctx, path);
    return status;
}

static dsvk_status read_config(struct dv_tokenizer *tokenizer, const char *folder)
{
    dsvk_status status;
    char       *path, *text = NULL;
    size_t      bytes = 0;
    TRY(dv_tokenizer_path(&path, tokenizer->ctx, folder, "tokenizer_config.json"));
    if (dv_file_exists(path))
        TRY_OR(fail, dv_file_read(&text, &bytes, tokenizer->ctx, path, FILE_BYTES_MAX));
    status = dv_tokenizer_read_config(tokenizer, path, text, bytes);
fail: /* or done */
    dv_free(tokenizer->ctx, text);
    dv_free(tokenizer->ctx, path);
    return status;
}

dsvk_status dv_tokenizer_open(struct dv_tokenizer **out, const struct dv_context *ctx,
                              const char *folder)
{
    dsvk_status          status;
    struct dv_tokenizer *tokenizer;
    *out = NULL;
    TRY(make(&tokenizer, ctx, folder));
    TRY_OR(fail, read_json(tokenizer, folder));
    TRY_OR(fail, read_config(tokenizer, folder));
    TRY_OR(fail, dv_chat_template_find(tokenizer, folder));
    *out = tokenizer;
    return DSVK_OK;
fail:
    dv_tokenizer_free(tokenizer);
    return status;
}
