/* SPDX-License-Identifier: MIT */
/* Every op of ops.def, or those that are named: `test_ops router argmax`. A software device runs
 * them twice: in its own shapes of workgroups, then in those that a GPU would get. As the first
 * argument, --as-hardware leaves the former out, and --variants runs the further variants of
 * kernels that the device can run instead of those that it gets. */
#include "ops/harness.h"

static const struct {
    const char *name;
    void (*run)(void **state);
} tests[] = {
#define OP(name) { #name, op_test_##name },
#include "graph/ops.def"
#undef OP
};

static bool wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc < 2 || (argc == 2 && argv[1][0] == '-');
}

static int as_hardware(void **state)
{
    (void)state;
    struct dv_caps *caps = &op_device.dev->caps;
    caps->is_software  = false;
    caps->packed_int16 = caps->int16; /* it is right everywhere, if not fast */
    return 0;
}

/* Variants of the kernel that has most of them. */
static uint32_t most_variants(void)
{
    uint32_t offers = dv_caps_offers(&op_device.dev->caps), most = 1;
    for (const struct dv_spirv *m = dv_kernel_spirv; m->name; m++)
        while (dv_spirv_choose(m->base, offers, most) !=
               dv_spirv_choose(m->base, offers, most - 1))
            most++;
    return most;
}

static int as_next_variant(void **state)
{
    (void)state;
    op_device.dev->variant++;
    return 0;
}

int main(int argc, char **argv)
{
    struct CMUnitTest list[DV_N_OPS];
    size_t            n = 0;
    for (size_t i = 0; i < DV_N_OPS; i++)
        if (wanted(tests[i].name, argc, argv))
            list[n++] = (struct CMUnitTest){ .name = tests[i].name, .test_func = tests[i].run };
    if (!test_device_open(&op_device))
        fprintf(stderr, "no usable device: all tests are skipped\n");
    bool as_gpu   = argc > 1 && strcmp(argv[1], "--as-hardware") == 0;
    bool variants = argc > 1 && strcmp(argv[1], "--variants") == 0;
    bool software = op_device.dev && op_device.dev->caps.is_software;
    int  failed   = 0;
    if (!as_gpu && !variants)
        failed = _cmocka_run_group_tests("ops", list, n, NULL, NULL);
    if (software && variants)
        as_hardware(NULL);
    else if (software)
        failed |= _cmocka_run_group_tests("ops, as on hardware", list, n, as_hardware, NULL);
    for (uint32_t i = 1; variants && op_device.dev && i < most_variants(); i++)
        failed |= _cmocka_run_group_tests("ops, other variants", list, n, as_next_variant, NULL);
    return !test_device_close(&op_device) || failed != 0;
}
