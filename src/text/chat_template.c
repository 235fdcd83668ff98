/* SPDX-License-Identifier: MIT */
/* Finds the chat template of a checkpoint in the places where releases put it. One that is
 * missing or cannot be read ends nothing: only a chat needs it. */
#include "text/chat_template.h"

#include <string.h>

#include "os/os.h"
#include "os/place.h"
#include "text/tokenizer_json.h"

#define FILE_BYTES_MAX (4u << 20) /* published templates have up to 20 KB */
#define DEFAULT "default"

static dsvk_status keep(struct dv_tokenizer *tokenizer, const char *text, size_t bytes)
{
    char *copy = dv_arena_alloc(&tokenizer->arena, bytes + 1, 1);
    if (!copy)
        return dv_fail(tokenizer->ctx, DSVK_NO_MEMORY,
                       "tokenizer: no room for a chat template of %zu bytes", bytes);
    memcpy(copy, text, bytes);
    tokenizer->template = copy;
    return DSVK_OK;
}

/* NULL: none of them is meant before the others. */
static const json_t *choose(const json_t *value)
{
    const json_t *entry;
    size_t        i;
    if (json_is_object(value)) {
        const json_t *named = json_object_get(value, DEFAULT);
        void         *only  = json_object_iter((json_t *)value);
        return named || json_object_size(value) != 1 ? named : json_object_iter_value(only);
    }
    json_array_foreach(value, i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "name"));
        if (json_array_size(value) == 1 || (name && strcmp(name, DEFAULT) == 0))
            return json_object_get(entry, "template");
    }
    return json_is_array(value) ? NULL : value;
}

dsvk_status dv_chat_template_take(struct dv_tokenizer *tokenizer, const json_t *value)
{
    bool several = json_object_size(value) > 0 || json_array_size(value) > 0;
    if (json_is_object(value) || json_is_array(value))
        value = choose(value);
    if (json_is_string(value) && json_string_length(value))
        return keep(tokenizer, json_string_value(value), json_string_length(value));
    if (several)
        tokenizer->template = "";
    return DSVK_OK;
}

static dsvk_status take_json(struct dv_tokenizer *tokenizer, const struct dv_context *ctx,
                             const struct dv_text *text)
{
    dsvk_status status;
    json_t     *root;
    TRY(dv_tokenizer_load_json(&root, ctx, text));
    status = dv_chat_template_take(tokenizer, dv_json_member(root, "chat_template"));
    json_decref(root);
    return status;
}

/* A file that is not there or empty says nothing. */
static dsvk_status read_template(struct dv_tokenizer *tokenizer, const struct dv_context *ctx,
                                 const char *path)
{
    dsvk_status status;
    char       *text;
    size_t      bytes, length = strlen(path);
    if (!dv_place_taken(path))
        return DSVK_OK;
    TRY(dv_file_read(&text, &bytes, ctx, path, FILE_BYTES_MAX));
    if (bytes > 0)
        status = strcmp(path + length - strlen("json"), "json") == 0
                     ? take_json(tokenizer, ctx, &(struct dv_text){ path, text, bytes })
                     : keep(tokenizer, text, bytes);
    dv_free(ctx, text);
    return status;
}

/* One that cannot be read is a template that is not known: it is needed for chats alone. */
static dsvk_status try_file(struct dv_tokenizer *tokenizer, const char *folder, const char *name)
{
    dsvk_status       status;
    char             *path;
    struct dv_capture capture;
    TRY(dv_tokenizer_path(&path, tokenizer->ctx, folder, name));
    dv_capture(&capture, tokenizer->ctx);
    status = read_template(tokenizer, &capture.ctx, path);
    dv_free(tokenizer->ctx, path);
    if (status == DSVK_OK)
        return DSVK_OK;
    if (status == DSVK_NO_MEMORY)
        return capture.line[0] ? dv_fail(tokenizer->ctx, status, "%s", capture.line) : status;
    dv_log(tokenizer->ctx, DSVK_LOG_WARN, "%s", capture.line);
    tokenizer->template = "";
    return DSVK_OK;
}

dsvk_status dv_chat_template_find(struct dv_tokenizer *tokenizer, const char *folder)
{
    dsvk_status status;
    TRY(try_file(tokenizer, folder, "chat_template.jinja"));
    if (!tokenizer->template)
        TRY(try_file(tokenizer, folder, "chat_template.json"));
    if (!tokenizer->template)
        TRY(try_file(tokenizer, folder, "additional_chat_templates/default.jinja"));
    return DSVK_OK;
}
