/* SPDX-License-Identifier: MIT */
/* Codecs of the small float formats, written after their definitions and exact: every value
 * rounds to the nearest, ties to even. They are the specification of what shaders decode, so
 * speed does not matter here. */
#include "base/number.h"

#include <math.h>
#include <string.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float dv_f16_decode(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16, exponent = bits >> 10 & 31u;
    uint32_t mantissa = bits & 0x3FFu;
    if (exponent == 31)
        return from_bits(sign | 0x7F800000u | mantissa << 13);
    if (exponent == 0) {
        float value = ldexpf((float)mantissa, -24);
        return sign ? -value : value;
    }
    return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t dv_f16_encode(float value)
{
    uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u)
        return (uint16_t)(sign | 0x7E00u);
    if (magnitude >= 0x477FF000u) /* 65520 and above round to infinity */
        return (uint16_t)(sign | 0x7C00u);
    if (magnitude < 0x38800000u) /* below 2^-14: subnormal, unit 2^-24 */
        return (uint16_t)(sign | (uint32_t)nearbyintf(ldexpf(from_bits(magnitude), 24)));
    uint32_t rounded = magnitude + 0xFFFu + (magnitude >> 13 & 1u);
    return (uint16_t)(sign | ((rounded >> 13) - (112u << 10)));
}

float dv_bf16_decode(uint16_t bits)
{
    return from_bits((uint32_t)bits << 16);
}

uint16_t dv_bf16_encode(float value)
{
    uint32_t bits = bits_of(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

float dv_e4m3_decode(uint8_t bits)
{
    uint32_t exponent = bits >> 3 & 15u, mantissa = bits & 7u;
    float    value;
    if (exponent == 15 && mantissa == 7)
        value = NAN;
    else if (exponent == 0)
        value = ldexpf((float)mantissa, -9);
    else
        value = ldexpf((float)(8 + mantissa), (int)exponent - 10);
    return bits & 0x80u ? -value : value;
}

uint8_t dv_e4m3_encode(float value)
{
    uint8_t sign = (uint8_t)(bits_of(value) >> 24 & 0x80u);
    float   size = fabsf(value);
    if (isnan(value))
        return 0x7F;
    if (size >= 448.0f)
        return sign | 0x7E;
    if (size < 0x1p-6f) /* subnormal, unit 2^-9; 8 is the code of 2^-6 */
        return (uint8_t)(sign | (uint32_t)nearbyintf(size * 512.0f));
    /* Exponent and mantissa count through the binades without a gap. */
    uint32_t bits = bits_of(size), rounded = bits + 0x7FFFFu + (bits >> 20 & 1u);
    return (uint8_t)(sign | ((rounded >> 20) - (120u << 3)));
}

float dv_e3m4_decode(uint8_t bits)
{
    uint32_t exponent = bits >> 4 & 7u, mantissa = bits & 15u;
    float    value = exponent == 0 ? ldexpf((float)mantissa, -6)
                                   : ldexpf((float)(16 + mantissa), (int)exponent - 7);
    return bits & 0x80u ? -value : value;
}

uint8_t dv_e3m4_encode(float value)
{
    uint8_t sign = (uint8_t)(bits_of(value) >> 24 & 0x80u);
    float   size = fabsf(value);
    if (!(size < 31.0f))
        return sign | 0x7F;
    int exponent = 0;
    frexpf(size, &exponent);
    int unit = size == 0 || exponent - 5 < -6 ? -6 : exponent - 5;
    int code = (int)nearbyintf(ldexpf(size, -unit)) + (unit + 6) * 16;
    return (uint8_t)(sign | (code > 127 ? 127 : code));
}

float dv_e2m1_decode(uint8_t bits)
{
    static const float sizes[] = { 0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f };
    return bits & 8u ? -sizes[bits & 7u] : sizes[bits & 7u];
}

uint8_t dv_e2m1_encode(float value)
{
    /* Between each two neighbours; a tie goes to the even code. */
    static const float middles[] = { 0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5.0f };
    float              size      = fabsf(value);
    uint8_t            code      = 0;
    while (code < 7 && !(size < middles[code]) && !(code % 2 == 0 && size == middles[code]))
        code++;
    return (uint8_t)(code | (bits_of(value) >> 31 ? 8u : 0u));
}

float dv_e8m0_decode(uint8_t bits)
{
    return bits == 255 ? NAN : ldexpf(1.0f, (int)bits - 127);
}
