/* SPDX-License-Identifier: MIT */
/* The tensors that the architecture needs, with shape and format checked. A format is
 * decided tensor by tensor: published configurations do not say which weights stayed unquantised.
 * Values of 4 bits lie in tensors of integers:
 *     INT4   X.weight_packed I32 [rows, cols/8], X.weight_scale [rows, groups]  compressed-tensors
 *     FP4    X.weight I8 or U8 [rows, cols/2], X.scale F8_E8M0 [rows, groups]   DeepSeek
 * Their scales are not looked at here: they are a sixteenth of such a checkpoint. Packing does. */
#include "file/checkpoint.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES 160u
#define WEIGHT ".weight"

typedef unsigned long long ull; /* for %llu */

static const char *shape_text(const struct dv_tensor_file *tensor, char *text, size_t bytes)
{
    size_t at = 0;
    for (uint32_t i = 0; i < tensor->n_dims && at < bytes; i++)
        at += (size_t)snprintf(text + at, bytes - at, i ? " x %llu" : "%llu", (ull)tensor->dims[i]);
    if (tensor->n_dims == 0)
        snprintf(text, bytes, "no dimensions");
    return text;
}

static dsvk_status find(const struct dv_tensor_file **tensor, const struct dv_context *ctx,
                        const struct dv_checkpoint *checkpoint, const char *name)
{
    *tensor = dv_checkpoint_find(checkpoint, name);
    if (*tensor)
        return DSVK_OK;
    return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: no tensor %s",
                   dv_checkpoint_folder(checkpoint), name);
}

static bool is_plain_float(enum dv_dtype dtype)
{
    return dtype == DV_F32 || dtype == DV_F16 || dtype == DV_BF16;
}

static dsvk_status bad_format(const struct dv_context *ctx, const struct dv_tensor_file *tensor,
                              const char *expected)
{
    return dv_fail(ctx, DSVK_UNSUPPORTED, "checkpoint: %s: format %s, not %s", tensor->name,
                   dv_dtype_name(tensor->dtype), expected);
}

/* Block sizes in use and likely ones, the likeliest first. */
static const uint32_t block_sizes[] = { 128, 64, 32, 16, 256, 512 };
#define N_BLOCK_SIZES (sizeof block_sizes / sizeof *block_sizes)

/* Whether blocks of `block` values cover n values with `blocks` blocks. */
static bool fits(uint32_t n, uint64_t blocks, uint32_t block)
{
    return block != 0 && ((uint64_t)n + block - 1) / block == blocks;
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

/* A size that the config names is the only one: with another, scales of a wrong shape would be
 * taken for those of other blocks. */
static bool find_blocks(struct dv_matrix_file *matrix, const struct dv_config *config)
{
    const uint64_t *dims = matrix->scale->dims;
    uint32_t        rows = config->block_rows, cols = config->block_cols;
    bool            named = rows != 0, found;
    if (matrix->scale->n_dims != 2)
        return false;
    found = fits(matrix->rows, dims[0], rows) && fits(matrix->cols, dims[1], cols);
    if (named && !found)
        return false;
    for (size_t i = 0; i < N_BLOCK_SIZES && !found; i++) {
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
            if (!(value > 0.0f && value <= 3.4028235e38f))
                return dv_fail(ctx, DSVK_BAD_FILE,
                               "checkpoint: %s: scale %llu is %g, not finite and above 0",
                               scale->name, (ull)(at / each + i), (double)value);
        }
    }
    return DSVK_OK;
}

/* The tensor called as `name` is but for the last `tail` characters, which `end` replaces. */
static const struct dv_tensor_file *find_beside(const struct dv_checkpoint *checkpoint,
                                                const char *name, size_t tail, const char *end)
{
    char   text[NAME_BYTES + 16];
    size_t length = strlen(name);
    if (length >= NAME_BYTES || length < tail)
        return NULL;
    snprintf(text, sizeof text, "%.*s%s", (int)(length - tail), name, end);
    return dv_checkpoint_find(checkpoint, text);
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* `X.weight` has `X.weight_scale_inv`, or `X.scale` in later releases. */
static const struct dv_tensor_file *find_scale(const struct dv_checkpoint *checkpoint,
                                               const char                 *name)
{
    const struct dv_tensor_file *scale = find_beside(checkpoint, name, 0, "_scale_inv");
    if (scale || !ends_with(name, WEIGHT))
        return scale;
    return find_beside(checkpoint, name, strlen(WEIGHT), ".scale");
}

static dsvk_status bad_scale_shape(const struct dv_context     *ctx,
                                   const struct dv_matrix_file *matrix)
{
    char text[96];
    return dv_fail(ctx, DSVK_BAD_FILE,
                   "checkpoint: %s: %s scales do not divide a matrix of %u x %u into blocks",
                   matrix->scale->name, shape_text(matrix->scale, text, sizeof text), matrix->rows,
                   matrix->cols);
}

static dsvk_status add_scale(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                             const struct dv_checkpoint *checkpoint)
{
    const char                  *name  = matrix->weight->name;
    const struct dv_tensor_file *scale = find_scale(checkpoint, name);
    if (!scale)
        return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: FP8 without %s_scale_inv", name, name);
    if (!is_plain_float(scale->dtype) && scale->dtype != DV_F8_E8M0)
        return bad_format(ctx, scale, "F32, F16, BF16 or F8_E8M0");
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
                   scale->name, shape_text(scale, text, sizeof text), matrix->rows, matrix->cols,
                   (matrix->rows - 1) / config->block_rows + 1,
                   (matrix->cols - 1) / config->block_cols + 1, config->block_rows,
                   config->block_cols);
}

/* ---- 4 bits ---- */

/* Scales for each row and group of columns; groups are whole words of a packed row. */
static dsvk_status add_row_scales(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                                  const struct dv_tensor_file *scale, const char *expected)
{
    if (!scale)
        return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: %s without scales (%s)",
                       matrix->weight->name, dv_dtype_name(matrix->dtype), expected);
    matrix->scale = scale;
    if (matrix->dtype == DV_FP4 ? scale->dtype != DV_F8_E8M0 : !is_plain_float(scale->dtype))
        return bad_format(ctx, scale, matrix->dtype == DV_FP4 ? "F8_E8M0" : "BF16, F16 or F32");
    matrix->block_rows = 1;
    if (scale->n_dims == 2 && scale->dims[0] == matrix->rows)
        matrix->block_cols = guess_cols(matrix->cols, scale->dims[1]);
    return matrix->block_cols ? DSVK_OK : bad_scale_shape(ctx, matrix);
}

static dsvk_status check_packed(const struct dv_matrix_file *matrix, const struct dv_context *ctx,
                                uint32_t columns)
{
    const struct dv_tensor_file *weight = matrix->weight;
    char                         text[96];
    if (matrix->cols % 8 != 0)
        return dv_fail(ctx, DSVK_UNSUPPORTED, "checkpoint: %s: %s with %u columns, not times 8",
                       weight->name, dv_dtype_name(matrix->dtype), matrix->cols);
    if (weight->n_dims != 2 || weight->dims[0] != matrix->rows ||
        weight->dims[1] != matrix->cols / columns)
        return dv_fail(ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: shape %s, where config says %u x %u, %u columns a value",
                       weight->name, shape_text(weight, text, sizeof text), matrix->rows,
                       matrix->cols, columns);
    return DSVK_OK;
}

/* The shape that compressed-tensors stores as a tensor, where it is there. */
static bool says_shape(const struct dv_checkpoint *checkpoint, const struct dv_tensor_file *shape,
                       uint32_t rows, uint32_t cols)
{
    uint64_t      said[2] = { 0 };
    unsigned char data[16];
    uint32_t      each = dv_dtype_bytes(shape->dtype);
    if ((shape->dtype != DV_I32 && shape->dtype != DV_I64) || shape->bytes != 2 * each ||
        dv_checkpoint_read(checkpoint, data, shape->data, shape->bytes) != shape->bytes)
        return false;
    memcpy(&said[0], data, each); /* little-endian */
    memcpy(&said[1], data + each, each);
    return said[0] == rows && said[1] == cols;
}

static dsvk_status find_int4(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                             const struct dv_checkpoint *checkpoint, const char *name)
{
    dsvk_status                  status;
    const struct dv_tensor_file *shape = find_beside(checkpoint, name, 0, "_shape");
    matrix->dtype                      = DV_INT4;
    if (matrix->weight->dtype != DV_I32)
        return bad_format(ctx, matrix->weight, "I32");
    TRY(check_packed(matrix, ctx, 8));
    if (shape && !says_shape(checkpoint, shape, matrix->rows, matrix->cols))
        return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: not the shape %u x %u", shape->name,
                       matrix->rows, matrix->cols);
    if (find_beside(checkpoint, name, 0, "_zero_point"))
        return dv_fail(ctx, DSVK_UNSUPPORTED, "checkpoint: %s_zero_point: INT4 with zero points",
                       name);
    return add_row_scales(matrix, ctx, find_beside(checkpoint, name, 0, "_scale"),
                          "X.weight_scale");
}

static dsvk_status find_fp4(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                            const struct dv_checkpoint *checkpoint)
{
    dsvk_status status;
    matrix->dtype = DV_FP4;
    TRY(check_packed(matrix, ctx, 2));
    return add_row_scales(matrix, ctx, find_scale(checkpoint, matrix->weight->name),
                          "X.scale or X.weight_scale_inv");
}

static bool is_byte(enum dv_dtype dtype)
{
    return dtype == DV_I8 || dtype == DV_U8;
}

enum dv_dtype dv_tensor_values(const struct dv_tensor_file *tensor)
{
    if (tensor->dtype == DV_I32 && ends_with(tensor->name, WEIGHT "_packed"))
        return DV_INT4;
    if (is_byte(tensor->dtype) && ends_with(tensor->name, WEIGHT))
        return DV_FP4;
    return tensor->dtype;
}

/* ---- finding ---- */

static dsvk_status find_plain(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                              const struct dv_checkpoint *checkpoint)
{
    const struct dv_tensor_file *weight = matrix->weight;
    char                         text[96];
    matrix->dtype = weight->dtype;
    if (weight->n_dims != 2 || weight->dims[0] != matrix->rows || weight->dims[1] != matrix->cols)
        return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: shape %s, where config says %u x %u",
                       weight->name, shape_text(weight, text, sizeof text), matrix->rows,
                       matrix->cols);
    if (weight->dtype == DV_F8_E4M3)
        return add_scale(matrix, ctx, checkpoint);
    if (!is_plain_float(weight->dtype))
        return bad_format(ctx, weight, "F32, F16, BF16, F8_E4M3, or packed INT4 or FP4");
    return DSVK_OK;
}

dsvk_status dv_checkpoint_matrix(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                                 const struct dv_checkpoint *checkpoint, const char *name,
                                 uint32_t rows, uint32_t cols)
{
    dsvk_status           status;
    struct dv_matrix_file made = { .rows = rows, .cols = cols };
    memset(matrix, 0, sizeof *matrix);
    made.weight = dv_checkpoint_find(checkpoint, name);
    if (!made.weight && ends_with(name, WEIGHT)) {
        made.weight = find_beside(checkpoint, name, 0, "_packed");
        if (made.weight) {
            TRY(find_int4(&made, ctx, checkpoint, name));
            *matrix = made;
            return DSVK_OK;
        }
    }
    TRY(find(&made.weight, ctx, checkpoint, name));
    if (is_byte(made.weight->dtype))
        TRY(find_fp4(&made, ctx, checkpoint));
    else
        TRY(find_plain(&made, ctx, checkpoint));
    *matrix = made;
    return DSVK_OK;
}

dsvk_status dv_checkpoint_vector(const struct dv_tensor_file **vector, const struct dv_context *ctx,
                                 const struct dv_checkpoint *checkpoint, const char *name,
                                 uint32_t n)
{
    dsvk_status                  status;
    char                         text[96];
    const struct dv_tensor_file *found;
    *vector = NULL;
    TRY(find(&found, ctx, checkpoint, name));
    if (found->n_dims != 1 || found->dims[0] != n)
        return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: shape %s, where config says %u", name,
                       shape_text(found, text, sizeof text), n);
    if (!is_plain_float(found->dtype))
        return bad_format(ctx, found, "F32, F16 or BF16");
    *vector = found;
    return DSVK_OK;
}
