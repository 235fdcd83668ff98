/* SPDX-License-Identifier: MIT */
/* Between places.c, which decides where everything will lie, engine/load.c, which allocates it, and
 * packing.c, which brings it there. */
#ifndef DV_WEIGHTS_LOADING_H
#define DV_WEIGHTS_LOADING_H

#include <stdatomic.h>

#include "base/arena.h"
#include "vk/vk.h"
#include "weights/source.h"
#include "weights/weights.h"

/* Matrices start at multiples of it. */
#define DV_PLACE_ALIGN 4096u

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
    struct dv_buffer       *tables;  /* of expert addresses */
    struct dv_experts      *experts; /* NULL: they lie among the others */
    uint64_t                bytes;
};

struct dv_loading {
    struct dv_weights             *w;
    const struct dv_context       *ctx;
    struct dv_stream              *stream;
    const struct dv_weight_source *source;
    struct dv_load_item           *items;
    uint32_t                       n_items;
    const struct dv_caps          *caps;
    uint64_t                       limit, used; /* of device memory; UINT64_MAX = no limit */
    bool                           planning;    /* that experts do not fit is not logged */
    uint32_t                      *layers;      /* by recipe: of the model */
    atomic_ullong                  nan;         /* FP8 codes that stand for no number */
    atomic_ullong                  bad_scales;  /* of INT4 and FP4 */
};

/* Matrices of a recipe. */
static inline uint32_t dv_members(const struct dv_weight_info *info)
{
    return info->experts ? info->experts : 1;
}

/* Device bytes that are left when `taken` more are. */
static inline uint64_t dv_loading_left(const struct dv_loading *l, uint64_t taken)
{
    uint64_t used = l->used + taken;
    return l->limit == UINT64_MAX ? UINT64_MAX : l->limit > used ? l->limit - used : 0;
}

/* ---- places.c: of a loading with w, ctx, source and caps set; w->dev may be NULL ---- */

/* Copies the recipes that the graphs' nodes use and lays out each matrix: fills recipes and items,
 * those of one recipe next to each other. The caller frees l->items and
 * l->layers. */
dsvk_status dv_places_lay_out(struct dv_loading *l, struct dv_graph *const *graphs,
                              uint32_t n_graphs);
/* Gives each item its buffer and offset; sets buffer_bytes and, to their sum, w->bytes. Again after
 * items were taken away. */
dsvk_status dv_places_assign(struct dv_loading *l);
/* Of the tables of expert addresses; 0 with experts in tiers, which have their own. */
uint64_t dv_places_table_bytes(const struct dv_weights *w);
/* Frees what these made of w. */
void dv_places_done(struct dv_weights *w, const struct dv_context *ctx);

/* Bytes of host memory that packing takes where the device's is not mapped. */
uint64_t dv_loading_staging(const struct dv_loading *l);
/* Packs all items into their buffers. CANCELLED by `progress`. */
dsvk_status dv_loading_pack(struct dv_loading *l, const dsvk_progress *progress);

#endif
