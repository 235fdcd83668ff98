/* SPDX-License-Identifier: MIT */
/* Packed matrices of made-up weights, written where they lie: nothing to read, nothing to repack,
 * and the same bytes in every run, whichever thread writes them. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/size.h"
#include "pack/parts.h"

/* Root mean squares of random bits, of those kept where not all are, in formats with scales. */
static const float rms_of[DV_N_FORMATS] = {
    [DV_FORMAT_E4M3] = 0.625f, [DV_FORMAT_INT4] = 4.637f, [DV_FORMAT_FP4] = 2.926f
};

/* Two rounds of a mix whose every output bit depends on every input bit. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The bits of random words that become sign and mantissa, and those that all values share: an
 * exponent for which sums over `cols` of them keep the size of what they are multiplied with. */
struct pattern {
    uint64_t keep, set;
};

static struct pattern pattern_of(const struct dv_layout *layout, uint32_t cols)
{
    /* Random mantissas below an exponent of 0 have the root mean square 2^0.611. */
    int exponent = (int)roundf(-0.5f * log2f((float)cols) - 0.611f);
    switch (layout->format) {
    case DV_FORMAT_F32:
        return (struct pattern){ UINT64_C(0x807fffff807fffff),
                                 ((uint64_t)(127 + exponent) << 23) * UINT64_C(0x100000001) };
    case DV_FORMAT_F16:
        return (struct pattern){ UINT64_C(0x83ff83ff83ff83ff),
                                 ((uint64_t)(15 + exponent) << 10) * UINT64_C(0x1000100010001) };
    case DV_FORMAT_BF16:
        return (struct pattern){ UINT64_C(0x807f807f807f807f),
                                 ((uint64_t)(127 + exponent) << 7) * UINT64_C(0x1000100010001) };
    case DV_FORMAT_INT4:
    case DV_FORMAT_FP4: /* any bits: the scale does it */
        return (struct pattern){ UINT64_MAX, 0 };
    default: /* exponents 0 to 7 of 15: no NaN, and the scale does the rest */
        return (struct pattern){ UINT64_C(0xbfbfbfbfbfbfbfbf), 0 };
    }
}

/* Rows behind the last and columns behind the last are zero. */
static void clear_padding(unsigned char *tiles, const struct dv_layout *layout,
                          const struct dv_weight_info *info, uint32_t rows)
{
    uint32_t row_bytes = info->cols * 16 / dv_formats[layout->format].values;
    uint32_t c         = rows < 8 ? 0 : layout->chunks - 1;
    int      zero      = dv_formats[layout->format].zeros;
    for (tiles += (size_t)c * DV_TILE_BYTES; c < layout->chunks; c++, tiles += DV_TILE_BYTES) {
        memset(tiles + rows * 16, zero, DV_TILE_BYTES - rows * 16);
        uint32_t used = dv_min(row_bytes - c * 16, 16);
        for (uint32_t r = 0; r < rows && used < 16; r++)
            memset(tiles + r * 16 + used, zero, 16 - used);
    }
}

static uint32_t rows_in(const struct dv_layout *layout, const struct dv_weight_info *info,
                        uint32_t group)
{
    uint32_t within = info->kind == DV_WEIGHT_PAIR ? group / 2 : group % layout->groups;
    uint32_t left   = info->rows - within * 8;
    return dv_min(left, 8);
}

/* What all words of scales are. */
static uint32_t scale_word(const struct dv_layout *layout, uint32_t cols)
{
    const struct dv_format *format = &dv_formats[layout->format];
    float                   rms    = rms_of[layout->format] / format->factor;
    float                   scale  = 1.0f / rms / sqrtf((float)cols);
    uint32_t                word;
    if (format->scales == DV_SCALES_ROWS)
        return dv_bf16_encode(scale) * 0x10001u;
    memcpy(&word, &scale, sizeof word);
    return word;
}

void dv_layout_random(struct dv_packed to, const struct dv_layout *layout,
                      const struct dv_weight_info *info, uint64_t seed, struct dv_groups groups)
{
    struct pattern pattern = pattern_of(layout, info->cols);
    size_t         words   = (size_t)layout->chunks * (DV_TILE_BYTES / 8);
    uint32_t       factor  = scale_word(layout, info->cols);
    for (uint32_t g = groups.first; g < groups.end; g++, to.tiles += words * 8) {
        uint64_t at = mix(seed + g);
        for (size_t i = 0; i < words; i++) {
            uint64_t word = (mix(at + i) & pattern.keep) | pattern.set;
            memcpy(to.tiles + i * 8, &word, 8);
        }
        clear_padding(to.tiles, layout, info, rows_in(layout, info, g));
        for (uint32_t b = 0; b < layout->blocks; b++, to.scales += 4)
            memcpy(to.scales, &factor, 4);
    }
    if (groups.end == dv_layout_groups(layout, info))
        memset(to.scales, 0,
               layout->bytes - (layout->scales + (size_t)groups.end * layout->blocks * 4));
}
