/* SPDX-License-Identifier: MIT */
/* The steps of choose.h that look at all tokens (choose_loops.c), for choose.c. */
#ifndef DV_TENSOR_CHOOSE_STEPS_H
#define DV_TENSOR_CHOOSE_STEPS_H

#include "tensor/choose.h"

#define DV_CHOOSE_OUT (UINT32_C(31) << 27) /* keys from here on */
#define DV_CHOOSE_LOW_BITS 21              /* of a key, behind its first digit */

/* The bits of the greatest logit; false when one is not finite. */
bool dv_choose_greatest(uint32_t *greatest, const float *logits, uint32_t n);
/* Of every token, UINT32_MAX: out; answers how many are not. */
uint32_t dv_choose_keys(uint32_t *restrict keys, const float *restrict logits, uint32_t n,
                        uint32_t greatest, const struct dv_choose_rule *rule);
/* Moves the keys that are not out to the front, with their indices. */
void dv_choose_list(uint32_t *restrict ids, uint32_t *restrict keys, uint32_t n);
/* Each answers the sum of the weights, `keep` what stays; what does not gets the weight 0. */
uint64_t dv_choose_weigh(uint32_t *restrict weights, const uint32_t *restrict keys, uint32_t n);
uint64_t dv_choose_sum(const uint32_t *weights, uint32_t n);
uint64_t dv_choose_keep_below(uint32_t *restrict weights, const uint32_t *restrict keys,
                              uint32_t n, uint32_t end);
uint64_t dv_choose_keep_heavy(uint32_t *weights, uint32_t n, uint32_t least);
/* The indices of the keys whose first digit it is; answers how many. Writes up to members[n]. */
uint32_t dv_choose_members(uint32_t *restrict members, const uint32_t *restrict keys, uint32_t n,
                           uint32_t digit);

#endif
