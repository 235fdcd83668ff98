/* SPDX-License-Identifier: MIT */
/* Every number format has all that a format needs: a row, a word where it may be asked for, packing
 * and back, conversion, a decoder. tests/ops compares the decoders' values on a device. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/context.h"
#include "pack/layout.h"
#include "weights/formats.h"

#define ROWS 16u
#define COLS 256u

static const struct dv_format *named(const char *name)
{
    const struct dv_format *found = NULL;
    for (int i = 0; i < DV_N_FORMATS; i++)
        if (dv_formats[i].name && strcmp(dv_formats[i].name, name) == 0) {
            assert_null(found);
            found = &dv_formats[i];
        }
    return found;
}

static void rows_are_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DV_N_FORMATS; i++) {
        const struct dv_format *f = &dv_formats[i];
        if (!f->name)
            fail_msg("format %u has no row in tensor/formats.c", i);
        assert_ptr_equal(named(f->name), f);
        assert_ptr_equal(dv_format_of(f->dtype), f);
        assert_string_equal(dv_weight_format_name((enum dv_weight_format)i), f->name);
        assert_int_equal(dv_dtype_size(f->dtype, f->values), 16);
        assert_int_equal(f->values, DV_FORMAT_VALUES(i)); /* as GLSL has it */
        assert_int_equal(dv_dtype_size(f->tensor, 8),
                         dv_dtype_size(f->dtype, 8) * dv_format_packing(f->dtype));
        assert_int_equal(f->block_cols > 0, f->scales != DV_SCALES_NONE);
        assert_int_equal(f->block_rows > 0, f->scales != DV_SCALES_NONE);
        if (f->scales == DV_SCALES_ROWS)
            assert_int_equal(f->block_cols, f->values);
        int power;
        assert_true(frexpf(f->factor, &power) == 0.5f); /* or scales would lose bits */
    }
    assert_string_equal(dv_weight_format_name(DV_N_FORMATS), "?");
    assert_null(dv_format_of(DV_I64));
}

/* What --weights and --cache may say is a format, and --weights makes it. */
static void words_are_names(void **state)
{
    (void)state;
    static const char *const weights[] = {
#define X(name, word) word,
        DSVK_WEIGHTS_MAP(X)
#undef X
    };
    static const int caches[] = {
#define X(name, word) DV_CACHE_##name,
        DSVK_CACHE_MAP(X)
#undef X
    };
    for (size_t i = 1; i < sizeof weights / sizeof *weights; i++) {
        const struct dv_format *f = named(weights[i]);
        enum dv_dtype           target;
        if (!f)
            fail_msg("--weights %s is no format", weights[i]);
        assert_true(dv_formats_target(&target,
                                      &(struct dv_conversion){ .weights = (dsvk_weights)i },
                                      DV_ROLE_EXPERT, DV_F32, COLS));
        assert_int_equal(target, f->dtype);
    }
    unsigned seen = 0;
    for (size_t i = 0; i < sizeof caches / sizeof *caches; i++)
        seen |= 1u << caches[i];
    assert_int_equal(seen, (1u << DV_N_CACHES) - 1);
}

/* What becomes of a head, and of an embedding; -1: it stays. */
static void heads_go_with_the_weights(void **state)
{
    (void)state;
    static const struct {
        struct dv_conversion to;
        enum dv_dtype        stored;
        int                  becomes;
    } cases[] = {
        { { DSVK_WEIGHTS_KEEP, DSVK_HEAD_AUTO }, DV_F32, -1 },
        { { DSVK_WEIGHTS_BF16, DSVK_HEAD_AUTO }, DV_F32, DV_BF16 },
        { { DSVK_WEIGHTS_BF16, DSVK_HEAD_AUTO }, DV_F8_E4M3, DV_BF16 },
        { { DSVK_WEIGHTS_FP8, DSVK_HEAD_AUTO }, DV_BF16, DV_F8_E4M3 },
        { { DSVK_WEIGHTS_INT4, DSVK_HEAD_AUTO }, DV_F32, DV_F8_E4M3 },
        { { DSVK_WEIGHTS_FP4, DSVK_HEAD_AUTO }, DV_BF16, DV_F8_E4M3 },
        { { DSVK_WEIGHTS_FP4, DSVK_HEAD_AUTO }, DV_F8_E4M3, -1 },
        { { DSVK_WEIGHTS_INT4, DSVK_HEAD_AUTO }, DV_INT4, -1 },
        { { DSVK_WEIGHTS_FP8, DSVK_HEAD_KEEP }, DV_F32, -1 },
        { { DSVK_WEIGHTS_BF16, DSVK_HEAD_KEEP }, DV_F32, -1 },
        { { DSVK_WEIGHTS_KEEP, DSVK_HEAD_FP8 }, DV_BF16, DV_F8_E4M3 },
        { { DSVK_WEIGHTS_BF16, DSVK_HEAD_FP8 }, DV_F32, DV_F8_E4M3 },
        { { DSVK_WEIGHTS_BF16, DSVK_HEAD_FP8 }, DV_F8_E4M3, -1 },
    };
    enum dv_dtype target;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool changes =
            dv_formats_target(&target, &cases[i].to, DV_ROLE_HEAD, cases[i].stored, COLS);
        if ((changes ? (int)target : -1) != cases[i].becomes)
            fail_msg("case %zu: becomes %d", i, changes ? (int)target : -1);
        changes =
            dv_formats_target(&target, &cases[i].to, DV_ROLE_EMBEDDING, cases[i].stored, COLS);
        assert_int_equal(changes ? (int)target : -1, cases[i].becomes);
    }
}

static void what_makes_the_same_has_the_same_key(void **state)
{
    (void)state;
    struct dv_conversion a = { DSVK_WEIGHTS_FP8, DSVK_HEAD_AUTO };
    struct dv_conversion b = { DSVK_WEIGHTS_FP8, DSVK_HEAD_FP8 };
    struct dv_conversion c = { DSVK_WEIGHTS_FP8, DSVK_HEAD_KEEP }, none = { 0 };
    struct dv_conversion kept = { DSVK_WEIGHTS_KEEP, DSVK_HEAD_KEEP };
    assert_int_equal(dv_formats_key(&a), dv_formats_key(&b));
    assert_int_not_equal(dv_formats_key(&a), dv_formats_key(&c));
    assert_int_equal(dv_formats_key(&kept), dv_formats_key(&none));
    assert_true(dv_formats_keep(&none) && dv_formats_keep(&kept) && !dv_formats_keep(&c));
}

/* ---- packing ---- */

/* Value (r, k) of a packed matrix, decoded as the shaders do it. */
static float unpacked(const unsigned char *out, const struct dv_layout *l, uint32_t r, uint32_t k)
{
    const struct dv_format *f     = &dv_formats[l->format];
    uint32_t                group = r / 8, chunk = k / f->values, at = k % f->values;
    const unsigned char    *scales = out + l->scales + (size_t)group * l->blocks * 4;
    if (f->scales == DV_SCALES_ROWS) /* even columns of eight, then odd ones */
        at = at / 8 * 8 + at % 8 / 2 + at % 2 * 4;
    float value =
        dv_dtype_get(f->dtype, out + ((size_t)group * l->chunks + chunk) * 128 + r % 8 * 16, at);
    if (f->scales == DV_SCALES_BLOCKS)
        value *= dv_dtype_get(DV_F32, scales, k >> l->block_shift) / f->factor;
    if (f->scales == DV_SCALES_ROWS)
        value *= dv_dtype_get(DV_BF16, scales, chunk * 8 + r % 8) / f->factor;
    return value;
}

/* Packs `part`, which has to become `format`, and compares: `most` is how much rows of the size of
 * 1 may differ. */
static void expect_packed(const struct dv_format *format, const struct dv_layout_source *part,
                          const float *wanted, float most)
{
    struct dv_context     ctx;
    struct dv_layout      layout;
    struct dv_weight_info info = { .kind        = DV_WEIGHT_MATRIX,
                                   .name        = format->name,
                                   .rows        = ROWS,
                                   .cols        = COLS,
                                   .slices      = 1,
                                   .tensor_cols = COLS,
                                   .n_parts     = 1,
                                   .parts       = { { "t", ROWS } } };
    dv_context_init(&ctx, NULL, NULL);
    assert_int_equal(dv_layout_of(&layout, &ctx, &info, part), DSVK_OK);
    assert_ptr_equal(&dv_formats[layout.format], format);
    unsigned char *out = malloc(layout.bytes);
    assert_non_null(out);
    dv_layout_pack(out, &layout, &info, part);
    for (uint32_t i = 0; i < ROWS * COLS; i++) {
        float got = unpacked(out, &layout, i / COLS, i % COLS);
        if (!(fabsf(got - wanted[i]) <= most))
            fail_msg("%s: value %u is %g, not %g", format->name, i, got, wanted[i]);
    }
    free(out);
}

/* Any bits but those of NaN and infinity, any scale that is stored. */
static void stored_values_come_back(void **state)
{
    (void)state;
    static float         wanted[ROWS * COLS];
    static unsigned char data[sizeof wanted], scales[ROWS * COLS * 4];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)((i * 2654435761u) >> 13 & 0xBF);
    for (int f = 0; f < DV_N_FORMATS; f++) {
        const struct dv_format *format = &dv_formats[f];
        struct dv_layout_source part   = {
              .dtype = format->dtype, .data = data, .rows = ROWS, .cols = COLS
        };
        if (format->scales != DV_SCALES_NONE) {
            memset(scales, 0x3E, sizeof scales); /* a number in every format of scales */
            part.scale       = scales;
            part.scale_dtype = format->scale_dtype;
            part.block_rows  = format->block_rows;
            part.block_cols  = format->block_cols;
        }
        for (uint32_t i = 0; i < ROWS * COLS; i++) {
            wanted[i] = dv_dtype_get(format->dtype, data, i);
            if (part.scale)
                wanted[i] *= dv_dtype_get(format->scale_dtype, scales, 0);
        }
        expect_packed(format, &part, wanted, 0);
    }
}

/* Those that --weights asks for are made of any other, and what is 0 stays 0. */
static void conversion_is_near(void **state)
{
    (void)state;
    static float      values[ROWS * COLS];
    static const char names[][8] = {
#define X(name, word) word,
        DSVK_WEIGHTS_MAP(X)
#undef X
    };
    for (uint32_t i = 0; i < ROWS * COLS; i++)
        values[i] = i / COLS == 3 ? 0 : (float)((i * 2654435761u) >> 16) / 32768.0f - 1.0f;
    for (size_t i = 1; i < sizeof names / sizeof *names; i++) {
        const struct dv_format *format = named(names[i]);
        struct dv_layout_source part   = { .dtype     = DV_F32,
                                           .data      = (const unsigned char *)values,
                                           .rows      = ROWS,
                                           .cols      = COLS,
                                           .converted = true,
                                           .target    = format->dtype };
        expect_packed(format, &part, values, 0.26f); /* half of FP4's last step, 4 to 6 */
    }
}

static void a_byte_of_zeros_is_zeros(void **state)
{
    (void)state;
    for (int f = 0; f < DV_N_FORMATS; f++) {
        unsigned char chunk[16];
        memset(chunk, dv_formats[f].zeros, sizeof chunk);
        for (uint32_t i = 0; i < dv_formats[f].values; i++)
            assert_true(dv_dtype_get(dv_formats[f].dtype, chunk, i) == 0);
    }
}

/* ---- shaders ---- */

static void expect_word(const char *file, const char *word)
{
    char   path[512], text[16384];
    FILE  *in;
    size_t n, length = strlen(word);
    snprintf(path, sizeof path, "%s/shaders/lib/%s", DSVK_SOURCE, file);
    in = fopen(path, "rb");
    assert_non_null(in);
    n = fread(text, 1, sizeof text - 1, in);
    fclose(in);
    text[n] = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += length)
        if (!strchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_", at[length]))
            return;
    fail_msg("%s does not name %s", file, word);
}

static void shaders_name_every_format(void **state)
{
    (void)state;
#define X(f, name, value, values, scales, factor, range)                                           \
    expect_word("weight.glsl", " FORMAT_" #name);
    DV_FORMAT_ROWS(X, 0)
#undef X
#define X(f, name, value, latent, rope, scale) expect_word("cache.glsl", " CACHE_" #name);
    DV_CACHE_ROWS(X, 0)
#undef X
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(words_are_names),
        cmocka_unit_test(heads_go_with_the_weights),
        cmocka_unit_test(what_makes_the_same_has_the_same_key),
        cmocka_unit_test(stored_values_come_back),
        cmocka_unit_test(conversion_is_near),
        cmocka_unit_test(a_byte_of_zeros_is_zeros),
        cmocka_unit_test(shaders_name_every_format),
    };
    return cmocka_run_group_tests_name("formats", tests, NULL, NULL);
}
