/* SPDX-License-Identifier: MIT */
/* Which weights become what when a model is converted: on load, and in a checkpoint written. */
#ifndef DV_WEIGHTS_FORMATS_H
#define DV_WEIGHTS_FORMATS_H

#include "dsvk/run.h"
#include "graph/graph.h"
#include "tensor/dtype.h"

/* What is asked for, as of dsvk_run. */
struct dv_conversion {
    dsvk_weights weights;
    dsvk_head    head;
};

/* Whether a matrix of this role, stored as `dtype` with `cols` columns, becomes something else, and
 * what. FP8 in attention and feed forward, as in releases; 4 bits in feed forward only, experts or
 * not, and FP8 in attention. Head and embedding, which releases have in BF16, become FP8 with them:
 * every token reads all of the head, and the embedding takes as much memory. What predicts tokens
 * ahead is BF16 where it is F32; routers stay. Nothing becomes wider, but BF16 is what it says,
 * whatever there was. */
bool dv_formats_target(enum dv_dtype *target, const struct dv_conversion *to, enum dv_role role,
                       enum dv_dtype dtype, uint32_t cols);
/* Whether that is nothing at all, whatever a model has. */
bool dv_formats_keep(const struct dv_conversion *to);
/* The same for those, and for no others, that make the same of each matrix. */
uint32_t dv_formats_key(const struct dv_conversion *to);

#endif
