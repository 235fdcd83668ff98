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
#include "recipes.h"

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
    uint32_t group = r->pair ? i / 8 * 2 + s : s * l->groups + i / 8, block = k >> l->block_shift;
    uint32_t values = dv_formats[l->format].values, at = k % values;
    if (dv_formats[l->format].scales == DV_SCALES_ROWS) /* even columns of eight, then odd ones */
        at = at / 8 * 8 + at % 8 / 2 + at % 2 * 4;
    float value =
        dv_dtype_get(dv_formats[l->format].dtype,
                     out + ((size_t)group * l->chunks + k / values) * 128 + i % 8 * 16, at);
    if (dv_formats[l->format].scales == DV_SCALES_ROWS)
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

static void check_values(const struct recipe *r, const struct dv_layout *layout,
                         const struct dv_layout_source *parts, const unsigned char *out)
{
    uint32_t values = dv_formats[layout->format].values;
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
    for (size_t n = 0; n < N_RECIPES; n++) {
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
        dv_layout_pack_groups(dv_layout_at(ranges, &layout, middle), &layout, &info, parts,
                              (struct dv_groups){ middle, groups });
        dv_layout_pack_groups(dv_layout_at(ranges, &layout, 0), &layout, &info, parts,
                              (struct dv_groups){ 0, middle });
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
    uint32_t values = dv_formats[layout->format].values;
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
    for (size_t n = 0; n < N_RECIPES; n++) {
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
        struct dv_groups all = { 0, groups }, begin = { 0, middle }, rest = { middle, groups };
        struct dv_packed start = dv_layout_at(ranges, &layout, 0);
        dv_layout_random(dv_layout_at(out, &layout, 0), &layout, &info, 7, all);
        check_made_up(r, &layout, out);
        dv_layout_random(dv_layout_at(ranges, &layout, middle), &layout, &info, 7, rest);
        dv_layout_random(start, &layout, &info, 7, begin);
        assert_memory_equal(out, ranges, layout.bytes);
        dv_layout_random(start, &layout, &info, 8, all);
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
    for (size_t n = 0; n < N_RECIPES; n++)
        for (size_t t = 0; t < sizeof targets / sizeof *targets; t++)
            if (recipes[n].tensor_cols % 8 == 0 && recipes[n].cols % 8 == 0)
                check_converted(&recipes[n], targets[t]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_holds_every_value),
        cmocka_unit_test(made_up_weights_are_weights),
        cmocka_unit_test(conversion_is_the_same_on_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
