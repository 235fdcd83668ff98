/* SPDX-License-Identifier: MIT */
/* The shape of a workgroup of the matrix kernels (lib/dot.glsl) and their grid. */
#ifndef DV_KERNEL_TILE_H
#define DV_KERNEL_TILE_H

#include "kernel/kernel.h"

struct dv_tile {
    uint32_t workgroup; /* of the device alone: it decides the order of summation */
    uint32_t groups;    /* 8-row groups; even when paired */
    uint32_t tokens;    /* 1, 2, 4, 8 or 16 */
    bool     broadcast; /* see dv_tile_form() */
};

/* For `repeats` matrices (slices, experts, rows of the grid) of `groups` 8-row groups each, and up
 * to `tokens` tokens a workgroup. */
struct dv_tile dv_tile_of(const struct dv_caps *caps, uint32_t groups, uint32_t repeats,
                          uint32_t tokens, bool paired);

/* Floats of shared memory that dot_shared in lib/dot.glsl takes. */
uint32_t dv_tile_shared(const struct dv_tile *tile);

/* The constant DV_DOT_FORM of kernels that include lib/dot.glsl, for products with
 * the matrix `w`. */
uint32_t dv_tile_form(const struct dv_tile *tile, const struct dv_matrix *w,
                      enum dv_weight_format format);

/* Tiles that a workgroup computes one after the other behind one prologue, of `tiles` in the whole
 * grid: more than 1 where it is short of neither work nor workgroups. */
uint32_t dv_tile_turns(const struct dv_caps *caps, uint32_t tiles);

/* Grid of x workgroups, folded into z where the device takes fewer, by y. UNSUPPORTED when the
 * device takes fewer of them still. */
dsvk_status dv_tile_grid(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                         const char *name, uint32_t x, uint32_t y);

#endif
