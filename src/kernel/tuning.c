/* SPDX-License-Identifier: MIT */
/* Shapes of kernels by what a device is. They change speed only, except for matmul_workgroup and
 * those of attend, which fix the order of summation: one number a device, never one a batch. */
#include "kernel/kernel.h"

static const struct {
    bool             software, matrices; /* needs */
    struct dv_tuning tuning;
} rows[] = {
    /* Vector units of a CPU: one lane a row, so that activations and scales are the same for all
     * lanes and cost one load; registers are plenty, barriers are switches between coroutines. */
    { true,
      false,
      { .matmul_workgroup   = 8,
        .matmul_groups      = 8,
        .matmul_groups_wide = 4,
        .matmul_tokens      = 8,
        .matmul_sums        = 32,
        .row_workgroup      = 32,
        .attend_workgroup   = 64,
        .attend_heads       = 8,
        .attend_rows        = 4,
        .attend_each        = 2,
        .attend_pairs       = 16,
        .attend_split       = 256 } },
    /* GPUs: many slices of K, because what a matrix of 2,048 rows gives in smaller workgroups
     * leaves a large device waiting for memory. Prefill wants fewer of them, which matters where
     * matrix units do not take it over (measured: docs/kernels.md). More sums are spilled where a
     * lane has 128 registers. */
    { false,
      true,
      { .matmul_workgroup   = 256,
        .matmul_groups      = 4,
        .matmul_groups_wide = 2,
        .matmul_tokens      = 8,
        .matmul_sums        = 32,
        .row_workgroup      = 64,
        .attend_workgroup   = 256,
        .attend_heads       = 8,
        .attend_rows        = 4,
        .attend_each        = 2 } },
    { false,
      false,
      { .matmul_workgroup   = 128,
        .matmul_groups      = 4,
        .matmul_groups_wide = 2,
        .matmul_tokens      = 8,
        .matmul_sums        = 32,
        .row_workgroup      = 64,
        .attend_workgroup   = 64,
        .attend_heads       = 8,
        .attend_rows        = 4,
        .attend_each        = 2 } },
};

void dv_tuning_of(struct dv_tuning *tuning, const struct dv_caps *caps)
{
    size_t i = 0;
    while (rows[i].software != caps->is_software || (rows[i].matrices && !caps->cooperative_matrix))
        i++;
    *tuning = rows[i].tuning;
    if (caps->few_registers && !caps->is_software) { /* or attend spills (docs/vendors.md) */
        tuning->attend_workgroup = 256;
        tuning->attend_each      = 1;
    }
    while (tuning->matmul_workgroup > caps->max_workgroup)
        tuning->matmul_workgroup /= 2;
    /* Narrower vectors would load each row of a micro-tile twice or more. */
    tuning->matmul_broadcast =
        caps->is_software && caps->scalar_loads && caps->subgroup >= tuning->matmul_workgroup;
    /* What loads and decodes costs more there than sums that are spilled. Other drivers compile
     * twice as many sums for too long. */
    if (tuning->matmul_broadcast) {
        tuning->matmul_groups_wide = 8;
        tuning->matmul_sums        = 64;
    }
}
