/* SPDX-License-Identifier: MIT */
#include "weights/formats.h"

static unsigned bits(enum dv_dtype dtype)
{
    return (unsigned)dv_dtype_size(dtype, 8);
}

/* Those that make weights narrower; the head goes with them unless it is asked for otherwise. */
static bool narrows(dsvk_weights weights)
{
    return weights != DSVK_WEIGHTS_KEEP && weights != DSVK_WEIGHTS_BF16;
}

static dsvk_head head_of(const struct dv_conversion *to)
{
    return to->head == DSVK_HEAD_AUTO && narrows(to->weights) ? DSVK_HEAD_FP8 : to->head;
}

bool dv_formats_target(enum dv_dtype *target, const struct dv_conversion *to, enum dv_role role,
                       enum dv_dtype dtype, uint32_t cols)
{
    bool ffn    = role == DV_ROLE_DENSE || role == DV_ROLE_SHARED || role == DV_ROLE_EXPERT;
    bool linear = ffn || role == DV_ROLE_ATTENTION;
    bool head   = role == DV_ROLE_HEAD || role == DV_ROLE_EMBEDDING;
    bool fp8    = head && head_of(to) == DSVK_HEAD_FP8;
    *target     = DV_BF16;
    if ((!linear && !head && role != DV_ROLE_PREDICTOR) || (head && head_of(to) == DSVK_HEAD_KEEP))
        return false;
    if (to->weights == DSVK_WEIGHTS_KEEP && !fp8)
        return false;
    if (to->weights == DSVK_WEIGHTS_BF16 && !fp8)
        return dtype != DV_BF16;
    if (linear || fp8)
        *target = DV_F8_E4M3;
    if (ffn && cols % 8 == 0 && to->weights == DSVK_WEIGHTS_INT4)
        *target = DV_INT4;
    if (ffn && cols % 8 == 0 && to->weights == DSVK_WEIGHTS_FP4)
        *target = DV_FP4;
    return bits(*target) < bits(dtype);
}

bool dv_formats_keep(const struct dv_conversion *to)
{
    return to->weights == DSVK_WEIGHTS_KEEP && head_of(to) != DSVK_HEAD_FP8;
}

uint32_t dv_formats_key(const struct dv_conversion *to)
{
    dsvk_head head = head_of(to);
    if (head == DSVK_HEAD_KEEP && to->weights == DSVK_WEIGHTS_KEEP)
        head = DSVK_HEAD_AUTO;
    return (uint32_t)to->weights | (uint32_t)head << 8;
}
