/* SPDX-License-Identifier: MIT */
/* Experts in tiers: slots in device memory, pieces of host memory, and the checkpoint on the disk.
 * A slot holds one expert of one layer, all its matrices; all slots are equal in size. An expert
 * lies in one tier only, so that device and host hold as many as both together have room for: one
 * that leaves its slot takes the place of the one that comes, or of one that is wanted later.
 *
 * The host's pieces lie in memory that the device can read, where the driver has such. Then a pass
 * of few tokens, which reads each expert's weights about once, reads those of the host in place,
 * over the bus but without waiting for copies; one is exchanged for an expert in a slot only when
 * it is chosen more often. A pass of many tokens reads an expert many times: from its slot.
 *
 * Where an expert lies never changes a result: it comes packed as it would lie on the device, and
 * kernels find it through the table of addresses that they always use. Kernels run only when all
 * that they need are where they can read them; nothing moves while they run. */
#ifndef DV_EXPERTS_EXPERTS_H
#define DV_EXPERTS_EXPERTS_H

#include "experts/store.h"
#include "experts/residency.h"

/* Of everything since loading. An expert counts once for each time that a layer wants it. */
struct dv_expert_stats {
    uint64_t hits, from_host, from_disk;
    uint64_t host_bytes, disk_bytes; /* brought or read in place; packed, and as stored */
    double   seconds;                /* of bringing, while nothing runs */
};

/* Host memory of a slot's size. */
struct dv_expert_piece {
    unsigned char *data;
    uint64_t       address; /* of the device; 0: it cannot read it */
};

struct dv_experts {
    const struct dv_context *ctx;
    struct dv_device        *dev;
    struct dv_stream        *stream;
    struct dv_load_item     *items; /* of all experts */
    struct dv_expert_layer  *layers;
    uint32_t                 n_layers, n_experts, top_k;
    uint64_t                 slot_bytes;
    struct dv_residency      residency;
    struct dv_expert_store   store;
    struct dv_buffer       **buffers, **host_buffers; /* of slots, and of pieces */
    uint32_t                 n_buffers, n_host_buffers, per_buffer;
    struct dv_buffer        *tables;   /* of addresses; written by the host */
    struct dv_expert_piece  *host;     /* by host slot */
    struct dv_expert_piece  *spare;    /* n_raw pieces for what is on its way */
    bool                     in_place; /* the device reads `host` */
    bool                     mapped;   /* slots are packed in place */
    uint32_t                 context;  /* of the sessions that room was left for; 0: of none */
    struct dv_expert_stats   stats;
};

/* Takes the experts out of the items and assigns places to the rest again. Before and after, places
 * are assigned. */
dsvk_status dv_experts_split(struct dv_experts **out, struct dv_placement *pl);
/* What a matrix of an expert takes of its slot. */
uint64_t dv_expert_bytes(const struct dv_load_item *item);
/* After the other weights: makes the tiers and fills them, each layer its share, and sets the
 * places of the experts' recipes. */
dsvk_status dv_experts_fill(struct dv_experts *x, struct dv_weights *w, struct dv_stream *stream,
                            const dsvk_progress *progress);
/* That filling brings, of the device and the host. */
uint64_t dv_experts_fill_bytes(const struct dv_experts *x);
void     dv_experts_free(struct dv_experts *x);
uint64_t dv_experts_device_bytes(const struct dv_experts *x);
uint64_t dv_experts_host_bytes(const struct dv_experts *x);
/* Experts that can be in slots at a time. */
uint32_t dv_experts_slots(const struct dv_experts *x);

/* A layer of the model is about to use these experts, ascending, each once. */
void         dv_experts_want(struct dv_experts *x, uint32_t layer, const uint32_t *ids, uint32_t n);
enum dv_tier dv_experts_tier(const struct dv_experts *x, uint32_t layer, uint32_t id);
/* Sees to it that these, at most dv_experts_slots(), are in slots and their addresses in the
 * layer's tables, until the next call; with `few` tokens they may be read where they are in host
 * memory. Waits for what was submitted if anything must change. After a failure those that did not
 * come are missing, and all else is as it was. */
dsvk_status dv_experts_bring(struct dv_experts *x, uint32_t layer, const uint32_t *ids, uint32_t n,
                             bool few);

/* How many experts of the first `layers` of n layers begin on the device and in host memory, where
 * there is room for so many of all: each layer has its share, and none is lost by rounding. */
struct dv_expert_share {
    uint64_t device, host;
};
struct dv_expert_share dv_experts_share(uint32_t slots, uint32_t host_slots, uint32_t layers,
                                        uint32_t n);

/* ---- inside experts/ ---- */

/* Slots and pieces, as many as the tiers have. After a failure, too, all that was made is freed by
 * dv_experts_free_memory(). */
dsvk_status    dv_experts_make_memory(struct dv_experts *x);
void           dv_experts_free_memory(struct dv_experts *x);
unsigned char *dv_experts_mapped(const struct dv_experts *x, uint32_t slot);
dsvk_status    dv_experts_upload(struct dv_experts *x, uint32_t slot, const unsigned char *from);
/* Writes the addresses of an expert: in its slot, else in its piece of host memory. */
void dv_experts_publish(struct dv_experts *x, uint32_t expert);

#endif
