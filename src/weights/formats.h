/* SPDX-License-Identifier: MIT */
/* Which weights become what when a model is converted: on load, and in a checkpoint written. */
#ifndef DV_WEIGHTS_FORMATS_H
#define DV_WEIGHTS_FORMATS_H

#include "dsvk/run.h"
#include "graph/graph.h"
#include "tensor/dtype.h"

/* Whether a matrix of this role, stored as `dtype` with `cols` columns, becomes something else, and
 * what. As in releases: FP8 in attention and feed forward; 4 bits in feed forward only, experts or
 * not, and FP8 in attention. Embedding, head and what predicts tokens ahead are BF16 where they are
 * F32; routers stay. Nothing becomes wider, but BF16 is what it says, whatever there was. */
bool dv_formats_target(enum dv_dtype *target, dsvk_weights formats, enum dv_role role,
                       enum dv_dtype dtype, uint32_t cols);

#endif
