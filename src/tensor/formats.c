/* SPDX-License-Identifier: MIT */
/* The table of weight formats. */
#include "tensor/formats.h"

#include <stddef.h>
#include <string.h>

#define ROW(format, text, stored, holder, scale, rows, cols, zero)                                 \
    [DV_FORMAT_##format] = { .name        = text,                                                  \
                             .dtype       = DV_##stored,                                           \
                             .tensor      = DV_##holder,                                           \
                             .scale_dtype = DV_##scale,                                            \
                             .block_rows  = rows,                                                  \
                             .block_cols  = cols,                                                  \
                             .zeros       = zero,                                                  \
                             .values      = DV_FORMAT_VALUES(DV_FORMAT_##format),                  \
                             .scales      = DV_FORMAT_SCALES(DV_FORMAT_##format),                  \
                             .factor      = DV_FORMAT_FACTOR(DV_FORMAT_##format) }

/* clang-format off */
const struct dv_format dv_formats[DV_N_FORMATS] = {
    /*  format name    stored   in       scales   of rows       and columns   zeros */
    ROW(F32,   "f32",  F32,     F32,     F32,     0,            0,            0),
    ROW(F16,   "f16",  F16,     F16,     F32,     0,            0,            0),
    ROW(BF16,  "bf16", BF16,    BF16,    F32,     0,            0,            0),
    ROW(E4M3,  "fp8",  F8_E4M3, F8_E4M3, F32,     DV_FP8_BLOCK, DV_FP8_BLOCK, 0),
    ROW(INT4,  "int4", INT4,    I32,     BF16,    1,            DV_GROUP,     0x88),
    ROW(FP4,   "fp4",  FP4,     I8,      F8_E8M0, 1,            DV_GROUP,     0),
};
/* clang-format on */

const char *dv_weight_format_name(enum dv_weight_format format)
{
    return (unsigned)format < DV_N_FORMATS ? dv_formats[format].name : "?";
}

const struct dv_format *dv_format_of(enum dv_dtype dtype)
{
    for (unsigned i = 0; i < DV_N_FORMATS; i++)
        if (dv_formats[i].dtype == dtype)
            return &dv_formats[i];
    return NULL;
}

const struct dv_format *dv_format_find(const char *dtype)
{
    for (unsigned i = 0; i < DV_N_FORMATS; i++)
        if (strcmp(dv_dtype_name(dv_formats[i].dtype), dtype) == 0)
            return &dv_formats[i];
    return NULL;
}

uint32_t dv_format_packing(enum dv_dtype dtype)
{
    const struct dv_format *format = dv_format_of(dtype);
    return format ? (uint32_t)(dv_dtype_size(format->tensor, 8) / dv_dtype_size(dtype, 8)) : 1;
}
