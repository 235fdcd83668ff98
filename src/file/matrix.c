/* SPDX-License-Identifier: MIT */
/* The tensors that the architecture needs, with shape and format checked. A format is
 * decided tensor by tensor: published configurations do not say which weights stayed unquantised.
 * Values of 4 bits lie in tensors of integers:
 *     INT4   X.weight_packed I32 [rows, cols/8], X.weight_scale [rows, groups]  compressed-tensors
 *     FP4    X.weight I8 or U8 [rows, cols/2], X.scale F8_E8M0 [rows, groups]   DeepSeek
 * Their scales are in matrix_scales.c; their values are not looked at here: they are a sixteenth of
 * such a checkpoint. Packing does. */
#include "base/text.h"
#include "file/faults.h"
#include "file/matrix.h"
#include "tensor/formats.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES 160u

typedef unsigned long long ull; /* for %llu */

const char *dv_matrix_shape_text(const struct dv_tensor_file *tensor, char *text, size_t bytes)
{
    size_t at = 0;
    for (uint32_t i = 0; i < tensor->n_dims && at < bytes; i++)
        at += (size_t)snprintf(text + at, bytes - at, i ? " x %llu" : "%llu", (ull)tensor->dims[i]);
    if (tensor->n_dims == 0)
        snprintf(text, bytes, "single");
    return text;
}

static dsvk_status find(const struct dv_tensor_file **tensor, const struct dv_context *ctx,
                        const struct dv_checkpoint *checkpoint, const char *name)
{
    *tensor = dv_checkpoint_find(checkpoint, name);
    if (*tensor)
        return DSVK_OK;
    return dv_checkpoint_missing(ctx, checkpoint, name);
}

bool dv_matrix_is_plain(enum dv_dtype dtype)
{
    return dtype == DV_F32 || dtype == DV_F16 || dtype == DV_BF16;
}

dsvk_status dv_matrix_bad_format(const struct dv_context *ctx, const struct dv_tensor_file *tensor,
                                 const char *expected)
{
    return dv_fail(ctx, DSVK_UNSUPPORTED, "checkpoint: %s: format %s, not %s", tensor->name,
                   dv_dtype_name(tensor->dtype), expected);
}

/* The tensor called as `name` is but for the last `tail` characters, which `end` replaces. */
const struct dv_tensor_file *dv_matrix_beside(const struct dv_checkpoint *checkpoint,
                                              const char *name, size_t tail, const char *end)
{
    char   text[NAME_BYTES + 16];
    size_t length = strlen(name);
    if (length >= NAME_BYTES || length < tail)
        return NULL;
    snprintf(text, sizeof text, "%.*s%s", (int)(length - tail), name, end);
    return dv_checkpoint_find(checkpoint, text);
}

/* ---- 4 bits ---- */

static dsvk_status check_packed(const struct dv_matrix_file *matrix, const struct dv_context *ctx)
{
    uint32_t                     columns = dv_format_packing(matrix->dtype);
    const struct dv_tensor_file *weight  = matrix->weight;
    char                         text[96];
    if (matrix->cols % 8 != 0)
        return dv_fail(ctx, DSVK_UNSUPPORTED, "checkpoint: %s: %s with %u columns, not times 8",
                       weight->name, dv_dtype_name(matrix->dtype), matrix->cols);
    if (weight->n_dims != 2 || weight->dims[0] != matrix->rows ||
        weight->dims[1] != matrix->cols / columns)
        return dv_fail(ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: shape %s, where config says %u x %u, %u columns a value",
                       weight->name, dv_matrix_shape_text(weight, text, sizeof text), matrix->rows,
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

/* Also such as nobody here could read: without them the values would be others. */
static bool has_zero_points(const struct dv_checkpoint *checkpoint, const char *name)
{
    char                   text[NAME_BYTES + 16];
    const struct dv_fault *fault;
    snprintf(text, sizeof text, "%.*s_zero_point", (int)NAME_BYTES, name);
    fault = dv_checkpoint_fault(checkpoint, text);
    return dv_checkpoint_find(checkpoint, text) || (fault && fault->status == DSVK_UNSUPPORTED);
}

static dsvk_status find_int4(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                             const struct dv_checkpoint *checkpoint, const char *name)
{
    dsvk_status                  status;
    const struct dv_tensor_file *shape = dv_matrix_beside(checkpoint, name, 0, "_shape");
    matrix->dtype                      = DV_INT4;
    if (matrix->weight->dtype != DV_I32)
        return dv_matrix_bad_format(ctx, matrix->weight, "I32");
    TRY(check_packed(matrix, ctx));
    if (shape && !says_shape(checkpoint, shape, matrix->rows, matrix->cols))
        return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: not the shape %u x %u", shape->name,
                       matrix->rows, matrix->cols);
    if (has_zero_points(checkpoint, name))
        return dv_fail(ctx, DSVK_UNSUPPORTED, "checkpoint: %s_zero_point: INT4 with zero points",
                       name);
    return dv_matrix_add_groups(matrix, ctx, dv_matrix_beside(checkpoint, name, 0, "_scale"),
                                "X.weight_scale");
}

static dsvk_status find_fp4(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                            const struct dv_checkpoint *checkpoint)
{
    dsvk_status                  status;
    const struct dv_tensor_file *weight = matrix->weight;
    if (weight->n_dims == 2 && weight->dims[0] == matrix->rows && weight->dims[1] == matrix->cols)
        return dv_fail(ctx, DSVK_UNSUPPORTED,
                       "checkpoint: %s: INT8 weights are not supported, only packed INT4 and FP4",
                       weight->name);
    matrix->dtype = DV_FP4;
    TRY(check_packed(matrix, ctx));
    return dv_matrix_add_groups(matrix, ctx, dv_matrix_find_scale(checkpoint, weight->name),
                                "X.scale, X.weight_scale or X.weight_scale_inv");
}

static bool is_byte(enum dv_dtype dtype)
{
    return dtype == DV_I8 || dtype == DV_U8;
}

enum dv_dtype dv_tensor_values(const struct dv_tensor_file *tensor)
{
    if (tensor->dtype == DV_I32 && dv_text_ends(tensor->name, WEIGHT "_packed"))
        return DV_INT4;
    if (is_byte(tensor->dtype) && dv_text_ends(tensor->name, WEIGHT))
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
                       weight->name, dv_matrix_shape_text(weight, text, sizeof text), matrix->rows,
                       matrix->cols);
    if (weight->dtype == DV_F8_E4M3)
        return dv_matrix_add_fp8_scale(matrix, ctx, checkpoint);
    if (!dv_matrix_is_plain(weight->dtype))
        return dv_matrix_bad_format(ctx, weight, "F32, F16, BF16, F8_E4M3, or packed INT4 or FP4");
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
    if (!made.weight && dv_text_ends(name, WEIGHT)) {
        made.weight = dv_matrix_beside(checkpoint, name, 0, "_packed");
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
                       dv_matrix_shape_text(found, text, sizeof text), n);
    if (!dv_matrix_is_plain(found->dtype))
        return dv_matrix_bad_format(ctx, found, "F32, F16 or BF16");
    *vector = found;
    return DSVK_OK;
}
