/* SPDX-License-Identifier: MIT */
/* Every op of ops.def, or those that are named: `test_ops router argmax`. A software device runs
 * them twice: in its own shapes of workgroups, then in those that a GPU would get. */
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
    return argc < 2;
}

static int as_hardware(void **state)
{
    (void)state;
    op_device.dev->caps.is_software = false;
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
    int failed = _cmocka_run_group_tests("ops", list, n, NULL, NULL);
    if (op_device.dev && op_device.dev->caps.is_software)
        failed |= _cmocka_run_group_tests("ops, as on hardware", list, n, as_hardware, NULL);
    return !test_device_close(&op_device) || failed != 0;
}
