/* SPDX-License-Identifier: MIT */
/* Stored weights in narrower formats, value for value the same on load (pack/layout.h) as in a
 * checkpoint that is written (quantize/quantize.h):
 *     FP8    blocks of 128 x 128, scale = largest / 448, as releases have it
 *     INT4   groups of 32 columns, the bf16 scale of several with the least squared error
 *     FP4    e2m1, groups of 32 columns, the power of two of two with the least squared error
 * A value or a group depends on nothing but its block or group, so any thread may make any part. */
#ifndef DV_PACK_NARROW_H
#define DV_PACK_NARROW_H

#include "pack/layout.h"

/* Values of a group: codes as stored, and the scale that multiplies what they mean. */
struct dv_group {
    unsigned char codes[DV_GROUP];
    float         scale; /* exact in BF16, for FP4 in F8_E8M0; NaN where a value is not finite */
};

/* n stored values of a row from `col` on, scales applied. FP8 codes that are no numbers read as
 * 480, as in the kernels. */
void dv_convert_read(float *out, const struct dv_layout_source *part, uint32_t row, uint32_t col,
                     uint32_t n);
/* The group of n values (at most 32) in INT4 or FP4; codes beyond n are those of 0. */
void dv_convert_group(struct dv_group *group, enum dv_dtype dtype, const float *values, uint32_t n);
/* The scale of the FP8 block in which an element lies. */
float dv_convert_block(const struct dv_layout_source *part, uint32_t row, uint32_t col);
/* What a part is after its conversion, without data; itself where there is none. */
struct dv_layout_source dv_convert_form(const struct dv_layout_source *part);

/* Rows first .. end-1 as a checkpoint stores them, values and scales from those of row `first` on;
 * for FP8 `first` is a multiple of 128. */
void dv_convert_rows(unsigned char *codes, unsigned char *scales,
                     const struct dv_layout_source *part, uint32_t first, uint32_t end);
/* Bytes of the scales of so many rows, at least one; 0 for BF16. */
uint64_t dv_convert_scale_bytes(const struct dv_layout_source *part, uint32_t rows);

#endif
