/* SPDX-License-Identifier: MIT */
#include "modules.h"

#include "scale.spv.h"
#include "scale_i64.spv.h"
#include "spin.spv.h"
#include "subgroup.spv.h"

#define MODULE(kernel)                                                                             \
    const struct dv_spirv module_##kernel = { .name    = #kernel,                                  \
                                              .words   = dv_spv_##kernel,                          \
                                              .n_words = sizeof dv_spv_##kernel / 4 }
MODULE(scale);
MODULE(scale_i64);
MODULE(subgroup);
MODULE(spin);
