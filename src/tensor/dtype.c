/* SPDX-License-Identifier: MIT */
/* Names, sizes and values of the number formats that checkpoints hold. */
#include "tensor/dtype.h"

#include <math.h>
#include <string.h>

#include "base/number.h"

static const struct {
    const char *name;
    uint32_t    bits;
} table[DV_N_DTYPES] = {
#define X(name, text, bits) [DV_##name] = { text, bits },
    DV_DTYPE_MAP(X)
#undef X
};

const char *dv_dtype_name(enum dv_dtype dtype)
{
    return table[dtype].name;
}

uint32_t dv_dtype_bytes(enum dv_dtype dtype)
{
    return table[dtype].bits / 8;
}

uint64_t dv_dtype_size(enum dv_dtype dtype, uint64_t n)
{
    return n * table[dtype].bits / 8;
}

bool dv_dtype_find(enum dv_dtype *dtype, const char *name)
{
    for (unsigned i = 0; i < DV_N_DTYPES; i++)
        if (table[i].bits >= 8 && strcmp(table[i].name, name) == 0) {
            *dtype = (enum dv_dtype)i;
            return true;
        }
    return false;
}

static int nibble(unsigned char byte, uint64_t index)
{
    return index % 2 ? byte >> 4 : byte & 15;
}

float dv_dtype_get(enum dv_dtype dtype, const void *data, uint64_t index)
{
    const unsigned char *at = (const unsigned char *)data + index * table[dtype].bits / 8;
    uint16_t             half;
    float                value;
    switch (dtype) {
    case DV_F32:
        memcpy(&value, at, sizeof value);
        return value;
    case DV_F16:
        memcpy(&half, at, sizeof half);
        return dv_f16_decode(half);
    case DV_BF16:
        memcpy(&half, at, sizeof half);
        return dv_bf16_decode(half);
    case DV_F8_E4M3:
        return dv_e4m3_decode(*at);
    case DV_F8_E8M0:
        return dv_e8m0_decode(*at);
    case DV_INT4:
        return (float)(nibble(*at, index) - 8);
    case DV_FP4:
        return dv_e2m1_decode((uint8_t)nibble(*at, index));
    default:
        return NAN;
    }
}
