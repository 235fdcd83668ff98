/* SPDX-License-Identifier: MIT */
/* Between weights.c, which decides where everything lies, and packing.c, which brings it there. */
#ifndef DV_ENGINE_LOADING_H
#define DV_ENGINE_LOADING_H

#include <stdatomic.h>

#include "base/arena.h"
#include "engine/source.h"
#include "engine/weights.h"

/* One matrix of one expert, or one vector. */
struct dv_load_item {
    uint32_t                recipe, expert;
    struct dv_layout        layout;
    struct dv_layout_source parts[DV_MAX_PARTS];
    uint32_t                buffer;
    uint64_t                offset, bytes;
};

struct dv_weights {
    struct dv_device       *dev;
    struct dv_arena         arena; /* recipes' names */
    struct dv_weight_info  *recipes;
    struct dv_weight_place *places;
    uint32_t                n_recipes;
    struct dv_buffer      **buffers;
    uint64_t               *buffer_bytes;
    uint32_t                n_buffers;
    struct dv_buffer       *tables; /* of expert addresses */
    uint64_t                bytes;
};

struct dv_loading {
    struct dv_weights             *w;
    const struct dv_context       *ctx;
    struct dv_stream              *stream;
    const struct dv_weight_source *source;
    struct dv_load_item           *items;
    uint32_t                       n_items;
    atomic_ullong                  nan; /* FP8 codes that stand for no number */
    atomic_ullong                  bad_scales; /* of INT4 and FP4 */
};

/* Packs all items into their buffers. CANCELLED by `progress`. */
dsvk_status dv_loading_pack(struct dv_loading *l, const dsvk_progress *progress);

#endif
