/* SPDX-License-Identifier: MIT */
/* Weights of every shape and format that a recipe can ask for, with made values. */
#ifndef DV_TESTS_PACK_RECIPES_H
#define DV_TESTS_PACK_RECIPES_H

#include "pack/narrow.h"

#define ANY 99 /* block_shift of formats without scales */

struct recipe {
    const char           *name;
    uint32_t              rows, cols, slices, row0, row_step, n_parts;
    bool                  transposed, pair;
    enum dv_dtype         dtype, second; /* of the first and of the other parts */
    uint32_t              part_rows[3], tensor_cols, block;
    enum dv_weight_format format; /* expected */
    uint32_t              shift;
};

#define N_RECIPES 23u

extern const struct recipe recipes[N_RECIPES];

/* Part p of a recipe as it would be stored; to be freed with free_parts(). */
void                  fill(struct dv_layout_source *part, const struct recipe *r, uint32_t p);
void                  free_parts(const struct recipe *r, struct dv_layout_source *parts);
struct dv_weight_info info_of(const struct recipe *r);

#endif
