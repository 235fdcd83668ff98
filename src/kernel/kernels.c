/* SPDX-License-Identifier: MIT */
/* The table of kernels: an op without one does not link. */
#include "kernel/kernel.h"

#define OP(name, ...) extern const struct dv_kernel dv_kernel_##name;
#include "graph/ops.def"
#undef OP

static const struct dv_kernel *const kernels[DV_N_OPS] = {
#define OP(name, ...) [DV_OP_##name] = &dv_kernel_##name,
#include "graph/ops.def"
#undef OP
};

const struct dv_kernel *dv_kernel_of(enum dv_op op)
{
    return kernels[op];
}
