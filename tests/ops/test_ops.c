/* SPDX-License-Identifier: MIT */
/* Every op of ops.def, or those that are named: `test_ops router argmax`. A software device runs
 * them twice: in its own shapes of workgroups, then in those that a GPU would get.
 *   --as-hardware  leaves the former out
 *   --variants     the further variants of kernels that the device can run instead of those that it
 *                  gets
 *   --all-draws    argmax: 10,000 draws of a setting, not 20
 *   --part I/N     of the cases that take long the Ith of N parts, I from 1 */
#include "ops/harness.h"

static const struct {
    const char *name;
    void (*run)(void **state);
} tests[] = {
#define OP(name, ...) { #name, op_test_##name },
#include "graph/ops.def"
#undef OP
};

static struct {
    bool        as_hardware, variants;
    const char *names[DV_N_OPS];
    size_t      n_names;
} options;

static bool parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int end = 0;
        if (strcmp(argv[i], "--as-hardware") == 0) {
            options.as_hardware = true;
        } else if (strcmp(argv[i], "--variants") == 0) {
            options.variants = true;
        } else if (strcmp(argv[i], "--all-draws") == 0) {
            op_all_draws = true;
        } else if (strcmp(argv[i], "--part") == 0 && i + 1 < argc) {
            i++;
            if (sscanf(argv[i], "%zu/%zu%n", &op_part.first, &op_part.step, &end) != 2 ||
                argv[i][end] || op_part.first-- == 0 || op_part.first >= op_part.step)
                return false;
        } else if (argv[i][0] == '-' || options.n_names == DV_N_OPS) {
            return false;
        } else {
            options.names[options.n_names++] = argv[i];
        }
    }
    return true;
}

static bool is_op(const char *name)
{
    for (size_t i = 0; i < DV_N_OPS; i++)
        if (strcmp(tests[i].name, name) == 0)
            return true;
    return false;
}

static bool wanted(const char *name)
{
    for (size_t i = 0; i < options.n_names; i++)
        if (strcmp(options.names[i], name) == 0)
            return true;
    return options.n_names == 0;
}

static int as_hardware(void **state)
{
    (void)state;
    struct dv_caps *caps = &op_device.dev->caps;
    caps->is_software    = false;
    caps->packed_int16   = caps->int16; /* it is right everywhere, if not fast */
    return 0;
}

/* Variants of the kernel that has most of them. */
static uint32_t most_variants(void)
{
    uint32_t offers = dv_caps_offers(&op_device.dev->caps), most = 1;
    for (const struct dv_spirv *m = dv_kernel_spirv; m->name; m++)
        while (dv_spirv_choose(m->base, offers, most) != dv_spirv_choose(m->base, offers, most - 1))
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
    size_t            n  = 0;
    bool              ok = parse(argc, argv);
    for (size_t i = 0; i < options.n_names; i++)
        ok = ok && is_op(options.names[i]);
    if (!ok) {
        fprintf(stderr, "usage: test_ops [--as-hardware] [--variants] [--part I/N] [OP ...]\n");
        return 2;
    }
    for (size_t i = 0; i < DV_N_OPS; i++)
        if (wanted(tests[i].name))
            list[n++] = (struct CMUnitTest){ .name = tests[i].name, .test_func = tests[i].run };
    if (!test_device_open(&op_device))
        fprintf(stderr, "no usable device: all tests are skipped\n");
    bool software = op_device.dev && op_device.dev->caps.is_software;
    int  failed   = 0;
    if (!options.as_hardware && !options.variants)
        failed = _cmocka_run_group_tests("ops", list, n, NULL, NULL);
    if (software && options.variants)
        as_hardware(NULL);
    else if (software)
        failed |= _cmocka_run_group_tests("ops, as on hardware", list, n, as_hardware, NULL);
    for (uint32_t i = 1; options.variants && op_device.dev && i < most_variants(); i++)
        failed |= _cmocka_run_group_tests("ops, other variants", list, n, as_next_variant, NULL);
    return !test_device_close(&op_device) || failed != 0;
}
