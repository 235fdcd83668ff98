/* SPDX-License-Identifier: MIT */
/* Bytes of weights that are read to compute tokens, and the fewest that could be. */
#ifndef DV_PLANNER_READS_H
#define DV_PLANNER_READS_H

#include "weights/source.h"

struct dv_traffic {
    uint32_t passes;
    uint64_t touched; /* packed bytes that dispatches read, each once a dispatch */
    uint64_t least;   /* stored bytes of the same weights, once for all tokens */
};

/* `tokens` from an empty timeline in passes of at most `chunk`. Experts are counted as if no two
 * tokens chose the same one. */
dsvk_status dv_traffic_of(struct dv_traffic *traffic, const struct dv_context *ctx,
                          const struct dv_weight_source *source, uint32_t tokens, uint32_t chunk,
                          bool no_fuse);

#endif
