/* SPDX-License-Identifier: MIT */
/* The weights of a model on a device: each recipe of its graphs laid out, packed and uploaded.
 * Values stay as they are stored, unless the source converts them (kernel/convert.h). */
#ifndef DV_ENGINE_WEIGHTS_H
#define DV_ENGINE_WEIGHTS_H

#include "engine/source.h"
#include "kernel/kernel.h"

struct dv_weights;
struct dv_experts;

/* The `n_graphs` graphs name the recipes, each once (DV_WEIGHT_ROPE is not stored: it belongs to a
 * session). With a budget, experts that do not all fit go to tiers. NO_VRAM with the numbers before
 * anything is allocated when the least exceeds the device's limit; CANCELLED. */
dsvk_status dv_weights_load(struct dv_weights **out, struct dv_device *dev,
                            struct dv_stream *stream, const struct dv_weight_source *source,
                            struct dv_graph *const *graphs, uint32_t n_graphs,
                            const dsvk_progress *progress);
void        dv_weights_free(struct dv_weights *weights);
uint64_t    dv_weights_bytes(const struct dv_weights *weights);

/* The experts that come and go; NULL when all are on the device. */
struct dv_experts *dv_weights_experts(const struct dv_weights *weights);

/* Where a recipe lies; NULL when it was not among those loaded. */
const struct dv_weight_place *dv_weights_find(const struct dv_weights     *weights,
                                              const struct dv_weight_info *info);

#endif
