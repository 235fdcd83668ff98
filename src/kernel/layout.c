/* SPDX-License-Identifier: MIT */
#include "kernel/layout.h"

#include <string.h>

#define TILE_BYTES 128u /* 8 rows x 16 bytes */
#define MAX_SHIFT 31u   /* one scale for a whole row */

static bool is_pair(const struct dv_weight_info *info)
{
    return info->kind == DV_WEIGHT_PAIR;
}

static uint32_t format_bytes(enum dv_weight_format format)
{
    return format == DV_FORMAT_F32 ? 4 : format == DV_FORMAT_E4M3 ? 1 : 2;
}

static bool format_of(enum dv_weight_format *format, enum dv_dtype dtype)
{
    switch (dtype) {
    case DV_F32: *format = DV_FORMAT_F32; return true;
    case DV_F16: *format = DV_FORMAT_F16; return true;
    case DV_BF16: *format = DV_FORMAT_BF16; return true;
    case DV_F8_E4M3: *format = DV_FORMAT_E4M3; return true;
    default: return false;
    }
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
        uint32_t rows = info->transposed ? uncut_shift(0, info->rows, block_cols)
                                         : uncut_shift(first, taken, block_rows);
        uint32_t cols = info->transposed ? uncut_shift(first, info->cols, block_rows)
                                         : uncut_shift(0, info->cols, block_cols);
        *shift = cols < *shift ? cols : *shift;
        if (rows < 3 || cols < 4)
            return false;
    }
    return true;
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
                                 const struct dv_weight_info *info,
                                 const struct dv_layout_source *parts)
{
    uint32_t shift = MAX_SHIFT;
    for (uint32_t p = 0; p < info->n_parts; p++) {
        enum dv_weight_format format;
        if (!format_of(&format, parts[p].dtype))
            return dv_fail(ctx, DSVK_UNSUPPORTED, "layout: %s: weights in %s", info->name,
                           dv_dtype_name(parts[p].dtype));
        if (p == 0)
            layout->format = format;
        if (format != layout->format ||
            (format == DV_FORMAT_E4M3 && !keeps_blocks(&shift, info, &parts[p])))
            layout->format = DV_FORMAT_F32;
    }
    if (layout->format == DV_FORMAT_E4M3) {
        layout->block_shift = shift;
        layout->blocks = (uint32_t)(((uint64_t)info->cols + (1u << shift) - 1) >> shift);
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

    uint32_t values = 16 / format_bytes(layout->format);
    layout->chunks = (info->cols - 1) / values + 1;
    layout->groups = (info->rows - 1) / 8 + 1;
    uint64_t groups = (uint64_t)layout->groups * (is_pair(info) ? 2 : 1), tiles = TILE_BYTES;
    bool     fits = grows_below_4g(&groups, info->slices) && grows_below_4g(&tiles, groups) &&
                grows_below_4g(&tiles, layout->chunks);
    uint64_t scales = groups * 4;
    fits = fits && grows_below_4g(&scales, layout->blocks) && tiles + scales <= UINT32_MAX - 255;
    if (!fits)
        return dv_fail(ctx, DSVK_UNSUPPORTED, "layout: %s: %u x [%u, %u] is above 4 GiB",
                       info->name, info->slices, info->rows, info->cols);
    layout->scales = (uint32_t)tiles;
    layout->bytes = (tiles + scales + 255) / 256 * 256;
    return DSVK_OK;
}

/* ---- packing ---- */

/* Where one packed 8-row group comes from. */
struct group_source {
    const struct dv_layout_source *part;
    uint32_t                       row; /* of the tensor; transposed: the first that is a column */
    uint32_t                       col; /* transposed: tensor column of packed row 0 */
    uint32_t                       n;   /* packed rows that exist, 0..8 */
};

static struct group_source find_group(const struct dv_layout *layout,
                                      const struct dv_weight_info *info,
                                      const struct dv_layout_source *parts, uint32_t group)
{
    uint32_t slice = 0, first, rows = info->rows;
    if (is_pair(info)) {
        parts += group % 2;
        first = group / 2 * 8;
    } else {
        slice = group / layout->groups;
        first = group % layout->groups * 8;
    }
    if (!is_pair(info) && info->n_parts > 1) {
        for (; first >= parts->rows; parts++)
            first -= parts->rows;
        rows = parts->rows;
    }
    uint32_t            start = info->row0 + slice * info->row_step;
    struct group_source source = { parts, start, first, rows - first < 8 ? rows - first : 8 };
    if (!info->transposed) {
        source.row += first;
        source.col = 0;
    }
    return source;
}

static float scale_at(const struct dv_layout_source *part, uint32_t row, uint32_t col)
{
    if (!part->scale)
        return 1.0f;
    uint32_t a_row = (part->cols - 1) / part->block_cols + 1;
    return dv_dtype_get(part->scale_dtype, part->scale,
                        (uint64_t)(row / part->block_rows) * a_row + col / part->block_cols);
}

/* Rows whose bytes stay in order: 16 bytes of each of 8 rows after the other. */
static void pack_rows(unsigned char *out, const struct group_source *from, uint32_t chunks)
{
    uint64_t             row_bytes = (uint64_t)from->part->cols * dv_dtype_bytes(from->part->dtype);
    const unsigned char *data = from->part->data + from->row * row_bytes;
    uint32_t             whole = (uint32_t)(row_bytes / 16), rest = (uint32_t)(row_bytes % 16);
    if (from->n < 8 || whole < chunks)
        memset(out, 0, (size_t)chunks * TILE_BYTES);
    for (uint32_t c = 0; c < whole; c++)
        for (uint32_t r = 0; r < from->n; r++)
            memcpy(out + (size_t)c * TILE_BYTES + r * 16, data + r * row_bytes + c * 16, 16);
    out += (size_t)whole * TILE_BYTES;
    data += (size_t)whole * 16;
    for (uint32_t r = 0; r < from->n && rest > 0; r++)
        memcpy(out + r * 16, data + r * row_bytes, rest);
}

/* Value by value: transposed, or widened to f32. */
static void pack_values(unsigned char *out, const struct group_source *from,
                        const struct dv_layout *layout, const struct dv_weight_info *info)
{
    const struct dv_layout_source *part = from->part;
    uint32_t size = format_bytes(layout->format), values = 16 / size;
    bool     widen = dv_dtype_bytes(part->dtype) != size;
    memset(out, 0, (size_t)layout->chunks * TILE_BYTES);
    for (uint32_t k = 0; k < info->cols; k++) {
        unsigned char *at = out + (size_t)(k / values) * TILE_BYTES + k % values * size;
        for (uint32_t r = 0; r < from->n; r++) {
            uint32_t row = info->transposed ? from->row + k : from->row + r;
            uint32_t col = info->transposed ? from->col + r : k;
            uint64_t index = (uint64_t)row * part->cols + col;
            if (widen) {
                float value = dv_dtype_get(part->dtype, part->data, index);
                if (part->scale)
                    value *= scale_at(part, row, col);
                memcpy(at + r * 16, &value, sizeof value);
            } else {
                memcpy(at + r * 16, part->data + index * size, size);
            }
        }
    }
}

static void pack_scales(unsigned char *out, const struct group_source *from,
                        const struct dv_layout *layout, const struct dv_weight_info *info)
{
    for (uint32_t b = 0; b < layout->blocks; b++) {
        uint32_t k = b << layout->block_shift;
        float    scale = DV_SCALE_FACTOR * (info->transposed
                                                 ? scale_at(from->part, from->row + k, from->col)
                                                 : scale_at(from->part, from->row, k));
        memcpy(out + (size_t)b * sizeof scale, &scale, sizeof scale);
    }
}

void dv_layout_pack_parts(void *tiles, void *scales, const struct dv_layout *layout,
                          const struct dv_weight_info *info, const struct dv_layout_source *parts,
                          uint32_t first, uint32_t end)
{
    unsigned char *tile = tiles, *scale = scales;
    for (uint32_t group = first; group < end; group++) {
        struct group_source from = find_group(layout, info, parts, group);
        if (info->transposed || dv_dtype_bytes(from.part->dtype) != format_bytes(layout->format))
            pack_values(tile, &from, layout, info);
        else
            pack_rows(tile, &from, layout->chunks);
        pack_scales(scale, &from, layout, info);
        tile += (size_t)layout->chunks * TILE_BYTES;
        scale += (size_t)layout->blocks * 4;
    }
    if (end == dv_layout_groups(layout, info))
        memset(scale, 0, layout->bytes - (layout->scales + (size_t)end * layout->blocks * 4));
}

void dv_layout_pack_groups(void *out, const struct dv_layout *layout,
                           const struct dv_weight_info *info, const struct dv_layout_source *parts,
                           uint32_t first, uint32_t end)
{
    unsigned char *tiles = out, *scales = tiles + layout->scales;
    dv_layout_pack_parts(tiles + (size_t)first * layout->chunks * TILE_BYTES,
                         scales + (size_t)first * layout->blocks * 4, layout, info, parts, first,
                         end);
}

void dv_layout_pack(void *out, const struct dv_layout *layout, const struct dv_weight_info *info,
                    const struct dv_layout_source *parts)
{
    dv_layout_pack_groups(out, layout, info, parts, 0, dv_layout_groups(layout, info));
}

void dv_layout_place(struct dv_weight_place *place, const struct dv_layout *layout,
                     uint64_t address)
{
    *place = (struct dv_weight_place){
        .address = address,
        .format = layout->format,
        .scales = layout->scales,
        .chunks = layout->chunks,
        .groups = layout->groups,
        .block_shift = layout->block_shift,
        .blocks = layout->blocks,
    };
}

uint64_t dv_layout_count_nan(const struct dv_layout_source *part)
{
    uint64_t n = 0, values = (uint64_t)part->rows * part->cols;
    if (part->dtype == DV_F8_E4M3)
        for (uint64_t i = 0; i < values; i++)
            n += (part->data[i] & 0x7Fu) == 0x7Fu;
    return n;
}
