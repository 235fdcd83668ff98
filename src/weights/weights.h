/* SPDX-License-Identifier: MIT */
/* The weights of a model on a device: each recipe of its graphs laid out, packed and uploaded.
 * Values stay as they are stored, unless the source converts them (pack/narrow.h). */
#ifndef DV_WEIGHTS_WEIGHTS_H
#define DV_WEIGHTS_WEIGHTS_H

#include "weights/source.h"

struct dv_weights;

/* Where a recipe lies; NULL when it was not among those loaded. */
const struct dv_weight_place *dv_weights_find(const struct dv_weights     *weights,
                                              const struct dv_weight_info *info);

#endif
