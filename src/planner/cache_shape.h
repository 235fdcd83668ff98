/* SPDX-License-Identifier: MIT */
/* What a latent cache takes, before there is one: for the planner, and for the cache itself. */
#ifndef DV_PLANNER_CACHE_SHAPE_H
#define DV_PLANNER_CACHE_SHAPE_H

#include "planner/setup.h"

struct dv_cache_shape {
    enum dv_cache_format format;
    uint32_t             layers, kv, rope, context;
};

/* Of the model: each layer keeps kv + rope values of a token. */
struct dv_cache_shape dv_cache_shape_of(const struct dv_setup *setup);
/* Of one token: the records of all layers. */
uint64_t dv_cache_token_bytes(const struct dv_cache_shape *shape);
/* Pages for the whole context, the bytes of one, of the table of their addresses, and of all. */
uint32_t dv_cache_pages(const struct dv_cache_shape *shape);
uint64_t dv_cache_page_bytes(const struct dv_cache_shape *shape);
uint64_t dv_cache_table_bytes(const struct dv_cache_shape *shape);
uint64_t dv_cache_bytes(const struct dv_cache_shape *shape);

#endif
