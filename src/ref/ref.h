/* SPDX-License-Identifier: MIT */
/* The CPU reference of every op: plain loops, sums in double precision. It is the specification
 * that kernels are tested against. One file an op. */
#ifndef DV_REF_REF_H
#define DV_REF_REF_H

#include "graph/graph.h"

/* A row of the pass: a token of a timeline. */
struct dv_ref_row {
    uint32_t token, position, timeline;
};

/* Host copies of everything a node touches. */
struct dv_ref_site {
    const struct dv_graph *graph;
    /* By dv_tensor, activations only: `rows * stride` words each; views are resolved by
     * dv_ref_row(). */
    uint32_t **values;
    /* By dv_weight: unpacked f32. Matrix: [experts or 1][slices * rows, cols] (paired: part 0's
     * rows, then part 1's, for each expert); vector [cols]; rope [context, rope/2, 2]. */
    const float            **weights;
    const struct dv_ref_row *rows; /* of the pass */
    /* By dv_state: [timelines][context][values], what a reader of the device's records decodes;
     * writers round through the format. */
    float  **states;
    unsigned cache_format; /* enum dv_cache_format */
};

typedef void (*dv_ref_op)(const struct dv_ref_site *site, const struct dv_node *node);

#define OP(name, ...)                                                                              \
    void dv_ref_##name(const struct dv_ref_site *site, const struct dv_node *node);
#include "graph/ops.def"
#undef OP

dv_ref_op dv_ref_of(enum dv_op op);

/* Row r of a value or view, as words / as floats. */
uint32_t *dv_ref_words(const struct dv_ref_site *site, dv_tensor tensor, uint32_t r);
float    *dv_ref_row(const struct dv_ref_site *site, dv_tensor tensor, uint32_t r);

/* The record of a position in the timeline of row r of the pass. */
float *dv_ref_record(const struct dv_ref_site *site, dv_tensor state, uint32_t r,
                     uint32_t position);
/* Rounds a record (kv latent and rope key values) as the cache's format does. */
void dv_ref_cache_round(const struct dv_ref_site *site, float *record, uint32_t kv, uint32_t rope);

#endif
