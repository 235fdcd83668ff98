/* SPDX-License-Identifier: MIT */
/* The stored bytes that a few 8-row groups of a matrix are packed from, read into the loader's
 * memory. Reading instead of mapping keeps resident memory at what is being packed, and makes a
 * file that someone shortens a failure to report rather than a signal. */
#ifndef DV_WEIGHTS_READER_H
#define DV_WEIGHTS_READER_H

#include "weights/placement.h"

/* A run of bytes in a checkpoint, and where a copy of it goes. */
struct dv_read {
    const unsigned char *data; /* in a map, not touched */
    uint64_t             bytes;
    uint64_t             skipped; /* bytes of the tensor before these */
    uint64_t             at;      /* in the buffer */
};

/* Part p takes values[p] and scales[p]; 0 bytes where there is none. */
struct dv_reads {
    struct dv_read values[DV_MAX_PARTS], scales[DV_MAX_PARTS];
    uint64_t       missing; /* bytes that could not be read, of the first run with any */
    const char    *where;   /* the tensor of that run: dv_weight_tensor_name() */
};

/* What some groups of an item need; of a vector, whose groups.end is 0, all. Places in the buffer
 * begin at *at, which moves on. Nothing to read for made-up weights. */
void dv_reads_plan(struct dv_reads *reads, const struct dv_load_item *item,
                   const struct dv_weight_info *info, struct dv_groups groups, uint64_t *at);
/* The same for rows first .. end-1 of one part, as part 0. */
void dv_reads_plan_rows(struct dv_reads *reads, const struct dv_layout_source *part, uint32_t first,
                        uint32_t end, uint64_t *at);
/* Asks for the pages, so that the disk works meanwhile. */
void dv_reads_announce(const struct dv_reads *reads);
/* Reads into `buffer` and gives sources that look as if whole tensors lay there; without a
 * checkpoint those that lie in memory. Any thread. */
bool dv_reads_fetch(struct dv_layout_source parts[DV_MAX_PARTS], struct dv_reads *reads,
                    const struct dv_checkpoint *checkpoint, const struct dv_load_item *item,
                    const struct dv_weight_info *info, unsigned char *buffer);
/* The same for part p alone: its data and scales move to the buffer. `where` names it. */
bool dv_reads_fetch_part(struct dv_layout_source *part, struct dv_reads *reads,
                         const struct dv_checkpoint *checkpoint, uint32_t p, const char *where,
                         unsigned char *buffer);
/* Says that the bytes are not needed again. */
void dv_reads_release(const struct dv_reads *reads, const struct dv_checkpoint *checkpoint);
/* FP8 codes that mean NaN in what the groups are packed from, each counted once. */
uint64_t dv_reads_count_nan(const struct dv_load_item *item, const struct dv_weight_info *info,
                            const struct dv_layout_source *parts, struct dv_groups groups);
/* Scales of INT4 and FP4 that are not finite or below 0, in the same rows. */
uint64_t dv_reads_count_bad_scales(const struct dv_load_item     *item,
                                   const struct dv_weight_info   *info,
                                   const struct dv_layout_source *parts, struct dv_groups groups);

#endif
