/* SPDX-License-Identifier: MIT */
/* Number formats of tensors: as stored in a checkpoint. The one list of them. */
#ifndef DV_TENSOR_DTYPE_H
#define DV_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stdint.h>

/*    enumerator   safetensors name   bytes */
#define DV_DTYPE_MAP(X)        \
    X(F32, "F32", 4)           \
    X(F16, "F16", 2)           \
    X(BF16, "BF16", 2)         \
    X(F8_E4M3, "F8_E4M3", 1)   \
    X(F8_E8M0, "F8_E8M0", 1)   \
    X(I8, "I8", 1)             \
    X(U8, "U8", 1)             \
    X(I32, "I32", 4)           \
    X(I64, "I64", 8)

enum dv_dtype {
#define X(name, text, bytes) DV_##name,
    DV_DTYPE_MAP(X)
#undef X
    DV_N_DTYPES
};

const char *dv_dtype_name(enum dv_dtype dtype);
uint32_t    dv_dtype_bytes(enum dv_dtype dtype);
/* By safetensors name; false when there is no such format. */
bool dv_dtype_find(enum dv_dtype *dtype, const char *name);
/* Element `index` of packed data as float; the format must be one of the float formats. */
float dv_dtype_get(enum dv_dtype dtype, const void *data, uint64_t index);

#endif
