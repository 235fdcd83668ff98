/* SPDX-License-Identifier: MIT */
/* Makes stored weights narrower, value for value. The scale of a group is chosen by trying, so it
 * depends on the group alone and is the same on load and in a written checkpoint. */
#include "pack/narrow.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/size.h"

#define E4M3_MAX 448.0f

/* ---- reading ---- */

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void read_row(float *out, enum dv_dtype dtype, const unsigned char *data, uint64_t index,
                     uint32_t n)
{
    uint16_t half;
    switch (dtype) {
    case DV_F32:
        memcpy(out, data + index * 4, (size_t)n * 4);
        return;
    case DV_BF16:
        for (uint32_t i = 0; i < n; i++) {
            memcpy(&half, data + (index + i) * 2, 2);
            out[i] = from_bits((uint32_t)half << 16);
        }
        return;
    case DV_F8_E4M3: /* subnormals too: the product is exact */
        for (uint32_t i = 0; i < n; i++) {
            uint32_t byte = data[index + i];
            out[i]        = from_bits((byte & 0x80u) << 24 | (byte & 0x7Fu) << 20) * 0x1p120f;
        }
        return;
    default:
        for (uint32_t i = 0; i < n; i++)
            out[i] = dv_dtype_get(dtype, data, index + i);
    }
}

void dv_convert_read(float *out, const struct dv_layout_source *part, uint32_t row, uint32_t col,
                     uint32_t n)
{
    read_row(out, part->dtype, part->data, (uint64_t)row * part->cols + col, n);
    if (!part->scale)
        return;
    uint64_t a_row = dv_ceil_div(part->cols, part->block_cols);
    for (uint32_t i = 0; i < n;) {
        uint32_t block = (col + i) / part->block_cols;
        float    scale =
            dv_dtype_get(part->scale_dtype, part->scale, row / part->block_rows * a_row + block);
        for (; i < n && (col + i) / part->block_cols == block; i++)
            out[i] *= scale;
    }
}

static float largest(const float *values, uint32_t n)
{
    float most = 0;
    for (uint32_t i = 0; i < n; i++) {
        float size = fabsf(values[i]);
        most       = size > most || size != size ? size : most; /* NaN stays */
    }
    return most;
}

/* ---- FP8 ---- */

float dv_convert_block(const struct dv_layout_source *part, uint32_t row, uint32_t col)
{
    float    values[DV_FP8_BLOCK], most = 0;
    uint32_t first = row / DV_FP8_BLOCK * DV_FP8_BLOCK, from = col / DV_FP8_BLOCK * DV_FP8_BLOCK;
    uint32_t end = dv_min(part->rows, first + DV_FP8_BLOCK);
    uint32_t n   = dv_min(part->cols - from, DV_FP8_BLOCK);
    for (uint32_t r = first; r < end; r++) {
        dv_convert_read(values, part, r, from, n);
        float size = largest(values, n);
        most       = size > most || size != size ? size : most;
    }
    return most > 0 || most != most ? most / E4M3_MAX : 1.0f;
}

/* ---- groups ---- */

/* Nearest, ties to even, for sizes below 2^22; compilers make vectors of it, other than of calls.
 */
static float to_whole(float x)
{
    return x + 12582912.0f - 12582912.0f;
}

static float int4_round(float x)
{
    float whole = to_whole(x);
    return whole < -8.0f ? -8.0f : whole > 7.0f ? 7.0f : whole;
}

static float int4_error(const float *values, float scale)
{
    float sum = 0, inverse = 1.0f / scale;
    for (uint32_t i = 0; i < DV_GROUP; i++) {
        float error = values[i] - scale * int4_round(values[i] * inverse);
        sum += error * error;
    }
    return sum;
}

static void try_int4(float *best, float *least, const float *values, float scale)
{
    float rounded = dv_bf16_decode(dv_bf16_encode(scale));
    float error;
    if (!(rounded > 0x1p-100f)) /* its inverse must be a number, too */
        return;
    error = int4_error(values, rounded);
    if (error < *least) {
        *least = error;
        *best  = rounded;
    }
}

/* From the largest value at 8.5 down to where it is cut at 5.7 of them, then the best scale for the
 * codes found: least squares. A group of equal signs may use -8, so 8 is tried as well. */
static float int4_scale(const float *values, float most)
{
    float best = most / 7.0f, least = INFINITY, above = 0, below = 0;
    for (uint32_t step = 0; step < 15; step++)
        try_int4(&best, &least, values, most / (8.5f - 0.2f * (float)step));
    for (uint32_t i = 0; i < DV_GROUP; i++) {
        float code = int4_round(values[i] / best);
        above += values[i] * code;
        below += code * code;
    }
    if (below > 0)
        try_int4(&best, &least, values, above / below);
    return best;
}

static float fp4_error(const float *values, float scale)
{
    float sum = 0;
    for (uint32_t i = 0; i < DV_GROUP; i++) {
        float error = values[i] - scale * dv_e2m1_decode(dv_e2m1_encode(values[i] / scale));
        sum += error * error;
    }
    return sum;
}

/* The least power of two at which nothing is cut, or half of it. */
static float fp4_scale(const float *values, float most)
{
    int   power;
    float part = frexpf(most / 6.0f, &power); /* 0.5 <= part < 1 */
    power -= part == 0.5f;
    power       = power < -126 ? -126 : power > 113 ? 113 : power;
    float whole = ldexpf(1.0f, power), half = power > -126 ? ldexpf(1.0f, power - 1) : whole;
    return fp4_error(values, half) < fp4_error(values, whole) ? half : whole;
}

void dv_convert_group(struct dv_group *group, enum dv_dtype dtype, const float *given, uint32_t n)
{
    float values[DV_GROUP] = { 0 };
    memcpy(values, given, n * sizeof *values);
    float most = largest(values, n);
    memset(group->codes, dtype == DV_INT4 ? 8 : 0, sizeof group->codes);
    group->scale = 1.0f;
    if (!(most < INFINITY)) {
        group->scale = NAN;
        return;
    }
    if (most < 0x1p-90f) /* as good as zero, and far from what is too small for a scale */
        return;
    group->scale = dtype == DV_INT4 ? int4_scale(values, most) : fp4_scale(values, most);
    for (uint32_t i = 0; i < n; i++)
        group->codes[i] = dtype == DV_INT4
                              ? (unsigned char)(8 + (int)int4_round(values[i] / group->scale))
                              : dv_e2m1_encode(values[i] / group->scale);
}

/* ---- the form ---- */

struct dv_layout_source dv_convert_form(const struct dv_layout_source *part)
{
    static const unsigned char there[4];
    struct dv_layout_source    form = *part;
    if (!part->converted)
        return form;
    form.dtype      = part->target;
    form.converted  = false;
    form.data       = NULL;
    form.scale      = NULL;
    form.block_rows = form.block_cols = 0;
    const struct dv_format *format    = dv_format_of(part->target);
    if (format->scales == DV_SCALES_NONE)
        return form;
    form.scale       = there;
    form.scale_dtype = format->scale_dtype;
    form.block_rows  = format->block_rows;
    form.block_cols  = format->block_cols;
    return form;
}

/* ---- as they are stored ---- */

static uint32_t scales_a_row(uint32_t cols, uint32_t block)
{
    return dv_ceil_div(cols, block);
}

static void write_fp8(unsigned char *codes, unsigned char *scales,
                      const struct dv_layout_source *part, uint32_t first, uint32_t end)
{
    float    values[DV_FP8_BLOCK];
    uint32_t wide = scales_a_row(part->cols, DV_FP8_BLOCK);
    for (uint32_t row = first; row < end; row++)
        for (uint32_t b = 0; b < wide; b++) {
            uint32_t       col = b * DV_FP8_BLOCK, left = part->cols - col;
            uint32_t       n  = dv_min(left, DV_FP8_BLOCK);
            unsigned char *at = scales + ((size_t)(row - first) / DV_FP8_BLOCK * wide + b) * 4;
            float          scale;
            if ((row - first) % DV_FP8_BLOCK == 0) {
                scale = dv_convert_block(part, row, col);
                memcpy(at, &scale, 4);
            }
            memcpy(&scale, at, 4);
            dv_convert_read(values, part, row, col, n);
            for (uint32_t i = 0; i < n; i++)
                *codes++ = dv_e4m3_encode(values[i] / scale);
        }
}

static void write_groups(unsigned char *codes, unsigned char *scales,
                         const struct dv_layout_source *part, uint32_t first, uint32_t end)
{
    for (uint32_t row = first; row < end; row++)
        for (uint32_t col = 0; col < part->cols; col += DV_GROUP) {
            struct dv_group group;
            float           values[DV_GROUP];
            uint32_t        left = part->cols - col, n = dv_min(left, DV_GROUP);
            dv_convert_read(values, part, row, col, n);
            dv_convert_group(&group, part->target, values, n);
            for (uint32_t i = 0; i < n; i += 2)
                *codes++ = (unsigned char)(group.codes[i] | group.codes[i + 1] << 4);
            uint16_t half = dv_bf16_encode(group.scale);
            if (part->target == DV_INT4) {
                memcpy(scales, &half, 2);
                scales += 2;
            } else { /* a power of two is its exponent; NaN is 255 there, too */
                *scales++ = (unsigned char)(half >> 7);
            }
        }
}

void dv_convert_rows(unsigned char *codes, unsigned char *scales,
                     const struct dv_layout_source *part, uint32_t first, uint32_t end)
{
    float values[DV_FP8_BLOCK];
    if (part->target == DV_F8_E4M3) {
        write_fp8(codes, scales, part, first, end);
        return;
    }
    if (part->target != DV_BF16) {
        write_groups(codes, scales, part, first, end);
        return;
    }
    for (uint32_t row = first; row < end; row++)
        for (uint32_t col = 0; col < part->cols; col += DV_FP8_BLOCK) {
            uint32_t left = part->cols - col, n = dv_min(left, DV_FP8_BLOCK);
            dv_convert_read(values, part, row, col, n);
            for (uint32_t i = 0; i < n; i++, codes += 2) {
                uint16_t half = dv_bf16_encode(values[i]);
                memcpy(codes, &half, 2);
            }
        }
}

uint64_t dv_convert_scale_bytes(const struct dv_layout_source *part, uint32_t rows)
{
    struct dv_layout_source form = dv_convert_form(part);
    if (!form.scale)
        return 0;
    return dv_ceil_div(rows, form.block_rows) * scales_a_row(part->cols, form.block_cols) *
           dv_dtype_bytes(form.scale_dtype);
}
