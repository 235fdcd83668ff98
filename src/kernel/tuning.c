/* SPDX-License-Identifier: MIT */
/* Shapes of kernels by what a device is. They change speed only, except for matmul_workgroup and
 * those of attend, which fix the order of summation: one number a device, never one a batch. */
#include "kernel/kernel.h"

static const struct {
    bool             software;
    uint32_t         subgroup; /* at least */
    struct dv_tuning tuning;
} rows[] = {
    /* Vector units of a CPU: one lane a row, so that activations and scales are the same for all
     * lanes and cost one load; registers are plenty, barriers are switches between coroutines. */
    { true,
      0,
      { .matmul_workgroup   = 8,
        .matmul_groups      = 8,
        .matmul_groups_wide = 4,
        .matmul_tokens      = 8,
        .row_workgroup      = 32,
        .attend_workgroup   = 64,
        .attend_heads       = 8,
        .attend_rows        = 4,
        .attend_pairs       = 16,
        .attend_split       = 256 } },
    /* Wide subgroups: eight slices of K fill one. */
    { false,
      64,
      { .matmul_workgroup   = 64,
        .matmul_groups      = 4,
        .matmul_groups_wide = 2,
        .matmul_tokens      = 8,
        .row_workgroup      = 64,
        .attend_workgroup   = 64,
        .attend_heads       = 8,
        .attend_rows        = 4 } },
    { false,
      0,
      { .matmul_workgroup   = 32,
        .matmul_groups      = 4,
        .matmul_groups_wide = 2,
        .matmul_tokens      = 8,
        .row_workgroup      = 64,
        .attend_workgroup   = 64,
        .attend_heads       = 8,
        .attend_rows        = 4 } },
};

void dv_tuning_of(struct dv_tuning *tuning, const struct dv_caps *caps)
{
    size_t i = 0;
    while (rows[i].software != caps->is_software || rows[i].subgroup > caps->subgroup)
        i++;
    *tuning = rows[i].tuning;
    /* Narrower vectors would load each row of a micro-tile twice or more. */
    tuning->matmul_broadcast =
        caps->is_software && caps->scalar_loads && caps->subgroup >= tuning->matmul_workgroup;
}
