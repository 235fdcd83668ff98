/* SPDX-License-Identifier: MIT */
#include "weights/formats.h"

#include <string.h>

static bool contains(const char *name, const char *part)
{
    return strstr(name, part) != NULL;
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

static bool is_feed_forward(const char *name)
{
    return contains(name, ".mlp.") &&
           (ends_with(name, "gate_proj.weight") || ends_with(name, "up_proj.weight") ||
            ends_with(name, "down_proj.weight"));
}

static bool is_attention(const char *name)
{
    return contains(name, ".self_attn.") &&
           (ends_with(name, "_proj.weight") || ends_with(name, "_proj_with_mqa.weight")) &&
           !contains(name, ".indexer.");
}

static bool is_table(const char *name)
{
    return ends_with(name, "embed_tokens.weight") || ends_with(name, "lm_head.weight") ||
           ends_with(name, "shared_head.head.weight") || ends_with(name, "eh_proj.weight");
}

static unsigned bits(enum dv_dtype dtype)
{
    return (unsigned)dv_dtype_size(dtype, 8);
}

bool dv_formats_target(enum dv_dtype *target, dsvk_weights formats, const char *name,
                       enum dv_dtype dtype, uint32_t cols)
{
    bool ffn = is_feed_forward(name), linear = ffn || is_attention(name);
    *target = DV_BF16;
    if (formats == DSVK_WEIGHTS_KEEP || (!linear && !is_table(name)))
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
