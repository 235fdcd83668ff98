/* SPDX-License-Identifier: MIT */
/* When and in which tiles the kernels with cooperative matrices are used (lib/coop.glsl). */
#ifndef DV_KERNEL_COOP_H
#define DV_KERNEL_COOP_H

#include "kernel/kernel.h"

struct dv_coop_tile {
    uint32_t rows, tokens;         /* of a workgroup */
    uint32_t depth;                /* columns a step */
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

/* The workgroup of attend_coop. */
struct dv_coop_attend {
    uint32_t heads, tokens; /* their product is its pairs */
    uint32_t positions;     /* of a tile */
    uint32_t subgroup, subgroups;
};

/* False where there are no matrix units that are worth it, too few tokens for them, or columns that
 * fill no whole matrices. */
bool dv_coop_attend_of(struct dv_coop_attend *shape, const struct dv_caps *caps,
                       const struct dv_node *node, uint32_t tokens);

/* The parameters of its pipeline; push_bytes stays 0. */
void dv_coop_attend_pipeline(struct dv_pipeline_params *params, const struct dv_caps *caps,
                             const struct dv_coop_attend *shape, enum dv_cache_format format,
                             const struct dv_node *node);

/* The workgroup of attend_heads_coop: tokens are M times its subgroups. */
struct dv_coop_attend_heads {
    uint32_t positions; /* of a tile */
    uint32_t subgroup, subgroups;
};

/* The same for attend_heads_coop. */
bool dv_coop_attend_heads_of(struct dv_coop_attend_heads *shape, const struct dv_caps *caps,
                             const struct dv_node *node, uint32_t tokens);
void dv_coop_attend_heads_pipeline(struct dv_pipeline_params *params, const struct dv_caps *caps,
                                   const struct dv_coop_attend_heads *shape,
                                   const struct dv_node              *node);

/* Whether there are matrix units of which kernels are faster: the above are false without. */
bool dv_coop_is_fast(const struct dv_caps *caps);
/* The size of subgroups that kernels with cooperative matrices ask for. */
uint32_t dv_coop_subgroup(const struct dv_caps *caps);

#endif
