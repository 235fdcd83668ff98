/* SPDX-License-Identifier: MIT */
/* Loads the weights of a model onto a device: all of them, or with experts in tiers. */
#ifndef DV_ENGINE_LOAD_H
#define DV_ENGINE_LOAD_H

#include "planner/tiers.h"
#include "vk/stream.h"
#include "weights/weights.h"

struct dv_load_params {
    const struct dv_weight_source *source;
    struct dv_graph *const        *graphs; /* name the recipes, each once */
    uint32_t                       n_graphs;
    const struct dv_expert_budget *budget; /* its limit and use are those of the device; NULL: all
                                            * experts go to the device or none */
    bool                           check_scales; /* of FP8, before anything is allocated for them */
    uint64_t                       batch_bytes;  /* of dv_loading */
    const dsvk_progress           *progress;     /* NULL: not wanted */
};

/* DV_WEIGHT_ROPE is not stored: it belongs to a session. With a budget, experts that do not all fit
 * go to tiers. NO_VRAM with the numbers before anything is allocated when the least exceeds the
 * device's limit; CANCELLED. */
dsvk_status dv_weights_load(struct dv_weights **out, struct dv_device *dev,
                            struct dv_stream *stream, const struct dv_load_params *params);
void        dv_weights_free(struct dv_weights *weights);
uint64_t    dv_weights_bytes(const struct dv_weights *weights);

/* The experts that come and go; NULL when all are on the device. */
struct dv_experts *dv_weights_experts(const struct dv_weights *weights);

#endif
