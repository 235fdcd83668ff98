/* SPDX-License-Identifier: MIT */
/* Packed weights without a device: every value of the recipe is read back from where the kernels
 * look for it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"
#include "pack/narrow.h"

#define ANY 99 /* block_shift of formats without scales */

static const struct recipe {
    const char           *name;
    uint32_t              rows, cols, slices, row0, row_step, n_parts;
    bool                  transposed, pair;
    enum dv_dtype         dtype, second; /* of the first and of the other parts */
    uint32_t              part_rows[3], tensor_cols, block;
    enum dv_weight_format format; /* expected */
    uint32_t              shift;
} recipes[] = {
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

static void fill(struct dv_layout_source *part, const struct recipe *r, uint32_t p)
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

static float stored(const struct dv_layout_source *part, uint32_t row, uint32_t col)
{
    float value = dv_dtype_get(part->dtype, part->data, (uint64_t)row * part->cols + col);
    if (part->scale)
        value *= dv_dtype_get(part->scale_dtype, part->scale,
                              (uint64_t)row / part->block_rows *
                                      ((part->cols - 1) / part->block_cols + 1) +
                                  col / part->block_cols);
    return value;
}

/* Row i of slice s as the recipe means it; a pair's second part is slice 1 here. */
static float wanted(const struct recipe *r, const struct dv_layout_source *parts, uint32_t s,
                    uint32_t i, uint32_t k)
{
    if (r->pair)
        return stored(&parts[s], i, k);
    uint32_t first = r->row0 + s * r->row_step;
    if (r->transposed)
        return stored(parts, first + k, i);
    for (; r->n_parts > 1 && i >= parts->rows; parts++)
        i -= parts->rows;
    return stored(parts, first + i, k);
}

static float packed(const struct recipe *r, const struct dv_layout *l, const unsigned char *out,
                    uint32_t s, uint32_t i, uint32_t k)
{
    static const enum dv_dtype dtypes[] = { DV_F32, DV_F16, DV_BF16, DV_F8_E4M3, DV_INT4, DV_FP4 };
    uint32_t group = r->pair ? i / 8 * 2 + s : s * l->groups + i / 8, block = k >> l->block_shift;
    uint32_t values = dv_chunk_values(l->format), at = k % values;
    if (dv_format_is_4bit(l->format)) /* even columns of eight, then odd ones */
        at = at / 8 * 8 + at % 8 / 2 + at % 2 * 4;
    float value = dv_dtype_get(
        dtypes[l->format], out + ((size_t)group * l->chunks + k / values) * 128 + i % 8 * 16, at);
    if (dv_format_is_4bit(l->format))
        value *= dv_dtype_get(DV_BF16, out + l->scales,
                              ((size_t)group * l->chunks + k / 32) * 8 + i % 8) /
                 (l->format == DV_FORMAT_FP4 ? 16384 : 1);
    if (l->format == DV_FORMAT_E4M3) {
        float scale;
        memcpy(&scale, out + l->scales + ((size_t)group * l->blocks + block) * 4, sizeof scale);
        value *= scale / 256;
    }
    return value;
}

static struct dv_weight_info info_of(const struct recipe *r)
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

static void free_parts(const struct recipe *r, struct dv_layout_source *parts)
{
    for (uint32_t p = 0; p < r->n_parts; p++) {
        free((void *)(uintptr_t)parts[p].data);
        free((void *)(uintptr_t)parts[p].scale);
    }
}

static void check_values(const struct recipe *r, const struct dv_layout *layout,
                         const struct dv_layout_source *parts, const unsigned char *out)
{
    uint32_t values = dv_chunk_values(layout->format);
    for (uint32_t s = 0; s < (r->pair ? 2 : r->slices); s++)
        for (uint32_t i = 0; i < layout->groups * 8; i++)
            for (uint32_t k = 0; k < layout->chunks * values; k++) {
                bool  inside   = i < r->rows && k < r->cols;
                float got      = packed(r, layout, out, s, i, k);
                float expected = inside ? wanted(r, parts, s, i, k) : 0;
                if (got != expected)
                    fail_msg("%s: slice %u row %u column %u: %g, expected %g", r->name, s, i, k,
                             got, expected);
            }
}

static void layout_holds_every_value(void **state)
{
    (void)state;
    struct dv_context ctx;
    dv_context_init(&ctx, NULL, NULL);
    for (size_t n = 0; n < sizeof recipes / sizeof *recipes; n++) {
        const struct recipe    *r    = &recipes[n];
        struct dv_weight_info   info = info_of(r);
        struct dv_layout_source parts[DV_MAX_PARTS];
        struct dv_layout        layout;
        for (uint32_t p = 0; p < r->n_parts; p++)
            fill(&parts[p], r, p);
        assert_int_equal(dv_layout_of(&layout, &ctx, &info, parts), DSVK_OK);
        if (layout.format != r->format || (r->shift != ANY && layout.block_shift != r->shift))
            fail_msg("%s: format %u shift %u", r->name, layout.format, layout.block_shift);
        assert_int_equal(layout.bytes % 256 + layout.scales % 16, 0);

        unsigned char *out = malloc(layout.bytes + 64), *ranges = malloc(layout.bytes);
        memset(out, 0xA5, layout.bytes + 64);
        dv_layout_pack(out, &layout, &info, parts);
        for (size_t i = 0; i < 64; i++)
            assert_int_equal(out[layout.bytes + i], 0xA5);
        check_values(r, &layout, parts, out);

        uint32_t groups = dv_layout_groups(&layout, &info), middle = groups / 3;
        memset(ranges, 0x5A, layout.bytes);
        dv_layout_pack_groups(ranges, &layout, &info, parts, middle, groups);
        dv_layout_pack_groups(ranges, &layout, &info, parts, 0, middle);
        assert_memory_equal(out, ranges, layout.bytes);
        free(ranges);
        free(out);
        free_parts(r, parts);
    }
}

/* Made-up weights: zero where no value is, a number but not zero where one is, as large as
 * 1 / sqrt(columns) in the mean, and the same by whichever ranges they are written. */
static void check_made_up(const struct recipe *r, const struct dv_layout *layout,
                          const unsigned char *out)
{
    uint32_t values = dv_chunk_values(layout->format);
    uint32_t slices = r->pair ? 2 : r->slices;
    double   sum    = 0;
    for (uint32_t s = 0; s < slices; s++)
        for (uint32_t i = 0; i < layout->groups * 8; i++)
            for (uint32_t k = 0; k < layout->chunks * values; k++) {
                float got = packed(r, layout, out, s, i, k);
                if (!(got - got == 0) || ((i >= r->rows || k >= r->cols) && got != 0))
                    fail_msg("%s: slice %u row %u column %u: %g", r->name, s, i, k, got);
                sum += (double)got * got;
            }
    double mean = sum / slices / r->rows; /* of cols squares: 1 */
    if (mean < 0.45 || mean > 2.2)        /* exponents are whole numbers */
        fail_msg("%s: rows have the square %g", r->name, mean);
}

static void made_up_weights_are_weights(void **state)
{
    struct dv_context ctx;
    (void)state;
    dv_context_init(&ctx, NULL, NULL);
    for (size_t n = 0; n < sizeof recipes / sizeof *recipes; n++) {
        const struct recipe    *r    = &recipes[n];
        struct dv_weight_info   info = info_of(r);
        struct dv_layout_source parts[DV_MAX_PARTS];
        struct dv_layout        layout;
        for (uint32_t p = 0; p < r->n_parts; p++)
            fill(&parts[p], r, p);
        assert_int_equal(dv_layout_of(&layout, &ctx, &info, parts), DSVK_OK);
        uint32_t       groups = dv_layout_groups(&layout, &info), middle = groups / 3;
        unsigned char *out = malloc(layout.bytes), *ranges = malloc(layout.bytes);
        memset(out, 0xA5, layout.bytes);
        memset(ranges, 0x5A, layout.bytes);
        dv_layout_random(out, out + layout.scales, &layout, &info, 7, 0, groups);
        check_made_up(r, &layout, out);
        dv_layout_random(ranges + (size_t)middle * layout.chunks * 128,
                         ranges + layout.scales + (size_t)middle * layout.blocks * 4, &layout,
                         &info, 7, middle, groups);
        dv_layout_random(ranges, ranges + layout.scales, &layout, &info, 7, 0, middle);
        assert_memory_equal(out, ranges, layout.bytes);
        dv_layout_random(ranges, ranges + layout.scales, &layout, &info, 8, 0, groups);
        assert_memory_not_equal(out, ranges, layout.bytes);
        free(ranges);
        free(out);
        free_parts(r, parts);
    }
}

/* A part converted while it is packed is the part converted before. */
static void check_converted(const struct recipe *r, enum dv_dtype target)
{
    struct dv_context       ctx;
    struct dv_weight_info   info = info_of(r);
    struct dv_layout_source parts[DV_MAX_PARTS], stored[DV_MAX_PARTS];
    struct dv_layout        now, before;
    dv_context_init(&ctx, NULL, NULL);
    for (uint32_t p = 0; p < r->n_parts; p++) {
        fill(&parts[p], r, p);
        parts[p].converted    = true;
        parts[p].target       = target;
        stored[p]             = dv_convert_form(&parts[p]);
        size_t         n      = (size_t)parts[p].rows * parts[p].cols;
        unsigned char *codes  = malloc(dv_dtype_size(target, n));
        unsigned char *scales = malloc(dv_convert_scale_bytes(&parts[p], parts[p].rows) + 1);
        dv_convert_rows(codes, scales, &parts[p], 0, parts[p].rows);
        stored[p].data  = codes;
        stored[p].scale = stored[p].scale ? scales : NULL;
        if (!stored[p].scale)
            free(scales);
    }
    assert_int_equal(dv_layout_of(&now, &ctx, &info, parts), DSVK_OK);
    assert_int_equal(dv_layout_of(&before, &ctx, &info, stored), DSVK_OK);
    assert_memory_equal(&now, &before, sizeof now);
    unsigned char *out = malloc(now.bytes), *expected = malloc(now.bytes);
    dv_layout_pack(out, &now, &info, parts);
    dv_layout_pack(expected, &before, &info, stored);
    for (size_t i = 0; i < now.bytes; i++)
        if (out[i] != expected[i])
            fail_msg("%s to %s: byte %zu is %u, not %u", r->name, dv_dtype_name(target), i, out[i],
                     expected[i]);
    free(out);
    free(expected);
    free_parts(r, parts);
    free_parts(r, stored);
}

static void conversion_is_the_same_on_the_way(void **state)
{
    static const enum dv_dtype targets[] = { DV_BF16, DV_F8_E4M3, DV_INT4, DV_FP4 };
    (void)state;
    for (size_t n = 0; n < sizeof recipes / sizeof *recipes; n++)
        for (size_t t = 0; t < sizeof targets / sizeof *targets; t++)
            if (recipes[n].tensor_cols % 8 == 0 && recipes[n].cols % 8 == 0)
                check_converted(&recipes[n], targets[t]);
}

static double error_of(const struct dv_group *group, const float *values, bool fp4)
{
    double sum = 0;
    for (unsigned i = 0; i < DV_GROUP; i++) {
        float code = fp4 ? dv_e2m1_decode(group->codes[i]) : (float)(group->codes[i] - 8);
        sum += (double)(values[i] - group->scale * code) * (values[i] - group->scale * code);
    }
    return sum;
}

/* The scale of the largest value, or better. */
static void groups_are_better_than_by_their_largest(void **state)
{
    uint64_t seed       = 1;
    double   by_largest = 0, by_search = 0;
    (void)state;
    for (unsigned n = 0; n < 500; n++) {
        float           values[DV_GROUP], most = 0;
        struct dv_group group, plain;
        for (unsigned i = 0; i < DV_GROUP; i++) {
            float sum = -4;
            for (unsigned k = 0; k < 8; k++) {
                seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
                sum += (float)(seed >> 40) / (1 << 24);
            }
            values[i] = sum * 1e-3f;
            most      = fmaxf(most, fabsf(values[i]));
        }
        plain.scale = dv_bf16_decode(dv_bf16_encode(most / 7));
        for (unsigned i = 0; i < DV_GROUP; i++)
            plain.codes[i] =
                (unsigned char)(8 + fmaxf(-8, fminf(7, rintf(values[i] / plain.scale))));
        dv_convert_group(&group, DV_INT4, values, DV_GROUP);
        by_largest += error_of(&plain, values, false);
        by_search += error_of(&group, values, false);
        dv_convert_group(&group, DV_FP4, values, DV_GROUP);
        int power;
        assert_true(frexpf(group.scale, &power) == 0.5f && error_of(&group, values, true) < 3e-6);
    }
    if (!(by_search < 0.85 * by_largest))
        fail_msg("squared error %g, by the largest value %g", by_search, by_largest);
}

static void groups_at_the_edges(void **state)
{
    float           values[DV_GROUP] = { 0 };
    struct dv_group group;
    (void)state;
    for (int t = 0; t < 2; t++) {
        enum dv_dtype dtype = t ? DV_FP4 : DV_INT4;
        values[3]           = 0;
        dv_convert_group(&group, dtype, values, DV_GROUP);
        assert_true(group.scale == 1.0f && group.codes[0] == (t ? 0 : 8));
        values[3] = 3e38f;
        dv_convert_group(&group, dtype, values, DV_GROUP);
        assert_true(group.scale > 0 && group.scale < INFINITY);
        values[3] = NAN;
        dv_convert_group(&group, dtype, values, DV_GROUP);
        assert_true(isnan(group.scale));
        values[3] = -INFINITY;
        dv_convert_group(&group, dtype, values, 5);
        assert_true(isnan(group.scale));
    }
}

static void bad_scales_are_counted(void **state)
{
    static const uint16_t      halves[] = { 0x3F80, 0x7FC0, 0xBF80, 0x7F80, 0x0000, 0x3F80 };
    static const unsigned char bytes[]  = { 127, 255, 240, 241, 0, 1 };
    struct dv_layout_source    part     = { .dtype       = DV_INT4,
                                            .rows        = 3,
                                            .cols        = 40,
                                            .block_rows  = 1,
                                            .block_cols  = 32,
                                            .scale_dtype = DV_BF16,
                                            .scale       = (const unsigned char *)halves };
    (void)state;
    assert_int_equal(dv_layout_count_bad_scales(&part, 0, 3), 3);
    assert_int_equal(dv_layout_count_bad_scales(&part, 1, 2), 2);
    part.dtype       = DV_FP4;
    part.scale_dtype = DV_F8_E8M0;
    part.scale       = bytes;
    assert_int_equal(dv_layout_count_bad_scales(&part, 0, 3), 2);
    part.dtype = DV_F8_E4M3;
    assert_int_equal(dv_layout_count_bad_scales(&part, 0, 3), 0);
}

static void layout_refuses(void **state)
{
    (void)state;
    static const struct {
        dsvk_status   status;
        struct recipe recipe; /* name, rows, cols, slices, row0, row_step, n_parts ... */
    } cases[] = {
        /* clang-format off */
        { DSVK_UNSUPPORTED,
          { "columns", 8, 30, 1, 0, 0, 1, 0, 0, DV_F32, 0, { 8 }, 30, 0, 0, 0 } },
        { DSVK_UNSUPPORTED, { "format", 8, 32, 1, 0, 0, 1, 0, 0, DV_I8, 0, { 8 }, 32, 0, 0, 0 } },
        { DSVK_BAD_ARGUMENT, { "rows", 8, 32, 1, 0, 0, 1, 0, 0, DV_F32, 0, { 7 }, 32, 0, 0, 0 } },
        { DSVK_BAD_ARGUMENT,
          { "slices", 8, 32, 3, 4, 10, 1, 0, 0, DV_F32, 0, { 31 }, 32, 0, 0, 0 } },
        { DSVK_BAD_ARGUMENT,
          { "odd part", 28, 32, 1, 0, 0, 2, 0, 0, DV_F32, DV_F32, { 12, 16 }, 32, 0, 0, 0 } },
        { DSVK_BAD_ARGUMENT,
          { "pair", 8, 32, 1, 0, 0, 2, 0, 1, DV_F32, DV_F32, { 8, 16 }, 32, 0, 0, 0 } },
        { DSVK_UNSUPPORTED,
          { "4 GiB", 1u << 20, 1024, 1, 0, 0, 1, 0, 0, DV_F32, 0, { 1u << 20 }, 1024, 0, 0, 0 } },
        { DSVK_UNSUPPORTED,
          { "far above", 1u << 31, 1u << 31, 1, 0, 0, 1, 0, 0, DV_F32, 0, { 1u << 31 }, 1u << 31, 0,
            0, 0 } },
        /* clang-format on */
    };
    struct dv_context ctx;
    dv_context_init(&ctx, NULL, NULL);
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        const struct recipe    *r                   = &cases[n].recipe;
        struct dv_weight_info   info                = info_of(r);
        struct dv_layout_source parts[DV_MAX_PARTS] = { { .dtype = DV_F32 } };
        struct dv_layout        layout;
        for (uint32_t p = 0; p < r->n_parts; p++)
            parts[p] = (struct dv_layout_source){ .dtype = p ? r->second : r->dtype,
                                                  .rows  = r->part_rows[p],
                                                  .cols  = r->tensor_cols };
        assert_int_equal(dv_layout_of(&layout, &ctx, &info, parts), cases[n].status);
    }
}

static void layout_counts_nan_codes(void **state)
{
    (void)state;
    unsigned char           codes[256];
    struct dv_layout_source part = { .dtype = DV_F8_E4M3, .data = codes, .rows = 4, .cols = 64 };
    for (unsigned i = 0; i < 256; i++)
        codes[i] = (unsigned char)i;
    assert_int_equal(dv_layout_count_nan(&part), 2);
    part.dtype = DV_BF16;
    part.cols  = 32;
    assert_int_equal(dv_layout_count_nan(&part), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_holds_every_value),
        cmocka_unit_test(made_up_weights_are_weights),
        cmocka_unit_test(conversion_is_the_same_on_the_way),
        cmocka_unit_test(groups_are_better_than_by_their_largest),
        cmocka_unit_test(groups_at_the_edges),
        cmocka_unit_test(bad_scales_are_counted),
        cmocka_unit_test(layout_refuses),
        cmocka_unit_test(layout_counts_nan_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
