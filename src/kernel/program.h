/* SPDX-License-Identifier: MIT */
/* A program: a planned graph as recorded commands, submitted once a pass. */
#ifndef DV_KERNEL_PROGRAM_H
#define DV_KERNEL_PROGRAM_H

#include "kernel/kernel.h"

struct dv_program {
    struct dv_device   *dev;
    struct dv_graph    *graph; /* owned */
    struct dv_plan      plan;
    struct dv_commands *commands;
    struct dv_buffer   *blocks; /* of its own, where the room that it was given is too small */
    uint32_t            attend_groups[3]; /* y is the number of splits, known at each pass */
    bool                profile;
    struct dv_weight_place *places; /* with profile: of the graph's weights */
};

struct dv_program_params {
    struct dv_kernel_site site;    /* block and graph are filled in by the program */
    struct dv_stream     *stream;  /* for uploading the blocks */
    uint64_t              token;   /* address that the result of argmax goes to */
    bool                  profile; /* a timestamp and a barrier behind each dispatch */
    /* Room for the argument blocks that are too large for push constants, DV_BLOCK_BYTES a node;
     * where it is less, or none, the program allocates it. */
    struct dv_buffer *blocks;
    uint64_t          blocks_at, blocks_room;
};

/* Takes the planned graph over, also when it fails. */
dsvk_status dv_program_new(struct dv_program **out, struct dv_device *dev, struct dv_graph *graph,
                           const struct dv_plan *plan, const struct dv_program_params *params);
void        dv_program_free(struct dv_program *program);

/* After a pass with `profile`: nanoseconds of node i of the graph at ns[i], n_nodes of them. */
dsvk_status dv_program_times(struct dv_program *program, uint64_t *ns);

#endif
