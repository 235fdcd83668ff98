/* SPDX-License-Identifier: MIT */
/* The formats of what lies on a device, a row each: one text for C and GLSL. tensor/formats.h makes
 * enums and tables of it, lib/weight.glsl and lib/cache.glsl constants. docs/adding-a-format.md. */
#ifndef DV_FORMAT_ROWS_H
#define DV_FORMAT_ROWS_H

/* Scales of packed weights (pack/layout.h): none; an f32 for each 8-row group and block of columns;
 * a bf16 for each row of a chunk. */
#define DV_SCALES_NONE 0u
#define DV_SCALES_BLOCKS 1u
#define DV_SCALES_ROWS 2u

/* Packed weights.
 *     value    of the FORMAT constants
 *     values   of a row in a chunk of 16 bytes
 *     factor   a decoded value is the stored one divided by it, a packed scale the stored one times
 *              it
 *     range    matrix units get a weight times this, where the scale is 1: as large as float16
 *              holds with room to spare, so that small scales lose nothing
 *      name  value values scales          factor range */
/* clang-format off */
#define DV_FORMAT_ROWS(X, f)                                                                       \
    X(f, F32,  0u, 4u,  DV_SCALES_NONE,   1u,     1u)                                              \
    X(f, F16,  1u, 8u,  DV_SCALES_NONE,   1u,     1u)                                              \
    X(f, BF16, 2u, 8u,  DV_SCALES_NONE,   1u,     1u)                                              \
    X(f, E4M3, 3u, 16u, DV_SCALES_BLOCKS, 256u,   1u)                                              \
    X(f, INT4, 4u, 32u, DV_SCALES_ROWS,   1u,     256u)                                            \
    X(f, FP4,  5u, 32u, DV_SCALES_ROWS,   16384u, 256u)
/* clang-format on */

/* Records of the latent cache (lib/cache.glsl): bytes of a latent value, of a value of the rope
 * key, of the scale of a block of latent values.
 *      name  value latent rope scale */
/* clang-format off */
#define DV_CACHE_ROWS(X, f)                                                                        \
    X(f, F32,  0u, 4u, 4u, 0u)                                                                     \
    X(f, BF16, 1u, 2u, 2u, 0u)                                                                     \
    X(f, FP8,  2u, 1u, 2u, 4u)
/* clang-format on */

/* Values of a block: a quarter of the latent, rounded up to a multiple of 4. */
#define DV_CACHE_BLOCK(kv) (((kv) + 15u) / 16u * 4u)

/* What the row of format f says: constant where f is. */
#define DV_PICK_VALUES(f, name, value, values, scales, factor, range) (f) == value ? values:
#define DV_PICK_SCALES(f, name, value, values, scales, factor, range) (f) == value ? scales:
#define DV_PICK_FACTOR(f, name, value, values, scales, factor, range) (f) == value ? factor:
#define DV_PICK_RANGE(f, name, value, values, scales, factor, range) (f) == value ? range:
#define DV_FORMAT_VALUES(f) (DV_FORMAT_ROWS(DV_PICK_VALUES, f) 0u)
#define DV_FORMAT_SCALES(f) (DV_FORMAT_ROWS(DV_PICK_SCALES, f) 0u)
#define DV_FORMAT_FACTOR(f) (DV_FORMAT_ROWS(DV_PICK_FACTOR, f) 0u)
#define DV_FORMAT_RANGE(f) (DV_FORMAT_ROWS(DV_PICK_RANGE, f) 0u)
#define DV_FORMAT_IS_SCALED(f) (DV_FORMAT_SCALES(f) != DV_SCALES_NONE)
#define DV_FORMAT_SCALES_BLOCKS(f) (DV_FORMAT_SCALES(f) == DV_SCALES_BLOCKS)
#define DV_FORMAT_SCALES_ROWS(f) (DV_FORMAT_SCALES(f) == DV_SCALES_ROWS)

#define DV_PICK_LATENT(f, name, value, latent, rope, scale) (f) == value ? latent:
#define DV_PICK_ROPE(f, name, value, latent, rope, scale) (f) == value ? rope:
#define DV_PICK_SCALE(f, name, value, latent, rope, scale) (f) == value ? scale:
#define DV_CACHE_LATENT_BYTES(f) (DV_CACHE_ROWS(DV_PICK_LATENT, f) 0u)
#define DV_CACHE_ROPE_BYTES(f) (DV_CACHE_ROWS(DV_PICK_ROPE, f) 0u)
#define DV_CACHE_SCALE_BYTES(f) (DV_CACHE_ROWS(DV_PICK_SCALE, f) 0u)

#endif
