/* SPDX-License-Identifier: MIT */
/* How a weight matrix lies in device memory: micro-tiles of 8 rows x 16 bytes, K-major inside a
 * group of 8 rows, so that neighbouring lanes hold neighbouring rows of one 128-byte line and, with
 * one lane a row, activations and scales are the same for all lanes (docs/kernels.md). FP8 bytes
 * are kept; only their order changes. Rows are padded to 8 and columns to 16 bytes, with zeros.
 *
 * Formats of 4 bits: a chunk of a row is 32 values with one scale. The eight columns of a word lie
 * with the even ones in the low half, the odd ones in the high half, so that a shift and a mask
 * give two neighbours as half floats. Behind the tiles each group has, for each chunk, the scales
 * of its 8 rows as bf16, in which Kimi's scales and powers of two are exact: 4.5 bits a weight. */
#ifndef DV_PACK_LAYOUT_H
#define DV_PACK_LAYOUT_H

#include "graph/graph.h"
#include "tensor/dtype.h"
#include "tensor/formats.h"

/* A weight on the device. Vectors and rope tables: only `address`, f32. Experts: `address` is that
 * of a table of expert addresses (two words each). */
struct dv_weight_place {
    uint64_t              address;
    enum dv_weight_format format;
    uint32_t              scales; /* byte offset of the scales from the matrix' address */
    uint32_t              chunks; /* 16-byte chunks a row */
    uint32_t              groups; /* 8-row groups a slice, of one part when paired */
    uint32_t              block_shift, blocks;
};

/* A stored tensor [rows, cols], row-major, with its scales where it has some; and what its values
 * are to become before they are packed, if anything: pack/narrow.h. */
struct dv_layout_source {
    enum dv_dtype        dtype; /* F32, F16, BF16, F8_E4M3, INT4, FP4 */
    const unsigned char *data;
    uint32_t             rows, cols;
    enum dv_dtype        scale_dtype;
    const unsigned char *scale; /* NULL: none */
    uint32_t             block_rows, block_cols;
    bool                 converted;
    enum dv_dtype        target; /* if so: BF16, F8_E4M3, INT4, FP4 */
};

struct dv_layout {
    enum dv_weight_format format;
    uint32_t              chunks, groups;      /* groups of one slice; of one part when paired */
    uint32_t              block_shift, blocks; /* blocks: words of scales a group */
    uint32_t              scales;              /* byte offset */
    uint64_t              bytes;               /* whole, a multiple of 256; below 4 GiB */
};

/* The 8-row groups first .. end-1 of the dv_layout_groups(). */
struct dv_groups {
    uint32_t first, end;
};

/* Where the tiles and the scales of some groups are packed to. */
struct dv_packed {
    unsigned char *tiles, *scales;
};

/* The layout for a recipe from its sources (one a part, of one expert). The stored format where the
 * parts agree in it and where each micro-tile of FP8, each row of a micro-tile of INT4 and FP4 has
 * one scale (for these: BF16 or F8_E8M0, and not transposed); otherwise F32. Depends on shapes and
 * formats only (`scale` NULL or not), so that it can be planned from headers. UNSUPPORTED above
 * 4 GiB and for columns that are not a multiple of 4. */
dsvk_status dv_layout_of(struct dv_layout *layout, const struct dv_context *ctx,
                         const struct dv_weight_info *info, const struct dv_layout_source *parts);

/* Writes the packed matrix (layout->bytes, every byte) to `out`. Cheap to call from several
 * threads for different matrices. FP8 bytes are kept whatever they are; the kernels read a NaN
 * code as a number (480), so a caller warns when dv_layout_count_nan() finds any. */
void dv_layout_pack(void *out, const struct dv_layout *layout, const struct dv_weight_info *info,
                    const struct dv_layout_source *parts);
uint32_t dv_layout_groups(const struct dv_layout *layout, const struct dv_weight_info *info);
/* Where group `group` lies in a packed matrix that begins at `out`. */
struct dv_packed dv_layout_at(void *out, const struct dv_layout *layout, uint32_t group);

/* Packs some groups to `to`: their place in the matrix, or staging memory on the way there. Calls
 * for disjoint groups may run at the same time. With the last group goes the padding behind the
 * scales. */
void dv_layout_pack_groups(struct dv_packed to, const struct dv_layout *layout,
                           const struct dv_weight_info *info, const struct dv_layout_source *parts,
                           struct dv_groups groups);
/* The same with made-up weights, of a size that keeps activations at theirs; the same bytes for the
 * same seed. Only the layout and the recipe are looked at. */
void dv_layout_random(struct dv_packed to, const struct dv_layout *layout,
                      const struct dv_weight_info *info, uint64_t seed, struct dv_groups groups);

/* Bytes that the first `rows` rows of a stored tensor take, and the scales that these need. */
uint64_t dv_layout_value_bytes(const struct dv_layout_source *part, uint64_t rows);
uint64_t dv_layout_scale_bytes(const struct dv_layout_source *part, uint64_t rows);

/* FP8 codes that mean NaN; 0 for other formats. */
uint64_t dv_layout_count_nan(const struct dv_layout_source *part);
/* Scales of INT4 and FP4 in rows first .. end-1 that are not finite, or below 0, or too large for
 * the packed ones; 0 for other formats. */
uint64_t dv_layout_count_bad_scales(const struct dv_layout_source *part, uint32_t first,
                                    uint32_t end);

void dv_layout_place(struct dv_weight_place *place, const struct dv_layout *layout,
                     uint64_t address);

#endif
