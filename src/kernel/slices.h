/* SPDX-License-Identifier: MIT */
/* A pass in slices: the commands of a program are cut at barriers between stages, so that a device
 * that others use, or that watches over long work, is never busy with one submission for long. The
 * same dispatches in the same order give the same bits. A dispatch that alone takes longer than a
 * slice is cut as well, where its kernel may be: attention at a depth.
 *
 * How many slices follows from how long passes took; before the first, from a guess. */
#ifndef DV_KERNEL_SLICES_H
#define DV_KERNEL_SLICES_H

#include "vk/commands.h"

struct dv_cost_site;
struct dv_program;

/* What may be a slice of its own: the nodes of a stage, of those that are cut the first part; or a
 * further part of one of them. */
struct dv_slice_step {
    uint32_t first, end; /* nodes */
    uint32_t part;
};

/* Where a node's time is spent, and how it is cut. */
struct dv_slice_node {
    uint64_t cost;  /* by shapes */
    double   ns;    /* of the last pass; 0: not known */
    double   basis; /* of what was recorded: its share of its step */
    uint32_t parts; /* dispatches, 1 where it is not cut */
};

struct dv_slices {
    struct dv_commands  **commands; /* [n], submitted one after another; each waits for none */
    uint32_t              n, room;  /* n is 0 after a failure to record */
    uint64_t             *took;     /* [n] ns of each in the last pass; 0: not known */
    uint32_t             *ends;     /* [n] in steps */
    struct dv_slice_step *steps;
    struct dv_slice_node *nodes;    /* those of the graph */
    uint64_t              cost;     /* of all */
    uint32_t              stages;   /* of the graph */
    uint64_t              times[2]; /* ns of the last two passes; 0: none yet */
    uint32_t              shrunk;   /* how often there were fewer slices than before */
};

/* What the nodes cost at `position`, by shapes alone; before the first recording. */
dsvk_status dv_slices_init(struct dv_program *program, const struct dv_cost_site *site);
void        dv_slices_done(struct dv_program *program);
/* Records the commands, or records them again where the last passes took much more or less than
 * slice_ns a slice. Nothing of the program may be queued. 0: never cut. */
dsvk_status dv_slices_fit(struct dv_program *program, uint64_t slice_ns);
/* A pass took so long, without what it waited for others. */
void dv_slices_took(struct dv_program *program, uint64_t ns);
/* Whether the i-th may be queued while the one before it runs: together they took slice_ns at most.
 * Longer ones a stop would wait for, and the device loses little between them. What was not
 * measured yet may be long. */
bool dv_slices_may_queue(const struct dv_slices *slices, uint32_t i, uint64_t slice_ns);

/* ---- inside (kernel/slice_steps.c) ---- */

/* The steps, as nodes are cut now, to `steps`; NULL: their number alone. */
uint32_t dv_slice_steps(struct dv_slice_step *steps, const struct dv_program *program);
/* By the nodes' basis. */
double dv_slice_step_cost(const struct dv_slices *slices, const struct dv_slice_step *step);
/* What the slices took becomes what the nodes took. */
void dv_slices_learn(struct dv_program *program);
/* Cuts nodes that take longer than slice_ns, into more parts than before, or also into fewer.
 * False: nothing is cut anew. */
bool dv_slices_cut(struct dv_program *program, uint64_t slice_ns, bool fewer);

/* ---- the rules, for tests ---- */

/* How many slices of slice_ns (> 0) a pass of `ns` gets that has `n` now: as many as before where
 * the difference is small, or where there would be fewer and may not be. */
uint32_t dv_slices_wanted(uint32_t n, uint64_t ns, uint64_t slice_ns, bool may_shrink);
/* The number of steps, of `n` with these costs, that the first of `slices` slices takes: at least
 * one, at most so many that each other slice has one. */
uint32_t dv_slices_first(const uint64_t *costs, uint32_t n, uint32_t slices);

#endif
