/* SPDX-License-Identifier: MIT */
/* The constants that kernels set are those that their modules have, in every variant: each is set
 * to another number than 0 by some pipeline of the published shapes on some device. One that is
 * forgotten in C would be 0, one that is forgotten in the shader would change nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pipelines/pipelines.h"

static const struct dv_caps caps[] = {
    { .is_software = true, .scalar_loads = true, .subgroup = 8 },
    { .subgroup = 32 },
    { .cooperative_matrix    = true,
      .int64                 = true,
      .float16               = true,
      .coop                  = { [DV_COOP_F16] = { 16, 16, 16 } },
      .subgroup              = 32,
      .subgroup_min          = 32,
      .subgroup_max          = 32,
      .subgroup_size_control = true },
};

/* What no graph of those shapes asks for; tests/ops does. */
static const struct {
    const char *kernel;
    uint32_t    constant;
} unused[] = {
    { "expert_matmul", DV_DOT_NORM }, /* only where experts are in tiers: else it is route_up */
    { "project_two", DV_DOT_PAIR },   /* matrix A is no pair, B may be */
};

static struct dv_context ctx;
static struct dv_caps    devices[sizeof caps / sizeof *caps];
static struct collection found[sizeof caps / sizeof *caps];

static int collect_all(void **state)
{
    (void)state;
    dv_context_init(&ctx, &(dsvk_log){ 0 }, NULL);
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++) {
        devices[i]                  = caps[i];
        devices[i].max_workgroup    = 1024;
        devices[i].max_shared_bytes = 49152;
        for (int axis = 0; axis < 3; axis++)
            devices[i].max_groups[axis] = 65535;
        found[i] = (struct collection){ .ctx = &ctx, .caps = &devices[i], .round_f16 = i > 0 };
        if (collect(&found[i]) != DSVK_OK)
            return -1;
    }
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++)
        dv_free(&ctx, found[i].list);
    return 0;
}

/* Bit i: a pipeline of the kernel sets constant i. */
static uint32_t set_by_kernel(const char *kernel)
{
    uint32_t set = 0;
    for (size_t i = 0; i < sizeof unused / sizeof *unused; i++)
        if (strcmp(unused[i].kernel, kernel) == 0)
            set |= 1u << unused[i].constant;
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++)
        for (uint32_t k = 0; k < found[i].n; k++)
            for (uint32_t id = 0; id < DV_MAX_SPEC; id++)
                if (strcmp(found[i].list[k].params.kernel, kernel) == 0 &&
                    found[i].list[k].params.spec[id] != 0)
                    set |= 1u << id;
    return set;
}

static void each_constant_of_a_module_is_set(void **state)
{
    (void)state;
    for (const struct dv_spirv *module = dv_kernel_spirv; module->name; module++) {
        struct dv_spirv_facts facts;
        uint32_t              set = set_by_kernel(module->base), declared = 0;
        assert_true(dv_spirv_read(&facts, module->words, module->n_words));
        for (uint32_t i = 0; i < facts.n_spec; i++)
            declared |= 1u << facts.spec_ids[i];
        if (set != declared)
            fail_msg("%s: C sets the constants %#x, the module declares %#x", module->name,
                     (unsigned)set, (unsigned)declared);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_constant_of_a_module_is_set) };
    return cmocka_run_group_tests(tests, collect_all, free_all);
}
