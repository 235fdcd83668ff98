/* SPDX-License-Identifier: MIT */
#ifndef DV_TESTS_TENSOR_TEST_CHOOSE_H
#define DV_TESTS_TENSOR_TEST_CHOOSE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsvk/session.h"
#include "tensor/choose.h"

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
uint32_t choose_sorted_by(const float *logits, uint32_t n, const struct dv_choose_rule *rule,
                          uint64_t position);
/* A logit as a rule's extras change it; false: the token is out. */
bool   change_logit(int64_t *value, float logit, uint32_t id, const struct dv_choose_rule *rule);
float *make_logits(uint32_t n, int spread, uint32_t seed);

#endif
