/* SPDX-License-Identifier: MIT */
#include "weights/formats.h"

static unsigned bits(enum dv_dtype dtype)
{
    return (unsigned)dv_dtype_size(dtype, 8);
}

bool dv_formats_target(enum dv_dtype *target, dsvk_weights formats, enum dv_role role,
                       enum dv_dtype dtype, uint32_t cols)
{
    bool ffn    = role == DV_ROLE_DENSE || role == DV_ROLE_SHARED || role == DV_ROLE_EXPERT;
    bool linear = ffn || role == DV_ROLE_ATTENTION;
    bool table  = role == DV_ROLE_EMBEDDING || role == DV_ROLE_HEAD || role == DV_ROLE_PREDICTOR;
    *target     = DV_BF16;
    if (formats == DSVK_WEIGHTS_KEEP || (!linear && !table))
        return false;
    if (formats == DSVK_WEIGHTS_BF16)
        return dtype != DV_BF16;
    if (linear)
        *target = DV_F8_E4M3;
    if (ffn && cols % 8 == 0 && formats == DSVK_WEIGHTS_INT4)
        *target = DV_INT4;
    if (ffn && cols % 8 == 0 && formats == DSVK_WEIGHTS_FP4)
        *target = DV_FP4;
    return bits(*target) < bits(dtype);
}
