/* SPDX-License-Identifier: MIT */
/* Chooses the packed format of a matrix and where its tiles and scales begin. It looks at shapes
 * and formats only; pack.c and its neighbours move the values. */
#include "pack/narrow.h"

#include <string.h>

#include "base/size.h"

#define TILE_BYTES 128u /* 8 rows x 16 bytes */
#define MAX_SHIFT 31u   /* one scale for a whole row */

static bool is_pair(const struct dv_weight_info *info)
{
    return info->kind == DV_WEIGHT_PAIR;
}

/* log2 of the longest runs, counted from `first`, that no border between blocks cuts. */
static uint32_t uncut_shift(uint32_t first, uint32_t count, uint32_t block)
{
    if (block == 0 || first / block == (first + count - 1) / block)
        return MAX_SHIFT;
    uint32_t shift = 0;
    while (!((first | block) >> shift & 1u))
        shift++;
    return shift;
}

/* Whether a part's FP8 bytes can stay: 8 packed rows and 2^shift packed columns share a scale. */
static bool keeps_blocks(uint32_t *shift, const struct dv_weight_info *info,
                         const struct dv_layout_source *part)
{
    uint32_t block_rows = part->scale ? part->block_rows : 0;
    uint32_t block_cols = part->scale ? part->block_cols : 0;
    for (uint32_t s = 0; s < info->slices; s++) {
        uint32_t first = info->row0 + s * info->row_step;
        uint32_t taken = info->n_parts == 1 ? info->rows : part->rows;
        uint32_t rows  = info->transposed ? uncut_shift(0, info->rows, block_cols)
                                          : uncut_shift(first, taken, block_rows);
        uint32_t cols  = info->transposed ? uncut_shift(first, info->cols, block_rows)
                                          : uncut_shift(0, info->cols, block_cols);
        *shift         = cols < *shift ? cols : *shift;
        if (rows < 3 || cols < 4)
            return false;
    }
    return true;
}

/* The same for 4 bits: each row has a scale for each 32 columns, which bf16 holds exactly. */
static bool keeps_rows(const struct dv_weight_info *info, const struct dv_layout_source *part)
{
    return !info->transposed && part->scale && part->block_rows == 1 &&
           (part->block_cols % DV_GROUP == 0 || part->block_cols >= part->cols) &&
           part->cols % 8 == 0 && (part->scale_dtype == DV_BF16 || part->scale_dtype == DV_F8_E8M0);
}

/* The shapes of the sources against the recipe; the sum of 64-bit terms cannot overflow. */
static bool shapes_fit(const struct dv_weight_info *info, const struct dv_layout_source *parts)
{
    if (info->n_parts == 0 || info->n_parts > DV_MAX_PARTS || info->slices == 0 ||
        info->rows == 0 || info->cols == 0)
        return false;
    for (uint32_t p = 0; p < info->n_parts; p++)
        if (parts[p].scale && (parts[p].block_rows == 0 || parts[p].block_cols == 0))
            return false;
    if (info->n_parts > 1 && (info->slices != 1 || info->row0 != 0 || info->transposed))
        return false;
    if (is_pair(info) && (info->n_parts != 2 || parts[0].rows != parts[1].rows))
        return false;
    uint64_t rows = 0;
    for (uint32_t p = 0; p < info->n_parts; p++) {
        bool last = p + 1 == info->n_parts;
        if (parts[p].cols != (info->transposed ? info->rows : info->cols) ||
            (!is_pair(info) && !last && parts[p].rows % 8 != 0))
            return false;
        rows += parts[p].rows;
    }
    uint64_t taken = info->transposed ? info->cols : info->rows;
    if (info->n_parts == 1)
        return info->row0 + (uint64_t)(info->slices - 1) * info->row_step + taken <= rows;
    return is_pair(info) ? parts[0].rows == taken : rows == taken;
}

static dsvk_status choose_format(struct dv_layout *layout, const struct dv_context *ctx,
                                 const struct dv_weight_info   *info,
                                 const struct dv_layout_source *parts)
{
    uint32_t shift = MAX_SHIFT;
    for (uint32_t p = 0; p < info->n_parts; p++) {
        struct dv_layout_source part   = dv_convert_form(&parts[p]);
        const struct dv_format *format = dv_format_of(part.dtype);
        if (!format)
            return dv_fail(ctx, DSVK_UNSUPPORTED, "layout: %s: weights in %s", info->name,
                           dv_dtype_name(part.dtype));
        if (p == 0)
            layout->format = (enum dv_weight_format)(format - dv_formats);
        if (format != &dv_formats[layout->format] ||
            (format->scales == DV_SCALES_BLOCKS && !keeps_blocks(&shift, info, &part)) ||
            (format->scales == DV_SCALES_ROWS && !keeps_rows(info, &part)))
            layout->format = DV_FORMAT_F32;
    }
    if (dv_formats[layout->format].scales == DV_SCALES_BLOCKS) {
        layout->block_shift = shift;
        layout->blocks      = (uint32_t)(((uint64_t)info->cols + (1u << shift) - 1) >> shift);
    }
    return DSVK_OK;
}

/* All 8-row groups of the packed matrix. */
uint32_t dv_layout_groups(const struct dv_layout *layout, const struct dv_weight_info *info)
{
    return layout->groups * info->slices * (is_pair(info) ? 2 : 1);
}

/* factors are below 2^32 and *bytes never exceeds it, so that no product wraps */
static bool grows_below_4g(uint64_t *bytes, uint64_t factor)
{
    *bytes *= factor;
    return *bytes <= UINT32_MAX;
}

dsvk_status dv_layout_of(struct dv_layout *layout, const struct dv_context *ctx,
                         const struct dv_weight_info *info, const struct dv_layout_source *parts)
{
    dsvk_status status;
    *layout = (struct dv_layout){ .block_shift = MAX_SHIFT };
    if (!shapes_fit(info, parts))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT,
                       "layout: %s: the stored tensors do not give %u slices of [%u, %u]",
                       info->name, info->slices, info->rows, info->cols);
    if (info->cols % 4 != 0)
        return dv_fail(ctx, DSVK_UNSUPPORTED, "layout: %s: %u columns, not a multiple of 4",
                       info->name, info->cols);
    TRY(choose_format(layout, ctx, info, parts));

    layout->chunks = dv_ceil_div(info->cols, dv_formats[layout->format].values);
    if (dv_formats[layout->format].scales == DV_SCALES_ROWS)
        layout->blocks = layout->chunks * 4; /* words of scales */
    layout->groups  = dv_ceil_div(info->rows, 8);
    uint64_t groups = (uint64_t)layout->groups * (is_pair(info) ? 2 : 1), tiles = TILE_BYTES;
    bool     fits = grows_below_4g(&groups, info->slices) && grows_below_4g(&tiles, groups) &&
                grows_below_4g(&tiles, layout->chunks);
    uint64_t scales = groups * 4;
    fits = fits && grows_below_4g(&scales, layout->blocks) && tiles + scales <= UINT32_MAX - 255;
    if (!fits)
        return dv_fail(ctx, DSVK_UNSUPPORTED, "layout: %s: %u x [%u, %u] is above 4 GiB",
                       info->name, info->slices, info->rows, info->cols);
    layout->scales = (uint32_t)tiles;
    layout->bytes  = dv_round_up(tiles + scales, 256);
    return DSVK_OK;
}

void dv_layout_place(struct dv_weight_place *place, const struct dv_layout *layout,
                     uint64_t address)
{
    *place = (struct dv_weight_place){
        .address     = address,
        .format      = layout->format,
        .scales      = layout->scales,
        .chunks      = layout->chunks,
        .groups      = layout->groups,
        .block_shift = layout->block_shift,
        .blocks      = layout->blocks,
    };
}

uint64_t dv_layout_value_bytes(const struct dv_layout_source *part, uint64_t rows)
{
    return dv_dtype_size(part->dtype, rows * part->cols);
}

uint64_t dv_layout_scale_bytes(const struct dv_layout_source *part, uint64_t rows)
{
    uint64_t a_row;
    if (!part->scale)
        return 0;
    a_row = dv_ceil_div(part->cols, part->block_cols) * dv_dtype_bytes(part->scale_dtype);
    return dv_ceil_div(rows, part->block_rows) * a_row;
}

uint64_t dv_layout_count_nan(const struct dv_layout_source *part)
{
    uint64_t n = 0, values = (uint64_t)part->rows * part->cols;
    if (part->dtype == DV_F8_E4M3)
        for (uint64_t i = 0; i < values; i++)
            n += (part->data[i] & 0x7Fu) == 0x7Fu;
    return n;
}

uint64_t dv_layout_count_bad_scales(const struct dv_layout_source *part, uint32_t first,
                                    uint32_t end)
{
    const struct dv_format *format = dv_format_of(part->dtype);
    uint64_t                n      = 0, groups;
    if (!format || format->scales != DV_SCALES_ROWS || !part->scale)
        return 0;
    float most = 0x1p127f / format->factor;
    groups     = dv_ceil_div(part->cols, part->block_cols);
    for (uint64_t i = first * groups; i < end * groups; i++) {
        float scale = dv_dtype_get(part->scale_dtype, part->scale, i);
        n += !(scale >= 0.0f && scale <= most);
    }
    return n;
}
