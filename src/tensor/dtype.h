/* SPDX-License-Identifier: MIT */
/* Number formats of tensors: as stored in a checkpoint. The one list of them. INT4 and FP4 are no
 * formats of safetensors: their values are packed into tensors of integers, two a byte with the
 * even column in the low bits. INT4 is a value of -8 to 7 stored as 0 to 15, FP4 is e2m1. */
#ifndef DV_TENSOR_DTYPE_H
#define DV_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stdint.h>

/*    enumerator   safetensors name   bits */
#define DV_DTYPE_MAP(X)                                                                            \
    X(F32, "F32", 32)                                                                              \
    X(F16, "F16", 16)                                                                              \
    X(BF16, "BF16", 16)                                                                            \
    X(F8_E4M3, "F8_E4M3", 8)                                                                       \
    X(F8_E8M0, "F8_E8M0", 8)                                                                       \
    X(I8, "I8", 8)                                                                                 \
    X(U8, "U8", 8)                                                                                 \
    X(I32, "I32", 32)                                                                              \
    X(I64, "I64", 64)                                                                              \
    X(INT4, "INT4", 4)                                                                             \
    X(FP4, "FP4", 4)

enum dv_dtype {
#define X(name, text, bits) DV_##name,
    DV_DTYPE_MAP(X)
#undef X
        DV_N_DTYPES
};

const char *dv_dtype_name(enum dv_dtype dtype);
/* Of one value; 0 for those of 4 bits. */
uint32_t dv_dtype_bytes(enum dv_dtype dtype);
/* Bytes of n values: n is even for those of 4 bits, and below 2^58. */
uint64_t dv_dtype_size(enum dv_dtype dtype, uint64_t n);
/* By safetensors name; false when there is no such format. */
bool dv_dtype_find(enum dv_dtype *dtype, const char *name);
/* Element `index` of packed data as float; the format must be one of the float formats. */
float dv_dtype_get(enum dv_dtype dtype, const void *data, uint64_t index);

#endif
