/* SPDX-License-Identifier: MIT */
/* Codecs of the float formats: all codes of each, compared with the formula or with neighbours,
 * since errors hide at ends and ties. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"
#include "tensor/dtype.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void e4m3_decode_follows_its_formula(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 256; code++) {
        unsigned exponent = code >> 3 & 15, mantissa = code & 7;
        double   expected =
            exponent ? (1 + mantissa / 8.0) * pow(2, (int)exponent - 7) : mantissa * pow(2, -9);
        float got = dv_e4m3_decode((uint8_t)code);
        if ((code & 0x7F) == 0x7F) {
            assert_true(isnan(got));
            continue;
        }
        assert_int_equal(bits_of(got), bits_of((float)(code & 0x80 ? -expected : expected)));
        assert_int_equal(dv_e4m3_encode(got), code);
    }
}

static void e4m3_encode_rounds_to_even(void **state)
{
    static const struct {
        float   value;
        uint8_t code;
    } cases[] = {
        { 0.3f, 0x2A },      { 1.0625f, 0x38 },  { 1.1875f, 0x3A },       { 17.0f, 0x58 },
        { 19.0f, 0x5A },     { 3.14159f, 0x45 }, { 0.0009765625f, 0x00 }, { 0.0029296875f, 0x02 },
        { -0.02f, 0x8A },    { 448.0f, 0x7E },   { 449.0f, 0x7E },        { 1e30f, 0x7E },
        { -INFINITY, 0xFE }, { 0.0f, 0x00 },     { -0.0f, 0x80 },         { 0.001953125f, 0x01 },
        { 0.015625f, 0x08 }, { 1e-30f, 0x00 },   { 0.0146484375f, 0x08 }, /* halfway between the
                                                                             largest subnormal and
                                                                             2^-6 */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(dv_e4m3_encode(cases[i].value), cases[i].code);
    assert_int_equal(dv_e4m3_encode(NAN), 0x7F);
}

/* Between two neighbours everything goes to the nearer, the middle to the even code. */
static void e4m3_encode_is_nearest_everywhere(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 0x7E; code++) {
        float low = dv_e4m3_decode((uint8_t)code), high = dv_e4m3_decode((uint8_t)(code + 1));
        float middle = (low + high) / 2; /* exact */
        assert_int_equal(dv_e4m3_encode(nextafterf(middle, 0)), code);
        assert_int_equal(dv_e4m3_encode(nextafterf(middle, 1000)), code + 1);
        assert_int_equal(dv_e4m3_encode(middle), code % 2 ? code + 1 : code);
    }
}

static void e8m0_decode_is_a_power_of_two(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 255; code++)
        assert_int_equal(bits_of(dv_e8m0_decode((uint8_t)code)),
                         bits_of(ldexpf(1, (int)code - 127)));
    assert_true(isnan(dv_e8m0_decode(255)));
}

static void f16_round_trip(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 65536; code++) {
        unsigned exponent = code >> 10 & 31, mantissa = code & 1023;
        float    value = dv_f16_decode((uint16_t)code);
        if (exponent == 31 && mantissa) {
            assert_true(isnan(value) && isnan(dv_f16_decode(dv_f16_encode(value))));
            continue;
        }
        float size = exponent == 31 ? INFINITY
                     : exponent     ? ldexpf(1024.0f + (float)mantissa, (int)exponent - 25)
                                    : ldexpf((float)mantissa, -24);
        assert_int_equal(bits_of(value), bits_of(code & 0x8000 ? -size : size));
        assert_int_equal(dv_f16_encode(value), code);
    }
}

static void f16_encode_is_nearest_everywhere(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x7BFF; code++) {
        float low = dv_f16_decode((uint16_t)code), high = dv_f16_decode((uint16_t)(code + 1));
        float middle = (low + high) / 2;
        assert_int_equal(dv_f16_encode(nextafterf(middle, 0)), code);
        assert_int_equal(dv_f16_encode(nextafterf(middle, 1e6f)), code + 1);
        assert_int_equal(dv_f16_encode(middle), code % 2 ? code + 1 : code);
    }
    assert_int_equal(dv_f16_encode(65519.996f), 0x7BFF);
    assert_int_equal(dv_f16_encode(65520.0f), 0x7C00);
    assert_int_equal(dv_f16_encode(-1e30f), 0xFC00);
}

static void bf16_round_trip(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 65536; code++) {
        float value = dv_bf16_decode((uint16_t)code);
        assert_int_equal(bits_of(value), code << 16);
        if (isnan(value))
            assert_true(isnan(dv_bf16_decode(dv_bf16_encode(value))));
        else
            assert_int_equal(dv_bf16_encode(value), code);
    }
}

static void bf16_encode_rounds_to_even(void **state)
{
    static const struct {
        uint32_t bits;
        uint16_t code;
    } cases[] = {
        { 0x3F808000, 0x3F80 }, { 0x3F818000, 0x3F82 }, { 0x3F808001, 0x3F81 },
        { 0x3F807FFF, 0x3F80 }, { 0x7F7FFFFF, 0x7F80 }, { 0x7F800001, 0x7FC0 },
        { 0x00008000, 0x0000 }, { 0x80018000, 0x8002 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        float value;
        memcpy(&value, &cases[i].bits, sizeof value);
        assert_int_equal(dv_bf16_encode(value), cases[i].code);
    }
}

static void dtype_names_and_values(void **state)
{
    static const unsigned char data[] = {
        0xFF, 0x80, 0x3F, 0x00, 0x3C, 0x38, 0x7F, 0, 0, 0x80, 0x3F
    };
    enum dv_dtype dtype;
    (void)state;
    for (unsigned i = 0; i < DV_N_DTYPES; i++) {
        bool stored = dv_dtype_bytes((enum dv_dtype)i) > 0;
        assert_true(dv_dtype_find(&dtype, dv_dtype_name((enum dv_dtype)i)) == stored);
        if (stored)
            assert_int_equal(dtype, i);
    }
    assert_false(dv_dtype_find(&dtype, "F64"));
    assert_false(dv_dtype_find(&dtype, ""));
    /* Data of a checkpoint has no alignment. */
    assert_true(dv_dtype_get(DV_BF16, data + 1, 0) == 1.0f);
    assert_true(dv_dtype_get(DV_F16, data + 1, 1) == 1.0f);
    assert_true(dv_dtype_get(DV_F8_E4M3, data, 5) == 1.0f);
    assert_true(dv_dtype_get(DV_F8_E8M0, data, 6) == 1.0f);
    assert_true(dv_dtype_get(DV_F32, data + 7, 0) == 1.0f);
    assert_true(isnan(dv_dtype_get(DV_I8, data, 0)));
    /* Two values a byte, the even one low. */
    const unsigned char four[] = { 0xF0, 0x97 };
    assert_true(dv_dtype_get(DV_INT4, four, 0) == -8.0f && dv_dtype_get(DV_INT4, four, 1) == 7.0f);
    assert_true(dv_dtype_get(DV_INT4, four, 2) == -1.0f && dv_dtype_get(DV_INT4, four, 3) == 1.0f);
    assert_true(dv_dtype_get(DV_FP4, four, 1) == -6.0f && dv_dtype_get(DV_FP4, four, 2) == 6.0f);
    assert_true(dv_dtype_get(DV_FP4, four, 3) == -0.5f);
    assert_int_equal(dv_dtype_size(DV_FP4, 34), 17);
    assert_int_equal(dv_dtype_size(DV_F32, 34), 136);
}

/* Every code survives a round trip; halves between neighbours go to the even code. */
static void e2m1_codes_and_ties(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 8; code++) {
        float value = dv_e2m1_decode((uint8_t)code);
        assert_int_equal(dv_e2m1_encode(value), code);
        assert_int_equal(dv_e2m1_encode(-value), code | 8);
        assert_true(dv_e2m1_decode((uint8_t)(code | 0xF8)) == -value);
        if (code < 7) {
            float middle = (value + dv_e2m1_decode((uint8_t)(code + 1))) / 2;
            assert_int_equal(dv_e2m1_encode(middle), code % 2 ? code + 1 : code);
            assert_int_equal(dv_e2m1_encode(nextafterf(middle, 0)), code);
            assert_int_equal(dv_e2m1_encode(nextafterf(middle, 9)), code + 1);
        }
    }
    assert_int_equal(dv_e2m1_encode(1e9f), 7);
    assert_int_equal(dv_e2m1_encode(-INFINITY), 15);
    assert_int_equal(dv_e2m1_encode(NAN) & 7, 7);
}

/* Every code survives a round trip, and halves between neighbours go to the even code. */
static void e3m4_codes_and_ties(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 128; code++) {
        float value = dv_e3m4_decode((uint8_t)code);
        assert_int_equal(dv_e3m4_encode(value), code);
        if (code < 127) {
            float middle = (value + dv_e3m4_decode((uint8_t)(code + 1))) / 2;
            assert_int_equal(dv_e3m4_encode(middle), code % 2 ? code + 1 : code);
            assert_int_equal(dv_e3m4_encode(-middle), (code % 2 ? code + 1 : code) | 0x80);
        }
    }
    assert_true(dv_e3m4_decode(0x7F) == 31.0f && dv_e3m4_decode(0x01) == 1.0f / 64);
    assert_int_equal(dv_e3m4_encode(1e9f), 0x7F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(e4m3_decode_follows_its_formula),
        cmocka_unit_test(e4m3_encode_rounds_to_even),
        cmocka_unit_test(e4m3_encode_is_nearest_everywhere),
        cmocka_unit_test(e8m0_decode_is_a_power_of_two),
        cmocka_unit_test(f16_round_trip),
        cmocka_unit_test(f16_encode_is_nearest_everywhere),
        cmocka_unit_test(bf16_round_trip),
        cmocka_unit_test(bf16_encode_rounds_to_even),
        cmocka_unit_test(dtype_names_and_values),
        cmocka_unit_test(e3m4_codes_and_ties),
        cmocka_unit_test(e2m1_codes_and_ties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
