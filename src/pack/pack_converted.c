/* SPDX-License-Identifier: MIT */
/* Packing a group of rows that are converted on the way: nothing but a line of scales is kept, so
 * that the memory it takes does not depend on the model. */
#include <string.h>

#include "base/number.h"
#include "base/size.h"
#include "pack/parts.h"

#define RUN DV_FP8_BLOCK /* values converted at a time */

/* Columns k .. k+n-1 of packed row r. */
struct run {
    uint32_t      r, k, n;
    float         values[RUN];
    unsigned char codes[RUN]; /* of FP8 only */
};

/* The values as they are stored. */
static void read_run(struct run *run, const struct dv_group_source *from, bool transposed)
{
    if (!transposed) {
        dv_convert_read(run->values, from->part, from->row + run->r, run->k, run->n);
        return;
    }
    for (uint32_t i = 0; i < run->n; i++)
        dv_convert_read(run->values + i, from->part, from->row + run->k + i, from->col + run->r, 1);
}

/* ---- FP8 ---- */

/* The scales along packed row r: those of the last call, or made anew. */
static const float *scales_of(struct dv_scale_line *line, const struct dv_group_source *from,
                              const struct dv_weight_info *info, uint32_t r)
{
    bool     turned = info->transposed;
    uint32_t block  = (turned ? from->col + r : from->row + r) / DV_FP8_BLOCK;
    uint32_t first  = turned ? from->row / DV_FP8_BLOCK : 0;
    uint32_t last   = ((turned ? from->row : 0) + info->cols - 1) / DV_FP8_BLOCK;
    if (line->part == from->part && line->block == block && line->first == first)
        return line->scales;
    for (uint32_t b = first; b <= last; b++)
        line->scales[b - first] = dv_convert_block(from->part, (turned ? b : block) * DV_FP8_BLOCK,
                                                   (turned ? block : b) * DV_FP8_BLOCK);
    line->part  = from->part;
    line->block = block;
    line->first = first;
    return line->scales;
}

static uint32_t scale_index(const struct dv_group_source *from, const struct dv_weight_info *info,
                            uint32_t k)
{
    uint32_t start = info->transposed ? from->row : 0;
    return (start + k) / DV_FP8_BLOCK - start / DV_FP8_BLOCK;
}

/* The codes, and in `values` what they mean: F32 is made of it where the micro-tiles have more than
 * one scale. */
static void convert_fp8(struct run *run, const float *scales, const struct dv_group_source *from,
                        const struct dv_weight_info *info)
{
    for (uint32_t i = 0; i < run->n; i++) {
        float scale    = scales[scale_index(from, info, run->k + i)];
        run->codes[i]  = dv_e4m3_encode(run->values[i] / scale);
        run->values[i] = dv_e4m3_decode(run->codes[i]) * scale;
    }
}

/* ---- groups of 4 bits ---- */

/* Eight codes as a word of the layout: pack/layout.h. */
static uint32_t word_of(const unsigned char codes[8])
{
    uint32_t word = 0;
    for (uint32_t i = 0; i < 4; i++)
        word |= (uint32_t)codes[2 * i] << 4 * i | (uint32_t)codes[2 * i + 1] << (16 + 4 * i);
    return word;
}

/* A chunk of packed row r, whose scale is a bf16. */
static void pack_chunk(struct dv_packed to, const struct dv_group_source *from,
                       const struct dv_layout *layout, uint32_t r, uint32_t c)
{
    struct dv_group group;
    float           values[DV_GROUP];
    uint32_t        left = from->part->cols - c * DV_GROUP, n = dv_min(left, DV_GROUP);
    dv_convert_read(values, from->part, from->row + r, c * DV_GROUP, n);
    dv_convert_group(&group, from->part->target, values, n);
    uint16_t half = dv_bf16_encode(group.scale * dv_formats[layout->format].factor);
    memcpy(to.scales + (size_t)c * 16 + r * 2, &half, 2);
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t word = word_of(group.codes + 8 * i);
        memcpy(to.tiles + (size_t)c * DV_TILE_BYTES + r * 16 + i * 4, &word, 4);
    }
}

static void pack_groups(struct dv_packed to, const struct dv_group_source *from,
                        const struct dv_layout *layout)
{
    memset(to.tiles, dv_formats[layout->format].zeros, (size_t)layout->chunks * DV_TILE_BYTES);
    memset(to.scales, 0, (size_t)layout->blocks * 4);
    for (uint32_t r = 0; r < from->n; r++)
        for (uint32_t c = 0; c < layout->chunks; c++)
            pack_chunk(to, from, layout, r, c);
}

/* What values become in groups, where a neighbour of another format or a turned matrix wants F32:
 * slow, since each value asks for its group. */
static void round_groups(struct run *run, const struct dv_group_source *from, bool transposed)
{
    for (uint32_t i = 0; i < run->n; i++) {
        struct dv_group group;
        float           near[DV_GROUP];
        uint32_t        k = run->k + i, row = from->row + (transposed ? k : run->r);
        uint32_t col = transposed ? from->col + run->r : k, first = col / DV_GROUP * DV_GROUP;
        uint32_t left = from->part->cols - first, of = dv_min(left, DV_GROUP);
        dv_convert_read(near, from->part, row, first, of);
        dv_convert_group(&group, from->part->target, near, of);
        run->values[i] =
            group.scale * dv_dtype_get(from->part->target, &group.codes[col - first], 0);
    }
}

/* ---- both ---- */

/* Into the tiles of its group. */
static void put_run(unsigned char *tiles, const struct dv_layout *layout, const struct run *run)
{
    uint32_t each = dv_formats[layout->format].values, size = 16 / each;
    for (uint32_t i = 0; i < run->n; i++) {
        uint32_t       k = run->k + i;
        unsigned char *at =
            tiles + (size_t)(k / each) * DV_TILE_BYTES + run->r * 16 + k % each * size;
        uint16_t half = dv_bf16_encode(run->values[i]);
        if (layout->format == DV_FORMAT_E4M3)
            *at = run->codes[i];
        else if (layout->format == DV_FORMAT_BF16)
            memcpy(at, &half, 2);
        else
            memcpy(at, &run->values[i], 4);
    }
}

static void pack_scales(unsigned char *out, const float *scales, const struct dv_group_source *from,
                        const struct dv_layout *layout, const struct dv_weight_info *info)
{
    float factor = dv_formats[layout->format].factor;
    for (uint32_t b = 0; b < layout->blocks; b++) {
        float s = factor * scales[scale_index(from, info, b << layout->block_shift)];
        memcpy(out + (size_t)b * 4, &s, sizeof s);
    }
}

void dv_layout_pack_converted(struct dv_packed to, const struct dv_group_source *from,
                              const struct dv_layout *layout, const struct dv_weight_info *info,
                              struct dv_scale_line *line)
{
    enum dv_dtype target = from->part->target;
    if (dv_formats[layout->format].scales == DV_SCALES_ROWS) {
        pack_groups(to, from, layout);
        return;
    }
    memset(to.tiles, 0, (size_t)layout->chunks * DV_TILE_BYTES);
    for (uint32_t r = 0; r < from->n; r++)
        for (uint32_t k = 0; k < info->cols; k += RUN) {
            struct run run;
            run.r = r;
            run.k = k;
            run.n = dv_min(info->cols - k, RUN);
            read_run(&run, from, info->transposed);
            if (target == DV_F8_E4M3)
                convert_fp8(&run, scales_of(line, from, info, r), from, info);
            else if (target == DV_BF16)
                for (uint32_t i = 0; i < run.n; i++)
                    run.values[i] = dv_bf16_decode(dv_bf16_encode(run.values[i]));
            else
                round_groups(&run, from, info->transposed);
            put_run(to.tiles, layout, &run);
        }
    if (layout->blocks > 0 && from->n > 0)
        pack_scales(to.scales, scales_of(line, from, info, 0), from, layout, info);
}
