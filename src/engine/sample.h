/* SPDX-License-Identifier: MIT */
/* Choosing the next token from logits. */
#ifndef DV_ENGINE_SAMPLE_H
#define DV_ENGINE_SAMPLE_H

#include "dsvk/session.h"

/* Temperature, then top-k, top-p, min-p, then a choice by a number that depends on the seed and the
 * position only. `logits` [n] is overwritten. NO_MEMORY. */
struct dv_context;
dsvk_status dv_sample(uint32_t *token, const struct dv_context *ctx, float *logits, uint32_t n,
                      const dsvk_sampling *sampling, uint64_t position);

#endif
