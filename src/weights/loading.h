/* SPDX-License-Identifier: MIT */
/* Weights on a device, and bringing them there: between engine/load.c, which allocates what
 * placement.c has laid out, and packer.c, which fills it. */
#ifndef DV_WEIGHTS_LOADING_H
#define DV_WEIGHTS_LOADING_H

#include <stdatomic.h>

#include "vk/stream.h"
#include "weights/placement.h"
#include "weights/weights.h"

struct dv_weights {
    struct dv_device       *dev;
    struct dv_placement     placement;
    struct dv_weight_place *places; /* by recipe */
    struct dv_buffer      **buffers;
    struct dv_buffer       *tables;  /* of expert addresses */
    struct dv_experts      *experts; /* NULL: they lie among the others */
    uint64_t                bytes;   /* of buffers and tables */
};

struct dv_loading {
    struct dv_weights       *w;
    const struct dv_context *ctx;
    struct dv_stream        *stream;
    uint64_t                 batch_bytes; /* packed at a time; 0 = 64 MiB, tests take less */
    uint64_t                 total;       /* bytes, with what comes after packing */
    atomic_ullong            nan;         /* FP8 codes that stand for no number */
    atomic_ullong            bad_scales;  /* of INT4 and FP4 */
};

/* Packs all items into their buffers. CANCELLED by `progress`, which is told of l->total bytes. */
dsvk_status dv_loading_pack(struct dv_loading *l, const dsvk_progress *progress);

#endif
