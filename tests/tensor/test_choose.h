/* SPDX-License-Identifier: MIT */
#ifndef DV_TESTS_TENSOR_TEST_CHOOSE_H
#define DV_TESTS_TENSOR_TEST_CHOOSE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "dsvk/session.h"

struct choose_vector {
    uint32_t      n;
    int           spread; /* logits from -2^spread to 2^spread */
    uint32_t      seed;   /* of the logits */
    dsvk_sampling sampling;
    uint64_t      position;
    uint32_t      token;
};

extern const struct choose_vector choose_vectors[];
extern const size_t               n_choose_vectors;

/* The same choice by sorting (sorted.c). free() what make_logits() answers. */
uint32_t choose_sorted(const float *logits, uint32_t n, const dsvk_sampling *sampling,
                       uint64_t position);
float   *make_logits(uint32_t n, int spread, uint32_t seed);

#endif
