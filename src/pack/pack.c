/* SPDX-License-Identifier: MIT */
/* Bringing stored tensors into the order of pack/layout.h, 8-row group by 8-row group. */
#include <string.h>

#include "base/number.h"
#include "base/size.h"
#include "pack/parts.h"

static bool is_pair(const struct dv_weight_info *info)
{
    return info->kind == DV_WEIGHT_PAIR;
}

static struct dv_group_source find_group(const struct dv_layout        *layout,
                                         const struct dv_weight_info   *info,
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
    uint32_t               start  = info->row0 + slice * info->row_step;
    struct dv_group_source source = { parts, start, first, dv_min(rows - first, 8) };
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
    uint32_t a_row = dv_ceil_div(part->cols, part->block_cols);
    return dv_dtype_get(part->scale_dtype, part->scale,
                        (uint64_t)(row / part->block_rows) * a_row + col / part->block_cols);
}

/* Rows whose bytes stay in order: 16 bytes of each of 8 rows after the other. */
static void pack_rows(unsigned char *out, const struct dv_group_source *from, uint32_t chunks)
{
    uint64_t             row_bytes = (uint64_t)from->part->cols * dv_dtype_bytes(from->part->dtype);
    const unsigned char *data      = from->part->data + from->row * row_bytes;
    uint32_t             whole = (uint32_t)(row_bytes / 16), rest = (uint32_t)(row_bytes % 16);
    if (from->n < 8 || whole < chunks)
        memset(out, 0, (size_t)chunks * DV_TILE_BYTES);
    for (uint32_t c = 0; c < whole; c++)
        for (uint32_t r = 0; r < from->n; r++)
            memcpy(out + (size_t)c * DV_TILE_BYTES + r * 16, data + r * row_bytes + c * 16, 16);
    out += (size_t)whole * DV_TILE_BYTES;
    data += (size_t)whole * 16;
    for (uint32_t r = 0; r < from->n && rest > 0; r++)
        memcpy(out + r * 16, data + r * row_bytes, rest);
}

/* From a word of eight columns: the even ones to the low half, the odd ones to the high half. */
static uint32_t even_nibbles(uint32_t word)
{
    word &= 0x0F0F0F0Fu;
    word = (word | word >> 4) & 0x00FF00FFu;
    return (word | word >> 8) & 0xFFFFu;
}

static void pack_4bit(unsigned char *out, const struct dv_group_source *from,
                      const struct dv_layout *layout)
{
    uint32_t             row_bytes = from->part->cols / 2; /* a multiple of 4 */
    const unsigned char *data      = from->part->data + (uint64_t)from->row * row_bytes;
    if (from->n < 8 || row_bytes % 16 != 0)
        memset(out, dv_formats[layout->format].zeros, (size_t)layout->chunks * DV_TILE_BYTES);
    for (uint32_t r = 0; r < from->n; r++, data += row_bytes)
        for (uint32_t at = 0; at < row_bytes; at += 4) {
            uint32_t word;
            memcpy(&word, data + at, 4);
            word = even_nibbles(word) | even_nibbles(word >> 4) << 16;
            memcpy(out + (size_t)(at / 16) * DV_TILE_BYTES + r * 16 + at % 16, &word, 4);
        }
}

static void pack_row_scales(unsigned char *out, const struct dv_group_source *from,
                            const struct dv_layout *layout)
{
    const struct dv_format *format = &dv_formats[layout->format];
    for (uint32_t c = 0; c < layout->chunks; c++, out += 16) {
        uint16_t scales[8] = { 0 };
        for (uint32_t r = 0; r < from->n; r++)
            scales[r] = dv_bf16_encode(format->factor *
                                       scale_at(from->part, from->row + r, c * format->values));
        memcpy(out, scales, sizeof scales);
    }
}

/* Whether a part becomes F32 because its own format cannot stay. */
static bool is_widened(const struct dv_layout_source *part, const struct dv_layout *layout)
{
    return dv_format_of(part->dtype) != &dv_formats[layout->format];
}

/* Value by value: transposed, or widened to f32. */
static void pack_values(unsigned char *out, const struct dv_group_source *from,
                        const struct dv_layout *layout, const struct dv_weight_info *info)
{
    const struct dv_layout_source *part   = from->part;
    uint32_t                       values = dv_formats[layout->format].values, size = 16 / values;
    bool                           widen = is_widened(part, layout);
    memset(out, 0, (size_t)layout->chunks * DV_TILE_BYTES);
    for (uint32_t k = 0; k < info->cols; k++) {
        unsigned char *at = out + (size_t)(k / values) * DV_TILE_BYTES + k % values * size;
        for (uint32_t r = 0; r < from->n; r++) {
            uint32_t row   = info->transposed ? from->row + k : from->row + r;
            uint32_t col   = info->transposed ? from->col + r : k;
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

static void pack_scales(unsigned char *out, const struct dv_group_source *from,
                        const struct dv_layout *layout, const struct dv_weight_info *info)
{
    float factor = dv_formats[layout->format].factor;
    for (uint32_t b = 0; b < layout->blocks; b++) {
        uint32_t k     = b << layout->block_shift;
        float    scale = factor * (info->transposed ? scale_at(from->part, from->row + k, from->col)
                                                    : scale_at(from->part, from->row, k));
        memcpy(out + (size_t)b * sizeof scale, &scale, sizeof scale);
    }
}

struct dv_packed dv_layout_at(void *out, const struct dv_layout *layout, uint32_t group)
{
    unsigned char *tiles = out, *scales = tiles + layout->scales;
    return (struct dv_packed){ tiles + (size_t)group * layout->chunks * DV_TILE_BYTES,
                               scales + (size_t)group * layout->blocks * 4 };
}

void dv_layout_pack_groups(struct dv_packed to, const struct dv_layout *layout,
                           const struct dv_weight_info *info, const struct dv_layout_source *parts,
                           struct dv_groups groups)
{
    struct dv_scale_line line;
    line.part = NULL;
    for (uint32_t group = groups.first; group < groups.end; group++) {
        struct dv_group_source from = find_group(layout, info, parts, group);
        if (from.part->converted) {
            dv_layout_pack_converted(to, &from, layout, info, &line);
        } else if (dv_formats[layout->format].scales == DV_SCALES_ROWS) {
            pack_4bit(to.tiles, &from, layout);
            pack_row_scales(to.scales, &from, layout);
        } else {
            if (info->transposed || is_widened(from.part, layout))
                pack_values(to.tiles, &from, layout, info);
            else
                pack_rows(to.tiles, &from, layout->chunks);
            pack_scales(to.scales, &from, layout, info);
        }
        to.tiles += (size_t)layout->chunks * DV_TILE_BYTES;
        to.scales += (size_t)layout->blocks * 4;
    }
    if (groups.end == dv_layout_groups(layout, info))
        memset(to.scales, 0,
               layout->bytes - (layout->scales + (size_t)groups.end * layout->blocks * 4));
}

void dv_layout_pack(void *out, const struct dv_layout *layout, const struct dv_weight_info *info,
                    const struct dv_layout_source *parts)
{
    struct dv_groups all = { 0, dv_layout_groups(layout, info) };
    dv_layout_pack_groups(dv_layout_at(out, layout, 0), layout, info, parts, all);
}
