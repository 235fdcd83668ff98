/* SPDX-License-Identifier: MIT */
/* Packing at its edges: the scales of groups, scales that are no numbers, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"
#include "recipes.h"

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
        cmocka_unit_test(groups_are_better_than_by_their_largest),
        cmocka_unit_test(groups_at_the_edges),
        cmocka_unit_test(bad_scales_are_counted),
        cmocka_unit_test(layout_refuses),
        cmocka_unit_test(layout_counts_nan_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
