/* SPDX-License-Identifier: MIT */
#ifndef DV_TESTS_TENSOR_TEST_CHOOSE_H
#define DV_TESTS_TENSOR_TEST_CHOOSE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/choose.h"

/* As in dsvk_sampling. */
struct settings {
    float    temperature;
    uint32_t top_k;
    float    top_p, min_p;
    uint64_t seed;
};

struct choose_vector {
    uint32_t        n;
    int             spread; /* logits from -2^spread to 2^spread */
    uint32_t        seed;   /* of the logits */
    struct settings sampling;
    uint64_t        position;
    uint32_t        token;
};

extern const struct choose_vector choose_vectors[];
extern const size_t               n_choose_vectors;

/* The same choice by sorting (sorted.c). free() what make_logits() answers. */
uint32_t choose_sorted(const float *logits, uint32_t n, const struct settings *sampling,
                       uint64_t position);
uint32_t choose_sorted_by(const float *logits, uint32_t n, const struct dv_choose_rule *rule,
                          uint64_t position);
/* A logit as a rule's extras change it; false: the token is out. */
bool   change_logit(int64_t *value, float logit, uint32_t id, const struct dv_choose_rule *rule);
float *make_logits(uint32_t n, int spread, uint32_t seed);

#endif
