/* SPDX-License-Identifier: MIT */
/* What matrix.c and matrix_scales.c share. */
#ifndef DV_FILE_MATRIX_H
#define DV_FILE_MATRIX_H

#include "file/checkpoint.h"

#define WEIGHT ".weight"

const char *dv_matrix_shape_text(const struct dv_tensor_file *tensor, char *text, size_t bytes);
bool        dv_matrix_is_plain(enum dv_dtype dtype); /* F32, F16, BF16 */
dsvk_status dv_matrix_bad_format(const struct dv_context *ctx, const struct dv_tensor_file *tensor,
                                 const char *expected);
/* The tensor called as `name` is but for the last `tail` characters, which `end` replaces. */
const struct dv_tensor_file *dv_matrix_beside(const struct dv_checkpoint *checkpoint,
                                              const char *name, size_t tail, const char *end);

/* The scales of a matrix that is called `name`; NULL: there are none. */
const struct dv_tensor_file *dv_matrix_find_scale(const struct dv_checkpoint *checkpoint,
                                                  const char                 *name);
/* Of FP8: of the matrix, its rows, or blocks. */
dsvk_status dv_matrix_add_fp8_scale(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                                    const struct dv_checkpoint *checkpoint);
/* Of 4 bits: for each row and group of columns. `expected` names the tensor that is `scale`. */
dsvk_status dv_matrix_add_groups(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                                 const struct dv_tensor_file *scale, const char *expected);

#endif
