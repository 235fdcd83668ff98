/* SPDX-License-Identifier: MIT */
#include "text/ids.h"

dsvk_status dv_ids_push(const struct dv_context *ctx, struct dv_ids *list, uint32_t id)
{
    if (list->n == list->capacity || !list->ids) {
        size_t    capacity = list->capacity < 32 ? 64 : list->capacity * 2;
        uint32_t *ids      = dv_realloc(ctx, list->ids, capacity * sizeof *ids);
        if (!ids)
            return dv_fail(ctx, DSVK_NO_MEMORY, "tokenizer: no room for %zu ids", capacity);
        list->ids      = ids;
        list->capacity = capacity;
    }
    list->ids[list->n++] = id;
    return DSVK_OK;
}
