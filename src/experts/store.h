/* SPDX-License-Identifier: MIT */
/* Where experts come from that are in no memory: read from the checkpoint's files, not through
 * their maps, so that no page stays in the process and a file that was shortened is a failure and
 * not a signal; then packed, on all cores. Made-up experts are made up again. */
#ifndef DV_EXPERTS_STORE_H
#define DV_EXPERTS_STORE_H

#include "os/os.h"
#include "weights/loading.h"

#define DV_EXPERT_READS 8 /* experts that are read at a time, at most */
#define DV_EXPERT_PARTS 3 /* gate, up and down; or gate and up in one */

/* A layer with experts: of each matrix kind the recipe and its items, one an expert. */
struct dv_expert_layer {
    uint32_t layer; /* of the model */
    uint32_t n_parts;
    struct {
        uint32_t                     recipe;
        const struct dv_weight_info *info;
        struct dv_load_item         *items;
        uint64_t                     offset; /* in a slot */
        uint64_t                     table;  /* of addresses, in the tables' buffer */
    } parts[DV_EXPERT_PARTS];
};

/* One expert on its way. */
struct dv_expert_read {
    const struct dv_expert_layer *layer;
    uint32_t                      expert;
    unsigned char                *to; /* packed, as in a slot */
};

struct dv_expert_store {
    const struct dv_context *ctx;
    struct dv_weight_source  source;
    unsigned char          **raw; /* one for each expert that is read at a time */
    uint32_t                 n_raw;
    uint64_t                 raw_bytes;
    bool                     count_nan;
    atomic_ullong            nan;
};

/* With `ctx` and `source` set; `layers` say how large an expert is as it is stored. NO_MEMORY. */
dsvk_status dv_expert_store_init(struct dv_expert_store       *store,
                                 const struct dv_expert_layer *layers, uint32_t n_layers);
void        dv_expert_store_done(struct dv_expert_store *store);
/* Says that an expert is read soon, so that the disk works while others are packed. */
void dv_expert_store_announce(const struct dv_expert_store *store,
                              const struct dv_expert_layer *layer, uint32_t expert);
/* At most n_raw at a time; complete on return. BAD_FILE. */
dsvk_status dv_expert_store_read(struct dv_expert_store *store, const struct dv_expert_read *reads,
                                 uint32_t n);
/* Bytes of an expert as they are stored. */
uint64_t dv_expert_stored_bytes(const struct dv_expert_layer *layer, uint32_t expert);

#endif
