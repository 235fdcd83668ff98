/* SPDX-License-Identifier: MIT */
#include "modules.h"

#include "scale.spv.h"
#include "scale_i64.spv.h"
#include "spin.spv.h"
#include "subgroup.spv.h"

#define MODULE(name)                                                                               \
    const struct dv_spirv module_##name = { #name, dv_spv_##name, sizeof dv_spv_##name / 4 }
MODULE(scale);
MODULE(scale_i64);
MODULE(subgroup);
MODULE(spin);
