/* SPDX-License-Identifier: MIT */
/* When and in which tiles the kernels with cooperative matrices are used (lib/coop.glsl). */
#ifndef DV_KERNEL_COOP_H
#define DV_KERNEL_COOP_H

#include "kernel/kernel.h"

struct dv_coop_tile {
    uint32_t rows, tokens;         /* of a workgroup */
    uint32_t sub_rows, sub_tokens; /* of a subgroup */
    uint32_t subgroup;             /* its size */
    uint32_t workgroup;            /* invocations */
};

/* A product of `repeats` matrices with `rows` rows and `tokens` tokens (experts: tiles of the plan,
 * and their pairs). */
struct dv_coop_size {
    uint32_t rows, tokens, repeats;
};

/* False where there are no matrix units that are worth it, or too few tokens for them. */
bool dv_coop_tile_of(struct dv_coop_tile *tile, const struct dv_caps *caps,
                     const struct dv_coop_size *size);

/* The parameters of `kernel` for a tile; push_bytes stays 0. */
void dv_coop_pipeline(struct dv_pipeline_params *params, const struct dv_caps *caps,
                      const char *kernel, const struct dv_coop_tile *tile,
                      enum dv_weight_format format, bool paired);

#endif
