/* SPDX-License-Identifier: MIT */
/* The shaders of these tests, and the groups of tests. */
#ifndef DV_TESTS_VK_MODULES_H
#define DV_TESTS_VK_MODULES_H

#include "vk/spirv.h"

extern const struct dv_spirv module_scale, module_scale_i64, module_subgroup, module_spin;

struct scale_push {
    uint64_t x, y;
    uint32_t n, add;
};

struct spin_push {
    uint64_t y;
    uint32_t rounds;
};

int test_caps(void);
int test_matrices(void);
int test_find(void);
int test_spirv(void);
int test_instance(void);
int test_memory(void);
int test_pipeline(void);
int test_compiling(void);
int test_commands(void);
int test_stream(void);
int test_fault(void);
int test_cache_file(void);
int test_cache_fault(void);
int test_reopen(void);
int test_background(void);

#endif
