/* SPDX-License-Identifier: MIT */
/* Looking into values, and bytes that grow. */
#include "chat/value.h"

#include <stdlib.h>
#include <string.h>

void dv_bytes_put(struct dv_bytes *bytes, const char *data, size_t n)
{
    if (bytes->status != DSVK_OK || n == 0)
        return;
    if (n > SIZE_MAX / 4 - bytes->n) {
        bytes->status = dv_fail(bytes->ctx, DSVK_BAD_ARGUMENT, "chat: a text of %zu bytes", n);
        return;
    }
    if (bytes->n + n > bytes->capacity) {
        size_t capacity = (bytes->n + n) * 2;
        char  *grown    = dv_realloc(bytes->ctx, bytes->data, capacity);
        if (!grown) {
            bytes->status = dv_fail(bytes->ctx, DSVK_NO_MEMORY,
                                    "chat: no room for a text of %zu bytes", capacity);
            return;
        }
        bytes->data     = grown;
        bytes->capacity = capacity;
    }
    memcpy(bytes->data + bytes->n, data, n);
    bytes->n += n;
}

char *dv_bytes_keep(const struct dv_bytes *bytes, struct dv_arena *arena)
{
    char *copy = dv_arena_alloc(arena, bytes->n + 1, 1);
    if (copy && bytes->n)
        memcpy(copy, bytes->data, bytes->n);
    return copy;
}

const struct dv_value *dv_value_get(const struct dv_value *object, const char *key)
{
    size_t n = strlen(key);
    if (!object || object->kind != DV_VALUE_OBJECT)
        return NULL;
    for (const struct dv_value *v = object->first; v; v = v->next)
        if (v->key_bytes == n && memcmp(v->key, key, n) == 0)
            return v->kind == DV_VALUE_NULL ? NULL : v;
    return NULL;
}

bool dv_value_is(const struct dv_value *value, const char *text)
{
    size_t n = strlen(text);
    return value && value->kind == DV_VALUE_TEXT && value->bytes == n &&
           memcmp(value->text, text, n) == 0;
}

bool dv_value_truth(const struct dv_value *value)
{
    if (!value)
        return false;
    switch (value->kind) {
    case DV_VALUE_NULL:
    case DV_VALUE_FALSE:
        return false;
    case DV_VALUE_TRUE:
        return true;
    case DV_VALUE_INTEGER:
        return strcmp(value->text, "0") != 0;
    case DV_VALUE_REAL:
        return value->real != 0;
    case DV_VALUE_TEXT:
        return value->bytes > 0;
    default:
        return value->n > 0;
    }
}

/* ---- equal keys ---- */

static int compare(const void *left, const void *right)
{
    const struct dv_value *a = *(struct dv_value *const *)left,
                          *b = *(struct dv_value *const *)right;
    int order = memcmp(a->key, b->key, a->key_bytes < b->key_bytes ? a->key_bytes : b->key_bytes);
    if (order == 0)
        order = (a->key_bytes > b->key_bytes) - (a->key_bytes < b->key_bytes);
    return order ? order : (a->at > b->at) - (a->at < b->at);
}

static bool same_key(const struct dv_value *a, const struct dv_value *b)
{
    return a->key_bytes == b->key_bytes && memcmp(a->key, b->key, a->key_bytes) == 0;
}

dsvk_status dv_value_drop_duplicates(struct dv_value *object, struct dv_arena *arena)
{
    size_t n = 0;
    if (object->n < 2)
        return DSVK_OK;
    struct dv_value **sorted = dv_arena_alloc(arena, object->n, sizeof *sorted);
    if (!sorted)
        return dv_fail(arena->ctx, DSVK_NO_MEMORY, "chat: no memory for %zu members", object->n);
    for (struct dv_value *v = object->first; v; v = v->next)
        sorted[n++] = v;
    qsort(sorted, n, sizeof *sorted, compare);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && same_key(sorted[end], sorted[i]);)
            sorted[end++]->key = NULL;
        struct dv_value kept = *sorted[end - 1];
        kept.key             = sorted[i]->key;
        kept.next            = sorted[i]->next;
        kept.at              = sorted[i]->at;
        kept.key_bytes       = sorted[i]->key_bytes;
        *sorted[i]           = kept;
    }
    for (struct dv_value *v = object->first; v; v = v->next)
        while (v->next && !v->next->key) {
            v->next = v->next->next;
            object->n--;
        }
    return DSVK_OK;
}
