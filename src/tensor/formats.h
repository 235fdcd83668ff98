/* SPDX-License-Identifier: MIT */
/* Number formats of what lies on a device: packed weights and the latent cache. */
#ifndef DV_TENSOR_FORMATS_H
#define DV_TENSOR_FORMATS_H

/* Storage formats of packed weights: the value of the FORMAT constants of the shaders. */
enum dv_weight_format {
    DV_FORMAT_F32,
    DV_FORMAT_F16,
    DV_FORMAT_BF16,
    DV_FORMAT_E4M3,
    DV_FORMAT_INT4,
    DV_FORMAT_FP4,
    DV_N_FORMATS
};
enum dv_cache_format { DV_CACHE_F32, DV_CACHE_BF16, DV_CACHE_FP8 };

#endif
