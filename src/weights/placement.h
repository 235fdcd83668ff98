/* SPDX-License-Identifier: MIT */
/* Where weights will lie: the recipes of a model's graphs, each of their matrices laid out, and its
 * place in a few large buffers. From headers and capabilities alone, so that planning and loading
 * have the same one, and planned bytes are allocated bytes. */
#ifndef DV_WEIGHTS_PLACEMENT_H
#define DV_WEIGHTS_PLACEMENT_H

#include "base/arena.h"
#include "vk/device.h"
#include "weights/source.h"

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

struct dv_placement {
    const struct dv_context *ctx;
    const struct dv_caps    *caps;
    struct dv_weight_source  source;
    struct dv_arena          arena; /* recipes' names */
    struct dv_weight_info   *recipes;
    uint32_t                *layers; /* by recipe: of the model */
    uint32_t                 n_recipes, n_items, n_buffers;
    struct dv_load_item     *items; /* those of one recipe are neighbours */
    uint64_t                *buffer_bytes;
    uint64_t                 bytes; /* of all buffers */
};

/* Matrices of a recipe. */
static inline uint32_t dv_members(const struct dv_weight_info *info)
{
    return info->experts ? info->experts : 1;
}

/* ctx and caps are borrowed, and what `source` refers to. */
void dv_placement_init(struct dv_placement *p, const struct dv_context *ctx,
                       const struct dv_caps *caps, const struct dv_weight_source *source);
/* Copies the recipes that the graphs' nodes use and lays out each matrix: recipes and items. */
dsvk_status dv_placement_lay_out(struct dv_placement *p, struct dv_graph *const *graphs,
                                 uint32_t n_graphs);
/* Gives each item its buffer and offset. Again after items were taken away. */
dsvk_status dv_placement_assign(struct dv_placement *p);
/* Of the tables of addresses of those experts that are among the items. */
uint64_t dv_placement_table_bytes(const struct dv_placement *p);
/* Bytes of host memory that packing takes where the device's is not mapped (packer.c, units.c). */
uint64_t dv_placement_staging(const struct dv_placement *p);
/* Frees what is needed until all is packed; the recipes stay. */
void dv_placement_forget_items(struct dv_placement *p);
void dv_placement_done(struct dv_placement *p);

#endif
