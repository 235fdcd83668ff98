/* SPDX-License-Identifier: MIT */
#include "weights/loading.h"

const struct dv_weight_place *dv_weights_find(const struct dv_weights     *weights,
                                              const struct dv_weight_info *info)
{
    for (uint32_t i = 0; i < weights->placement.n_recipes; i++)
        if (dv_weight_same(&weights->placement.recipes[i], info))
            return &weights->places[i];
    return NULL;
}
