/* SPDX-License-Identifier: MIT */
/* The latent cache of one session: pages of DV_PAGE tokens with the records of all states, and the
 * table of page addresses that kernels read. */
#ifndef DV_ENGINE_CACHE_H
#define DV_ENGINE_CACHE_H

#include "planner/pages.h"
#include "vk/stream.h"

struct dv_cache {
    struct dv_device      *dev;
    struct dv_state_place *states; /* by dv_state of the model's graphs */
    uint64_t               bytes;  /* of the pages and their table */
    uint32_t               n_buffers;
    struct dv_buffer     **buffers;
    struct dv_buffer      *table;
};

dsvk_status dv_cache_new(struct dv_cache **out, struct dv_device *dev, struct dv_stream *stream,
                         const struct dv_setup *setup);
void        dv_cache_free(struct dv_cache *cache);

#endif
