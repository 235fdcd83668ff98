/* SPDX-License-Identifier: MIT */
/* Number formats of what lies on a device, packed weights and the latent cache, made from the rows
 * that shaders read too (shaders/lib/format_rows.h). Of weights also what only the host needs. */
#ifndef DV_TENSOR_FORMATS_H
#define DV_TENSOR_FORMATS_H

#include "format_rows.h"
#include "tensor/dtype.h"

#define X(f, name, value, values, scales, factor, range) DV_FORMAT_##name = value,
enum dv_weight_format { DV_FORMAT_ROWS(X, 0) DV_N_FORMATS };
#undef X
#define X(f, name, value, latent, rope, scale) DV_CACHE_##name = value,
enum dv_cache_format { DV_CACHE_ROWS(X, 0) };
#undef X
#define X(f, name, value, latent, rope, scale) +1
enum { DV_N_CACHES = 0 DV_CACHE_ROWS(X, 0) };
#undef X

/* Scales as conversion makes them: rows and columns of a block of FP8, columns of a group of 4
 * bits. */
#define DV_FP8_BLOCK 128u
#define DV_GROUP 32u

struct dv_format {
    const char   *name;   /* in profiles, and of --weights where that makes it */
    enum dv_dtype dtype;  /* as stored */
    enum dv_dtype tensor; /* of the tensors that hold it: several values in one of theirs */
    /* Of the scales that conversion makes, each for so many rows and columns; 0: there are none. */
    enum dv_dtype scale_dtype;
    uint32_t      block_rows, block_cols;
    int           zeros; /* a byte whose values are 0 */
    uint32_t      values, scales;
    float         factor; /* these three: format_rows.h */
};

/* By dv_weight_format. */
extern const struct dv_format dv_formats[DV_N_FORMATS];

/* The name of a format, "?" for what is none. */
const char *dv_weight_format_name(enum dv_weight_format format);
/* That of weights which are stored so; NULL: no weight is. */
const struct dv_format *dv_format_of(enum dv_dtype dtype);
/* That of the stored format with this name, of which 4 bits are some; NULL: no weight is. */
const struct dv_format *dv_format_find(const char *dtype);
/* Values in one of the tensor that holds them: 8 of INT4 in an I32; 1 where none are packed. */
uint32_t dv_format_packing(enum dv_dtype dtype);

#endif
