/* SPDX-License-Identifier: MIT */
/* The part of argmax's tests that is about tokens chosen by rules: drawn, and with extras. */
#ifndef DV_TESTS_OPS_DRAWS_H
#define DV_TESTS_OPS_DRAWS_H

#include "ops/harness.h"

/* Each setting's draws, some of them without op_all_draws. */
void op_check_draws(void);

#endif
