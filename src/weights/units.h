/* SPDX-License-Identifier: MIT */
/* All items of a placement, cut in order into batches of units. A unit is what one thread packs at
 * a time: some 8-row groups of one matrix, or one vector. */
#ifndef DV_WEIGHTS_UNITS_H
#define DV_WEIGHTS_UNITS_H

#include "weights/reader.h"

#define DV_MAX_UNITS 1024u

struct dv_unit {
    struct dv_load_item *item;
    struct dv_groups     groups;                  /* end 0: a vector */
    uint64_t             tile_bytes, scale_bytes; /* the latter with the padding at the end */
    struct dv_packed     to;
    struct dv_reads      reads;
};

struct dv_batch {
    struct dv_unit units[DV_MAX_UNITS];
    uint32_t       n;
    uint64_t       bytes, done; /* done: of its items' bytes */
    uint64_t       read_bytes;
};

struct dv_cutter {
    const struct dv_placement *placement;
    uint64_t                   batch_bytes, unit_bytes;
    uint32_t                   item, group; /* where the next unit begins */
};

/* batch_bytes 0: 64 MiB. */
struct dv_cutter dv_cutter(const struct dv_placement *placement, uint64_t batch_bytes);
/* The next batch, with n == 0 behind the last. Asks for the pages that it is packed from. */
void dv_cutter_next(struct dv_cutter *cutter, struct dv_batch *batch);
/* Bytes that the largest batch takes. */
uint64_t dv_cutter_room(const struct dv_cutter *cutter);

/* Bytes that a unit takes in a batch. */
uint64_t dv_unit_room(const struct dv_unit *unit);
/* Where its tiles and its scales lie in the buffer of its item. */
uint64_t dv_unit_tiles_at(const struct dv_unit *unit);
uint64_t dv_unit_scales_at(const struct dv_unit *unit);

#endif
