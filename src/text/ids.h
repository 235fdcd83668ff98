/* SPDX-License-Identifier: MIT */
/* A list of token ids that grows. */
#ifndef DV_TEXT_IDS_H
#define DV_TEXT_IDS_H

#include "base/context.h"

/* Zero is an empty list. The caller frees `ids` with dv_free(). */
struct dv_ids {
    uint32_t *ids;
    size_t    n, capacity;
};

/* NO_MEMORY when the list cannot grow; it stays as it was. */
dsvk_status dv_ids_push(const struct dv_context *ctx, struct dv_ids *list, uint32_t id);

#endif
