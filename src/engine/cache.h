/* SPDX-License-Identifier: MIT */
/* The latent cache of one session: pages of DV_PAGE tokens, each holding the records of all layers,
 * and the table of page addresses that kernels read. */
#ifndef DV_ENGINE_CACHE_H
#define DV_ENGINE_CACHE_H

#include "planner/cache_shape.h"
#include "vk/stream.h"

struct dv_cache {
    struct dv_device    *dev;
    enum dv_cache_format format;
    uint32_t             record;  /* bytes of one token and layer */
    uint32_t             context; /* tokens that there is room for */
    uint64_t             page_bytes, bytes;
    uint32_t             n_buffers;
    struct dv_buffer   **buffers;
    struct dv_buffer    *table;
};

dsvk_status dv_cache_new(struct dv_cache **out, struct dv_device *dev, struct dv_stream *stream,
                         const struct dv_cache_shape *shape);
void        dv_cache_free(struct dv_cache *cache);

#endif
