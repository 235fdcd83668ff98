/* SPDX-License-Identifier: MIT */
/* The recipes that are packed. Their shapes are awkward: ends within tiles, blocks that divide
 * nothing. */
#include "recipes.h"

#include <stdlib.h>

const struct recipe recipes[N_RECIPES] = {
    /* clang-format off */
    { "f32", 5, 20, 1, 0, 0, 1, false, false, DV_F32, 0, { 5 }, 20, 0, DV_FORMAT_F32, ANY },
    { "bf16", 17, 36, 1, 0, 0, 1, false, false, DV_BF16, 0, { 17 }, 36, 0, DV_FORMAT_BF16, ANY },
    { "fp8", 300, 200, 1, 0, 0, 1, false, false, DV_F8_E4M3, 0, { 300 }, 200, 128, DV_FORMAT_E4M3,
      7 },
    { "fp8, one scale", 20, 100, 1, 0, 0, 1, false, false, DV_F8_E4M3, 0, { 20 }, 100, 512,
      DV_FORMAT_E4M3, 31 },
    { "fp8, blocks of 48", 50, 100, 1, 0, 0, 1, false, false, DV_F8_E4M3, 0, { 50 }, 100, 48,
      DV_FORMAT_E4M3, 4 },
    { "fp8, blocks of 24", 50, 100, 1, 0, 0, 1, false, false, DV_F8_E4M3, 0, { 50 }, 100, 24,
      DV_FORMAT_F32, ANY },
    { "fp8, blocks of 12", 50, 100, 1, 0, 0, 1, false, false, DV_F8_E4M3, 0, { 50 }, 100, 12,
      DV_FORMAT_F32, ANY },
    { "stacked", 48 + 13, 72, 1, 0, 0, 3, false, false, DV_F8_E4M3, DV_F8_E4M3, { 16, 32, 13 }, 72,
      16, DV_FORMAT_E4M3, 4 },
    { "stacked, mixed", 29, 72, 1, 0, 0, 2, false, false, DV_F8_E4M3, DV_BF16, { 16, 13 }, 72, 16,
      DV_FORMAT_F32, ANY },
    { "pair", 21, 40, 1, 0, 0, 2, false, true, DV_F8_E4M3, DV_F8_E4M3, { 21, 21 }, 40, 32,
      DV_FORMAT_E4M3, 5 },
    { "values of heads", 128, 72, 5, 128, 256, 1, false, false, DV_F8_E4M3, 0, { 1280 }, 72, 128,
      DV_FORMAT_E4M3, 31 },
    { "keys of heads", 72, 128, 5, 0, 256, 1, true, false, DV_F8_E4M3, 0, { 1280 }, 72, 128,
      DV_FORMAT_E4M3, 31 },
    { "keys of heads across blocks", 72, 192, 4, 0, 448, 1, true, false, DV_F8_E4M3, 0, { 1792 },
      72, 128, DV_FORMAT_E4M3, 6 },
    { "keys, odd heads", 24, 36, 5, 0, 64, 1, true, false, DV_F16, 0, { 320 }, 24, 0,
      DV_FORMAT_F16, ANY },
    { "values, odd heads", 28, 72, 5, 36, 64, 1, false, false, DV_F8_E4M3, 0, { 320 }, 72, 16,
      DV_FORMAT_F32, ANY },
    { "int4", 21, 200, 1, 0, 0, 1, false, false, DV_INT4, 0, { 21 }, 200, 32, DV_FORMAT_INT4, ANY },
    { "fp4", 16, 64, 1, 0, 0, 1, false, false, DV_FP4, 0, { 16 }, 64, 32, DV_FORMAT_FP4, ANY },
    { "int4 pair", 21, 40, 1, 0, 0, 2, false, true, DV_INT4, DV_INT4, { 21, 21 }, 40, 32,
      DV_FORMAT_INT4, ANY },
    { "int4 stacked", 29, 72, 1, 0, 0, 2, false, false, DV_INT4, DV_INT4, { 16, 13 }, 72, 32,
      DV_FORMAT_INT4, ANY },
    { "int4 values", 28, 72, 5, 36, 64, 1, false, false, DV_INT4, 0, { 320 }, 72, 32,
      DV_FORMAT_INT4, ANY },
    { "fp4 keys", 72, 128, 5, 0, 256, 1, true, false, DV_FP4, 0, { 1280 }, 72, 32, DV_FORMAT_F32,
      ANY },
    { "int4, bf16", 29, 72, 1, 0, 0, 2, false, false, DV_INT4, DV_BF16, { 16, 13 }, 72, 32,
      DV_FORMAT_F32, ANY },
    { "int4, cut words", 8, 36, 1, 0, 0, 1, false, false, DV_INT4, 0, { 8 }, 36, 32, DV_FORMAT_F32,
      ANY },
    /* clang-format on */
};

static bool is_4bit(enum dv_dtype dtype)
{
    return dtype == DV_INT4 || dtype == DV_FP4;
}

void fill(struct dv_layout_source *part, const struct recipe *r, uint32_t p)
{
    enum dv_dtype  dtype = p == 0 ? r->dtype : r->second;
    size_t         n = (size_t)r->part_rows[p] * r->tensor_cols, n_scales = 0;
    size_t         bytes = dv_dtype_size(dtype, n);
    unsigned char *data = malloc(bytes), mask = is_4bit(dtype) ? 0xFF : 0x3F; /* no NaN */
    float         *scales = NULL;
    for (size_t i = 0; i < bytes; i++)
        data[i] = (unsigned char)((i * 2654435761u + p * 40503u) >> 13 & mask);
    if (is_4bit(dtype)) {
        uint16_t *halves = malloc((size_t)r->part_rows[p] * ((r->tensor_cols - 1) / 32 + 1) * 2);
        n_scales         = (size_t)r->part_rows[p] * ((r->tensor_cols - 1) / 32 + 1);
        for (size_t i = 0; i < n_scales; i++)
            halves[i] = (uint16_t)(0x3F80 + i + 31 * p);
        *part = (struct dv_layout_source){ dtype,
                                           data,
                                           r->part_rows[p],
                                           r->tensor_cols,
                                           DV_BF16,
                                           (unsigned char *)halves,
                                           1,
                                           r->block,
                                           false,
                                           0 };
        return;
    }
    if (dtype == DV_F8_E4M3) {
        n_scales =
            (size_t)((r->part_rows[p] - 1) / r->block + 1) * ((r->tensor_cols - 1) / r->block + 1);
        scales = malloc(n_scales * sizeof *scales);
        for (size_t i = 0; i < n_scales; i++)
            scales[i] = 1.0f + (float)(i + 31 * p) / 64;
    }
    *part = (struct dv_layout_source){ dtype,           data,
                                       r->part_rows[p], r->tensor_cols,
                                       DV_F32,          (unsigned char *)scales,
                                       r->block,        r->block,
                                       false,           0 };
}

void free_parts(const struct recipe *r, struct dv_layout_source *parts)
{
    for (uint32_t p = 0; p < r->n_parts; p++) {
        free((void *)(uintptr_t)parts[p].data);
        free((void *)(uintptr_t)parts[p].scale);
    }
}

struct dv_weight_info info_of(const struct recipe *r)
{
    struct dv_weight_info info = { .kind        = r->pair ? DV_WEIGHT_PAIR : DV_WEIGHT_MATRIX,
                                   .name        = r->name,
                                   .rows        = r->rows,
                                   .cols        = r->cols,
                                   .slices      = r->slices,
                                   .row0        = r->row0,
                                   .row_step    = r->row_step,
                                   .tensor_cols = r->tensor_cols,
                                   .transposed  = r->transposed,
                                   .n_parts     = r->n_parts };
    for (uint32_t p = 0; p < r->n_parts; p++)
        info.parts[p] = (struct dv_weight_part){ "t", r->part_rows[p] };
    return info;
}
