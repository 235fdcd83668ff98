/* SPDX-License-Identifier: MIT */
/* The tensors of all files of a folder, by name. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "file/safetensors.h"

static int by_name(const void *left, const void *right)
{
    const struct dv_tensor_file *a = left, *b = right;
    int                          order = strcmp(a->name, b->name);
    return order ? order : (a->shard > b->shard) - (a->shard < b->shard);
}

/* model-00002-of-00003.safetensors, as savers number the parts of a model. */
static bool is_numbered(const char *file)
{
    static const char form[] = "model-#-of-#.safetensors";
    const char       *at     = file;
    for (const char *f = form; *f; f++) {
        if (*f != '#') {
            if (*at++ != *f)
                return false;
            continue;
        }
        if (*at < '0' || *at > '9')
            return false;
        while (*at >= '0' && *at <= '9')
            at++;
    }
    return *at == 0;
}

/* The one of n with the same name that counts; n: none does. */
static uint32_t pick(const struct dv_tensor_file *tensors, uint32_t n, char *const *shards,
                     const json_t *index)
{
    uint32_t found = n, times = 0;
    for (uint32_t i = 0; i < n; i++) {
        const char *file  = shards[tensors[i].shard];
        const char *named = json_string_value(json_object_get(index, tensors[i].stored));
        if (index ? named && strcmp(named, file) == 0 : is_numbered(file)) {
            found = i;
            times++;
        }
    }
    return times == 1 ? found : n;
}

static dsvk_status settle(struct dv_tensor_list *list, struct dv_arena *arena, uint32_t first,
                          uint32_t n, char *const *shards, const json_t *index)
{
    struct dv_tensor_file *tensors = list->tensors + first;
    uint32_t               kept    = pick(tensors, n, shards, index);
    dsvk_status            status  = DSVK_OK;
    if (kept == n) {
        const char *says =
            dv_arena_printf(arena, "checkpoint: %s: is in %s and in %s", tensors[0].name,
                            shards[tensors[0].shard], shards[tensors[1].shard]);
        status = says ? dv_faults_add(&list->faults, arena, tensors[0].name, DSVK_BAD_FILE, says)
                      : dv_fail(arena->ctx, DSVK_NO_MEMORY, "checkpoint: no memory for a name");
    }
    for (uint32_t i = 0; i < n; i++)
        if (i != kept)
            tensors[i].shard = DV_NO_SHARD;
    return status;
}

dsvk_status dv_tensor_list_sort(struct dv_tensor_list *list, struct dv_arena *arena,
                                char *const *shards, const struct json_t *index)
{
    dsvk_status            status;
    struct dv_tensor_file *tensors = list->tensors;
    uint32_t               end;
    if (list->n > 1)
        qsort(tensors, list->n, sizeof *tensors, by_name);
    for (uint32_t first = 0; first < list->n; first = end) {
        for (end = first + 1; end < list->n; end++)
            if (strcmp(tensors[first].name, tensors[end].name) != 0)
                break;
        if (end - first > 1)
            TRY(settle(list, arena, first, end - first, shards, index));
    }
    dv_tensor_list_drop(list);
    return DSVK_OK;
}

void dv_tensor_list_drop(struct dv_tensor_list *list)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < list->n; i++)
        if (list->tensors[i].shard != DV_NO_SHARD)
            list->tensors[n++] = list->tensors[i];
    list->n = n;
}

void dv_tensor_list_done(struct dv_tensor_list *list, const struct dv_context *ctx)
{
    dv_free(ctx, list->tensors);
    dv_free(ctx, list->faults.faults);
    *list = (struct dv_tensor_list){ 0 };
}

struct dv_tensor_file *dv_tensor_list_seek(struct dv_tensor_list *list, const char *name)
{
    uint32_t low = 0, high = list->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int      order  = strcmp(list->tensors[middle].name, name);
        if (order == 0)
            return &list->tensors[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct dv_tensor_file *dv_tensor_list_find(const struct dv_tensor_list *list,
                                                 const char                  *name)
{
    struct dv_tensor_list view = *list;
    return dv_tensor_list_seek(&view, name);
}

static const char *behind(const char *text, const char *prefix)
{
    size_t bytes = strlen(prefix);
    return strncmp(text, prefix, bytes) == 0 ? text + bytes : NULL;
}

/* The same model is `language_model.model.layers` or `model.language_model.layers`, the head beside
 * it `language_model.lm_head` or plain. */
const char *dv_tensor_name(struct dv_arena *arena, const char *stored)
{
    const char *rest = behind(stored, "language_model.");
    if (rest)
        return rest;
    rest = behind(stored, "model.language_model.");
    if (!rest)
        return stored;
    if (behind(rest, "model.") || behind(rest, "lm_head."))
        return rest;
    return dv_arena_printf(arena, "model.%s", rest);
}
