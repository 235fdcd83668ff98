/* SPDX-License-Identifier: MIT */
/* What computes passes: the programs and the memory that they work in. Timelines (engine/session.h)
 * with the same setup borrow one runner, and use it one at a time, with the device's turn.
 *
 * Prompts and batches have a lane each, with memory of their own. A prompt's pass may lend the turn
 * on its way (engine/turn.h); the next prompt waits until it has ended, batches run in between. A
 * batch never lends the turn. So the prompts' lane belongs to a pass, the batches' lane to whoever
 * has the turn and has landed the flight. What a pass leaves in its lane's arena stays until the
 * next pass there. */
#ifndef DV_ENGINE_RUNNER_H
#define DV_ENGINE_RUNNER_H

#include "dsvk/session.h"
#include "engine/cache.h"
#include "engine/flight.h"
#include "engine/load.h"
#include "engine/pace.h"
#include "engine/turn.h"
#include "kernel/program.h"
#include "model/model.h"
#include "os/monitor.h"
#include "planner/sizes.h"

struct dv_runner;
struct dv_session;

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
    struct dv_pace    *pace;     /* before each submission; NULL: none */
    const uint32_t    *inside;   /* calls on the device that have not returned; NULL: one */
    struct dv_runner **runners;  /* those that sessions may share; NULL: each has its own */
    struct dv_stocks  *stocks;   /* of pages; NULL: the session's own */
};

struct dv_slot_of_program {
    struct dv_program *program;
    struct dv_pass     pass;
    uint64_t           used; /* for the least recently used */
};

/* The logits of the last of the first `end` tokens of a session. */
struct dv_held_row {
    const struct dv_session *of;
    uint32_t                 end;
};

struct dv_lane {
    struct dv_buffer  *arena, *step, *result;
    struct dv_program *last;               /* of the last pass; its results are in the arena */
    struct dv_held_row rows[DV_MOST_ROWS]; /* of its logits, the last n of them */
    uint32_t           n;                  /* 0: they are nobody's */
    uint64_t           number;             /* of these results: others had the ones before */
};

struct dv_runner {
    struct dv_runner         *next; /* of engine.runners */
    uint32_t                  users;
    struct dv_engine          engine;
    struct dv_setup           asked; /* what sessions that share it ask for */
    struct dv_setup           setup; /* what was 0 is chosen */
    bool                      profile;
    uint32_t                  split; /* positions of one attention split */
    struct dv_lane            lanes[DV_N_LANES];
    struct dv_line            prompts; /* that wait for their lane */
    bool                      prompting;
    struct dv_program        *running;  /* of a prompt, which may have lent the turn */
    uint64_t                  n_within; /* batches that ran within a prompt's pass */
    struct dv_buffer         *rope;
    struct dv_buffer         *arguments; /* of all slots' programs, argument_nodes for each */
    uint32_t                  argument_nodes;
    struct dv_slot_of_program slots[DV_MAX_PROGRAMS];
    uint64_t                  clock;
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

/* At least `bytes` of a lane's arena. Its programs refer to it by address, so they go with the old
 * one. */
dsvk_status dv_runner_grow_arena(struct dv_runner *runner, enum dv_lane_kind kind, uint64_t bytes);

/* Of both lanes. */
uint64_t dv_runner_arena_bytes(const struct dv_runner *runner);

struct dv_lane *dv_runner_lane(struct dv_runner *runner, const struct dv_program *program);
/* The prompts' lane is the caller's until it leaves it. Prompts get it in the order in which they
 * asked; while it waits, others have the turn. False: stopped. */
bool dv_runner_enter_prompt(struct dv_runner *runner, const dsvk_progress *progress);
void dv_runner_leave_prompt(struct dv_runner *runner);
/* What is left of results of the session is nobody's any more. */
void dv_runner_forget(struct dv_runner *runner, const struct dv_session *session);

#endif
