/* SPDX-License-Identifier: MIT */
/* Changes to the weights of a made checkpoint, in its files: before it is opened. */
#ifndef DV_TESTS_MODEL_DAMAGE_H
#define DV_TESTS_MODEL_DAMAGE_H

#include "model/support.h"

#define ALL SIZE_MAX

/* A row, a column, one value or all of a BF16 tensor becomes `value`. A vector is one row. */
void damage_fill(const struct subject *subject, const char *tensor, size_t row, size_t col,
                 float value);
/* All BF16 tensors with `part` in their names times 2^power, which is exact. */
void damage_scale(const struct subject *subject, const char *part, int power);

#endif
