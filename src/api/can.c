/* SPDX-License-Identifier: MIT */
/* Which operations of dsvk/graph.h a device runs: those for whose kernels it has a variant. */
#include <string.h>

#include "api/handles.h"
#include "dsvk/graph.h"

enum kind { WEIGHTS, LATENTS, PLAIN }; /* what is in a format */

static const struct op {
    const char *name;
    enum kind   kind;
    const char *kernels[5];
} ops[] = {
    { "matmul", WEIGHTS, { "matmul" } },
    { "experts", WEIGHTS, { "expert_matmul", "expert_plan", "expert_sum", "expert_down" } },
    { "attend", LATENTS, { "attend", "attend_rows", "combine" } },
    { "latents_write", LATENTS, { "cache_write" } },
    { "rms_norm", PLAIN, { "rms_norm" } },
    { "swiglu", PLAIN, { "swiglu" } },
    { "add", PLAIN, { "add" } },
    { "router", PLAIN, { "router" } },
};

static bool knows(enum kind kind, const char *dtype)
{
    if (kind == WEIGHTS)
        return dv_format_find(dtype) != NULL;
    if (strcmp(dtype, "F32") == 0)
        return true;
    return kind == LATENTS && (strcmp(dtype, "BF16") == 0 || strcmp(dtype, "FP8") == 0);
}

bool dsvk_device_can(const dsvk_device *device, const char *name, const char *dtype)
{
    const struct op *op = NULL;
    for (size_t i = 0; name && i < sizeof ops / sizeof *ops; i++)
        if (strcmp(ops[i].name, name) == 0)
            op = &ops[i];
    if (!device || !op || (dtype && !knows(op->kind, dtype)))
        return false;
    uint32_t offers = dv_caps_offers(&device->dev->caps);
    for (size_t k = 0; op->kernels[k]; k++)
        if (!dv_spirv_choose(op->kernels[k], offers, 0))
            return false;
    return true;
}
