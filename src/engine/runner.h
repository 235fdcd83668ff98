/* SPDX-License-Identifier: MIT */
/* What computes passes: the programs and the memory that they work in. Timelines (engine/session.h)
 * with the same setup borrow one runner, and use it one at a time, with the device's turn: what a
 * pass leaves in the arena is the holder's until the next pass of anybody. */
#ifndef DV_ENGINE_RUNNER_H
#define DV_ENGINE_RUNNER_H

#include "dsvk/session.h"
#include "engine/cache.h"
#include "engine/flight.h"
#include "engine/load.h"
#include "kernel/program.h"
#include "model/model.h"
#include "os/monitor.h"
#include "planner/sizes.h"

struct dv_runner;
struct dv_session;
struct dv_turn;

/* What sessions of a model share. Borrowed by the session. */
struct dv_engine {
    const struct dv_context *ctx; /* of what outlives a session: the model's */
    struct dv_device        *dev;
    struct dv_stream        *stream;
    struct dv_weights       *weights;
    bool *left_f16; /* set once its values were found beyond float16: from then on products are in
                     * f32; NULL: the runner's own */
    uint64_t           slice_ns; /* a submission takes about so long at most; 0: passes are whole */
    struct dv_turn    *turn;     /* who may use all of this; NULL: the only thread */
    struct dv_runner **runners;  /* those that sessions may share; NULL: each has its own */
    struct dv_stocks  *stocks;   /* of pages; NULL: the session's own */
};

struct dv_slot_of_program {
    struct dv_program *program;
    struct dv_pass     pass;
    uint64_t           used; /* for the least recently used */
};

struct dv_runner {
    struct dv_runner         *next; /* of engine.runners */
    uint32_t                  users;
    struct dv_engine          engine;
    struct dv_setup           asked; /* what sessions that share it ask for */
    struct dv_setup           setup; /* what was 0 is chosen */
    bool                      profile;
    uint32_t                  split; /* positions of one attention split */
    struct dv_buffer         *arena, *rope, *step, *result;
    struct dv_buffer         *arguments; /* of all slots' programs, argument_nodes for each */
    uint32_t                  argument_nodes;
    struct dv_slot_of_program slots[DV_MAX_PROGRAMS];
    uint64_t                  clock;
    struct dv_program        *last;     /* of the last pass; its results are in the arena */
    const struct dv_session  *holder;   /* whose last token they are of; NULL: nobody's */
    struct dv_monitor        *lock;     /* of all sessions' rings, and the list of those: */
    struct dv_session        *decoding; /* that generate, the newest first */
    struct dv_flight          flight;
    bool                      left_f16; /* where engine.left_f16 may point */
};

/* One that fits, or a new one; the caller is a user of it. `setup` as for dv_session_new. */
dsvk_status dv_runner_borrow(struct dv_runner **out, const struct dv_engine *engine,
                             const struct dv_setup *setup, bool profile);
/* Freed with its last user. */
void dv_runner_return(struct dv_runner *runner);

/* Makes what is missing of its memory. */
dsvk_status dv_runner_allocate(struct dv_runner *runner);
/* Frees its programs and its memory. Nobody generates. */
void dv_runner_drop(struct dv_runner *runner);

/* At least `bytes` of arena. Programs refer to it by address, so they go with the old one. */
dsvk_status dv_runner_grow_arena(struct dv_runner *runner, uint64_t bytes);

#endif
