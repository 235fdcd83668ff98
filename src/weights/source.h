/* SPDX-License-Identifier: MIT */
/* Where weights come from: the tensors of a checkpoint, a caller's memory, or nowhere. Made-up
 * weights have a model's shapes and the formats of its release, so that a device can be judged, and
 * bytes be counted, before anything is downloaded. */
#ifndef DV_WEIGHTS_SOURCE_H
#define DV_WEIGHTS_SOURCE_H

#include "weights/formats.h"
#include "file/checkpoint.h"
#include "pack/layout.h"

/* A part of a recipe in a caller's memory. */
struct dv_given {
    struct dv_layout_source part;                  /* of the first expert */
    uint64_t                data_step, scale_step; /* bytes from one expert to the next ... */
    const void *const *data_of, *const *scales_of; /* ... or of each where it lies; NULL */
};

struct dv_weight_source {
    const struct dv_given      *given;      /* by part, of the only recipe; NULL: none are */
    const struct dv_checkpoint *checkpoint; /* else, NULL: made up */
    const struct dv_config     *config;
    struct dv_conversion        to; /* that weights are converted to */
};

/* Where a given part lies of one expert. */
void dv_given_part(struct dv_layout_source *part, const struct dv_given *given, uint32_t expert);
/* How part p of a recipe is stored, for one of its experts. Made-up ones have no data. */
dsvk_status dv_source_part(struct dv_layout_source *part, const struct dv_context *ctx,
                           const struct dv_weight_source *source, const struct dv_weight_info *info,
                           uint32_t p, uint32_t expert);

/* A matrix of the checkpoint, as it is stored. */
dsvk_status dv_source_matrix(struct dv_layout_source *part, const struct dv_context *ctx,
                             const struct dv_weight_source *source, const char *name, uint32_t rows,
                             uint32_t cols);

/* Reads the scales of such a matrix where it is FP8. */
dsvk_status dv_source_check_scales(const struct dv_context       *ctx,
                                   const struct dv_weight_source *source, const char *name,
                                   uint32_t rows, uint32_t cols);

/* Element k of a made-up vector. */
float dv_source_made_up(const struct dv_weight_info *info, uint32_t k);
/* The seed of a made-up matrix. */
uint64_t dv_source_seed(const struct dv_weight_info *info, uint32_t expert);

/* The places of a graph's weights as loading them from `source` would make them, but for the
 * addresses; [1 .. n_weights]. The caller frees *places. */
dsvk_status dv_source_places(struct dv_weight_place **places, const struct dv_context *ctx,
                             const struct dv_weight_source *source, const struct dv_graph *g);
/* Bytes of what a recipe takes from its tensors as they are stored or converted, of one expert. */
uint64_t dv_source_bytes(const struct dv_weight_info *info, const struct dv_layout_source *stored);

#endif
