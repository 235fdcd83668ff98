/* SPDX-License-Identifier: MIT */
/* Who may use a device now. Its stream, its pipelines and what it has allocated belong to whoever
 * has the turn, so that calls on different sessions and models may come from any thread. Turns go
 * round in the order in which they were asked for, and are given away between two passes: nobody
 * waits for more than one pass of each of the others. No thread of the library's own. */
#ifndef DV_ENGINE_TURN_H
#define DV_ENGINE_TURN_H

#include "os/monitor.h"

struct dv_turn;

dsvk_status dv_turn_new(struct dv_turn **out, const struct dv_context *ctx);
void        dv_turn_free(struct dv_turn *turn); /* nobody has it or waits for it; NULL is fine */

/* Waits for the turn. False, without it, where the calling thread has it already: the call comes
 * from a callback of the library's, and waiting would never end. */
bool dv_turn_take(struct dv_turn *turn);
void dv_turn_give(struct dv_turn *turn);
/* Gives it to whoever waits and takes it again behind them. A turn that is NULL is nobody's. */
void dv_turn_pass_on(struct dv_turn *turn);

/* For what runs in a turn and reports now and then: the caller's report is called without the turn,
 * so that it may take its time and call the library, and others come in between. */
struct dv_turn_progress {
    struct dv_turn      *turn;
    const dsvk_progress *asked; /* NULL: only others come in between */
    dsvk_progress        given; /* for what runs */
};

void dv_turn_progress_init(struct dv_turn_progress *progress, struct dv_turn *turn,
                           const dsvk_progress *asked);

#endif
