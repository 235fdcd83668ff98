/* SPDX-License-Identifier: MIT */
/* Exact codecs of the number formats that checkpoints and the latent cache use. Encoders
 * round to nearest, ties to even. Sources: spec of e4m3fn (OCP 8-bit floating point), IEEE
 * 754 binary16, bfloat16 as the upper half of binary32. */
#ifndef DV_BASE_NUMBER_H
#define DV_BASE_NUMBER_H

#include <stdint.h>

float    dv_f16_decode(uint16_t bits);
uint16_t dv_f16_encode(float value); /* overflow becomes infinity */
float    dv_bf16_decode(uint16_t bits);
uint16_t dv_bf16_encode(float value); /* NaN stays NaN */
/* 1.4.3, bias 7, no infinities, NaN 0x7F and 0xFF, largest 448. */
float   dv_e4m3_decode(uint8_t bits);
uint8_t dv_e4m3_encode(float value); /* saturates at 448; NaN becomes 0x7F */
/* 1.3.4, bias 3, all codes finite, largest 31: the latent cache's. */
float   dv_e3m4_decode(uint8_t bits);
uint8_t dv_e3m4_encode(float value); /* saturates at 31 */
/* 1.2.1, bias 1, all codes finite, largest 6; the upper four bits are not looked at. */
float   dv_e2m1_decode(uint8_t bits);
uint8_t dv_e2m1_encode(float value); /* saturates at 6; NaN becomes 6 */
/* An exponent byte: 2^(byte-127); 0xFF is NaN. */
float dv_e8m0_decode(uint8_t bits);

#endif
