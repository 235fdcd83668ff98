/* SPDX-License-Identifier: MIT */
/* Fields of files, little-endian whatever the machine. */
#ifndef DV_BASE_BYTES_H
#define DV_BASE_BYTES_H

#include <stdint.h>

static inline void dv_put_bytes(unsigned char *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

static inline uint64_t dv_get_bytes(const unsigned char *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

#endif
