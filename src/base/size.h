/* SPDX-License-Identifier: MIT */
/* Counting in blocks, and the smaller and larger of two counts. All of it in 64 bits, where no sum
 * of 32-bit counts overflows; what two 32-bit counts give fits 32 bits again. */
#ifndef DV_BASE_SIZE_H
#define DV_BASE_SIZE_H

#include <stdint.h>

static inline uint64_t dv_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t dv_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* How many blocks of `by` hold n things. */
static inline uint64_t dv_ceil_div(uint64_t n, uint64_t by)
{
    return n / by + (n % by != 0);
}

/* The smallest multiple of `by` that is not below n. */
static inline uint64_t dv_round_up(uint64_t n, uint64_t by)
{
    return dv_ceil_div(n, by) * by;
}

/* For sentences. */
static inline double dv_mib(uint64_t bytes)
{
    return (double)bytes / (1024.0 * 1024.0);
}

static inline double dv_gib(uint64_t bytes)
{
    return dv_mib(bytes) / 1024.0;
}

#endif
