/* SPDX-License-Identifier: MIT */
/* Between pack.c, which knows where a packed group of rows comes from, and pack_converted.c, which
 * converts it. */
#ifndef DV_PACK_PARTS_H
#define DV_PACK_PARTS_H

#include "pack/narrow.h"

#define DV_TILE_BYTES 128u /* 8 rows x 16 bytes */

/* Where one packed 8-row group comes from. */
struct dv_group_source {
    const struct dv_layout_source *part;
    uint32_t                       row; /* of the tensor; transposed: the first that is a column */
    uint32_t                       col; /* transposed: tensor column of packed row 0 */
    uint32_t                       n;   /* packed rows that exist, 0..8 */
};

/* The FP8 scales along one packed row, which the next rows mostly share. */
struct dv_scale_line {
    const struct dv_layout_source *part; /* NULL: none yet */
    uint32_t                       block, first;
    float scales[(1u << 20) / DV_FP8_BLOCK + 1]; /* widths: file/config.h */
};

/* The group's tiles and scales from a part that is converted. */
void dv_layout_pack_converted(struct dv_packed to, const struct dv_group_source *from,
                              const struct dv_layout *layout, const struct dv_weight_info *info,
                              struct dv_scale_line *line);

#endif
