/* SPDX-License-Identifier: MIT */
/* A program: a planned graph as recorded commands, submitted in slices, most often one, each pass.
 * With experts in tiers it is cut into parts instead, between which the host brings the experts
 * that were chosen. */
#ifndef DV_KERNEL_PROGRAM_H
#define DV_KERNEL_PROGRAM_H

#include "kernel/kernel.h"
#include "kernel/slices.h"
#include "vk/stream.h"

/* Plain parts run once. A part of experts follows the plain one that leaves in `choice` what its
 * layer chose, and runs once for each wave of experts: with a plan the host writes for each wave
 * the head of the plan, with the tiles of the experts that are there, to `wave`. */
struct dv_program_part {
    struct dv_commands *commands;
    bool                experts;
    uint32_t            layer;
    uint32_t            n_experts, top_k;
    uint32_t            max_tiles;    /* 0: the choice is a route, else the head of a plan */
    uint32_t            rows, stride; /* of the route; words */
};

struct dv_program {
    struct dv_device       *dev;
    struct dv_graph        *graph; /* owned */
    struct dv_plan          plan;
    struct dv_dispatch     *dispatches;  /* by node */
    const struct dv_buffer *step_buffer; /* borrowed */
    struct dv_slices        slices;      /* none when it has parts */
    struct dv_program_part *parts;
    uint32_t                n_parts;
    struct dv_buffer       *choice, *wave; /* with parts: read and written by the host */
    uint32_t                n_dispatches, n_barriers;
    struct dv_buffer       *blocks; /* of its own, where the room that it was given is too small */
    uint32_t                attend_groups[3]; /* y is the number of splits, known at each pass */
    bool                    profile;
    struct dv_weight_place *places; /* with profile: of the graph's weights */
};

struct dv_program_params {
    struct dv_kernel_site site;      /* block and graph are filled in by the program */
    struct dv_stream     *stream;    /* for uploading the blocks */
    uint64_t              token;     /* address that the result of argmax goes to */
    bool                  profile;   /* a timestamp and a barrier behind each dispatch */
    const dsvk_progress  *compiling; /* NULL: not wanted */
    /* Room for the argument blocks that are too large for push constants, DV_BLOCK_BYTES a node;
     * where it is less, or none, the program allocates it. */
    struct dv_buffer       *blocks;
    uint64_t                blocks_at, blocks_room;
    const struct dv_buffer *arena; /* at site.arena; for graphs with `tiers`, which get parts */
    uint64_t slice_ns; /* that a submission takes about at most; 0: passes are submitted whole */
    uint32_t position; /* of a pass's first token, for what it costs */
};

/* Takes the planned graph over, also when it fails. */
dsvk_status dv_program_new(struct dv_program **out, struct dv_device *dev, struct dv_graph *graph,
                           const struct dv_plan *plan, const struct dv_program_params *params);
void        dv_program_free(struct dv_program *program);

/* After a pass with `profile`: nanoseconds of node i of the graph at ns[i], n_nodes of them. */
dsvk_status dv_program_times(struct dv_program *program, uint64_t *ns);

/* ---- inside kernel/ ---- */

struct dv_recording {
    struct dv_program              *program;
    const struct dv_program_params *params;
    unsigned char                  *blocks;       /* DV_BLOCK_BYTES by node */
    struct dv_buffer               *block_buffer; /* where they go */
    uint64_t                        blocks_at;
};

dsvk_status dv_record_node(const struct dv_program *p, struct dv_commands *commands, uint32_t i);
/* One of `parts` parts of node i, at most as many as there are groups in the dimension in which its
 * dispatch may be cut. */
dsvk_status dv_record_part(const struct dv_program *p, struct dv_commands *commands, uint32_t i,
                           uint32_t part, uint32_t parts);
/* All parts (kernel/program_parts.c). */
dsvk_status dv_record_parts(const struct dv_recording *r);
void        dv_program_parts_free(struct dv_program *program);

#endif
