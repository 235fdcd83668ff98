/* SPDX-License-Identifier: MIT */
/* Scales of matrices. Every spelling multiplies; `inv` in a name is DeepSeek's word for the inverse
 * of what quantising multiplied by:
 *     X.weight_scale_inv   DeepSeek       blocks
 *     X.weight_scale       compressed-tensors, fbgemm, ModelOpt, early FP8   matrix, rows, blocks
 *     X.scale              DeepSeek, later   blocks, groups
 * Scales of activations (X.input_scale) are for those who compute with FP8 activations. */
#include "base/text.h"
#include "file/matrix.h"

#include <stdio.h>
#include <string.h>

#include "base/size.h"

typedef unsigned long long ull; /* for %llu */

/* Block sizes in use and likely ones, the likeliest first. */
static const uint32_t block_sizes[] = { 128, 64, 32, 16, 256, 512 };
#define N_BLOCK_SIZES (sizeof block_sizes / sizeof *block_sizes)

/* Whether blocks of `block` values cover n values with `blocks` blocks. */
static bool fits(uint32_t n, uint64_t blocks, uint32_t block)
{
    return block != 0 && dv_ceil_div(n, block) == blocks;
}

/* Not square: scales for each row or for all rows, for groups of columns or for all. 0: nothing
 * fits. */
static uint32_t guess_rows(uint32_t rows, uint64_t blocks)
{
    return blocks == 1 ? rows : blocks == rows ? 1 : 0;
}

static uint32_t guess_cols(uint32_t cols, uint64_t blocks)
{
    for (size_t i = 0; i < N_BLOCK_SIZES && blocks > 1; i++)
        if (fits(cols, blocks, block_sizes[i]))
            return block_sizes[i];
    return blocks == 1 ? cols : 0;
}

/* As rows and columns of blocks: a single number is one block, a list one for each row. */
static bool scale_dims(uint64_t dims[2], const struct dv_tensor_file *scale)
{
    dims[0] = scale->n_dims > 0 ? scale->dims[0] : 1;
    dims[1] = scale->n_dims > 1 ? scale->dims[1] : 1;
    return scale->n_dims <= 2;
}

/* A size that the config names is the only one: with another, scales of a wrong shape would be
 * taken for those of other blocks. */
static bool find_blocks(struct dv_matrix_file *matrix, const struct dv_config *config)
{
    uint64_t dims[2];
    uint32_t rows = config->block_rows, cols = config->block_cols;
    bool     named = rows != 0, found;
    if (!scale_dims(dims, matrix->scale))
        return false;
    found = fits(matrix->rows, dims[0], rows) && fits(matrix->cols, dims[1], cols);
    if (named && !found)
        return false;
    bool one = dims[0] == 1 && dims[1] == 1; /* whatever the shape: that of the whole */
    for (size_t i = 0; i < N_BLOCK_SIZES && !found && !one; i++) {
        rows = cols = block_sizes[i];
        found       = fits(matrix->rows, dims[0], rows) && fits(matrix->cols, dims[1], cols);
    }
    if (!found) {
        rows = guess_rows(matrix->rows, dims[0]);
        cols = guess_cols(matrix->cols, dims[1]);
    }
    matrix->block_rows = rows;
    matrix->block_cols = cols;
    return rows != 0 && cols != 0;
}

dsvk_status dv_checkpoint_check_scales(const struct dv_context     *ctx,
                                       const struct dv_checkpoint  *checkpoint,
                                       const struct dv_matrix_file *matrix)
{
    const struct dv_tensor_file *scale = matrix->scale;
    unsigned char                some[4096];
    uint32_t                     each = scale ? dv_dtype_bytes(scale->dtype) : 0;
    if (matrix->dtype == DV_INT4 || matrix->dtype == DV_FP4)
        return DSVK_OK; /* while they are packed */
    for (uint64_t at = 0; scale && at < scale->bytes; at += sizeof some) {
        uint64_t left = scale->bytes - at, n = left < sizeof some ? left : sizeof some;
        if (dv_checkpoint_read(checkpoint, some, scale->data + at, n) != n)
            return dv_fail(ctx, DSVK_BAD_FILE,
                           "checkpoint: %s: cannot be read: its file has become shorter, or the "
                           "disk fails",
                           scale->name);
        for (uint64_t i = 0; i < n / each; i++) {
            float value = dv_dtype_get(scale->dtype, some, i);
            char  text[DV_SIZE_BYTES];
            if (!(value > 0.0f && value <= 3.4028235e38f))
                return dv_fail(
                    ctx, DSVK_BAD_FILE, "checkpoint: %s: scale %llu is %s, not finite and above 0",
                    scale->name, (ull)(at / each + i), dv_text_short(text, (double)value, 6));
        }
    }
    return DSVK_OK;
}

const struct dv_tensor_file *dv_matrix_find_scale(const struct dv_checkpoint *checkpoint,
                                                  const char                 *name)
{
    const struct dv_tensor_file *scale = dv_matrix_beside(checkpoint, name, 0, "_scale_inv");
    if (!scale)
        scale = dv_matrix_beside(checkpoint, name, 0, "_scale");
    if (scale || !dv_text_ends(name, WEIGHT))
        return scale;
    return dv_matrix_beside(checkpoint, name, strlen(WEIGHT), ".scale");
}

static dsvk_status bad_scale_shape(const struct dv_context     *ctx,
                                   const struct dv_matrix_file *matrix)
{
    char text[96];
    return dv_fail(ctx, DSVK_BAD_FILE,
                   "checkpoint: %s: %s scales do not divide a matrix of %u x %u into blocks",
                   matrix->scale->name, dv_matrix_shape_text(matrix->scale, text, sizeof text),
                   matrix->rows, matrix->cols);
}

/* Why there is no scale: one that is there but no use says more than that none is. */
static dsvk_status no_scale(const struct dv_context *ctx, const struct dv_checkpoint *checkpoint,
                            const char *name)
{
    static const char *const ends[] = { "_scale_inv", "_scale" };
    char                     text[192];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(text, sizeof text, "%s%s", name, ends[i]);
        if (dv_checkpoint_fault(checkpoint, text))
            return dv_checkpoint_missing(ctx, checkpoint, text);
    }
    return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: FP8 without %s_scale_inv or %s_scale", name,
                   name, name);
}

dsvk_status dv_matrix_add_fp8_scale(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                                    const struct dv_checkpoint *checkpoint)
{
    const char                  *name  = matrix->weight->name;
    const struct dv_tensor_file *scale = dv_matrix_find_scale(checkpoint, name);
    if (!scale)
        return no_scale(ctx, checkpoint, name);
    if (!dv_matrix_is_plain(scale->dtype) && scale->dtype != DV_F8_E8M0)
        return dv_matrix_bad_format(ctx, scale, "F32, F16, BF16 or F8_E8M0");
    matrix->scale                  = scale;
    const struct dv_config *config = dv_checkpoint_config(checkpoint);
    if (find_blocks(matrix, config))
        return DSVK_OK;
    if (config->block_rows == 0)
        return bad_scale_shape(ctx, matrix);
    char text[96];
    return dv_fail(ctx, DSVK_BAD_FILE,
                   "checkpoint: %s: %s scales where a matrix of %u x %u has %u x %u blocks of %u x "
                   "%u",
                   scale->name, dv_matrix_shape_text(scale, text, sizeof text), matrix->rows,
                   matrix->cols, (uint32_t)dv_ceil_div(matrix->rows, config->block_rows),
                   (uint32_t)dv_ceil_div(matrix->cols, config->block_cols), config->block_rows,
                   config->block_cols);
}

dsvk_status dv_matrix_add_groups(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                                 const struct dv_tensor_file *scale, const char *expected)
{
    if (!scale)
        return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: %s without scales (%s)",
                       matrix->weight->name, dv_dtype_name(matrix->dtype), expected);
    matrix->scale = scale;
    if (matrix->dtype == DV_FP4 ? scale->dtype != DV_F8_E8M0 : !dv_matrix_is_plain(scale->dtype))
        return dv_matrix_bad_format(ctx, scale,
                                    matrix->dtype == DV_FP4 ? "F8_E8M0" : "BF16, F16 or F32");
    matrix->block_rows = 1;
    if (scale->n_dims == 2 && scale->dims[0] == matrix->rows)
        matrix->block_cols = guess_cols(matrix->cols, scale->dims[1]);
    return matrix->block_cols ? DSVK_OK : bad_scale_shape(ctx, matrix);
}
