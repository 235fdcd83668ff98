/* SPDX-License-Identifier: MIT */
/* Who may use a device now. Its stream, its pipelines and what it has allocated belong to whoever
 * has the turn, so that calls on different sessions and models may come from any thread. Turns go
 * round in the order in which they were asked for. They are given away between two passes, and
 * within a prompt's pass between two of its slices: nobody waits for more than one slice of each
 * of the others, or one batch. No thread of the library's own. */
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

/* Whether somebody waits for the turn. With it, as all that follows. */
bool dv_turn_is_wanted(const struct dv_turn *turn);
/* As dv_turn_pass_on() by who is within a pass; nothing of that is queued. */
void dv_turn_lend(struct dv_turn *turn);
/* Whether somebody is within a pass who has lent the turn. */
bool dv_turn_is_lent(const struct dv_turn *turn);
/* Without the turn for `ns`, until there is news or until the stop of `progress` (may be NULL) is
 * set. A turn that is NULL has no news. */
void dv_turn_rest(struct dv_turn *turn, uint64_t ns, const dsvk_progress *progress);
/* News for those who rest; without the turn as well. */
void dv_turn_tell(struct dv_turn *turn);

/* Those who wait for the same thing, which they get in the order in which they came; with the turn.
 * All zero: nobody. */
struct dv_waiter {
    struct dv_waiter *next;
};
struct dv_line {
    struct dv_waiter *first;
};
/* How long it is not to be had by who is the first, or not; 0: it is there, or not wanted any more.
 * There is news when that becomes less. */
struct dv_wanted {
    uint64_t (*ns)(void *user, bool first);
    void *user;
};
/* Rests until it is to be had. False: stopped. */
bool dv_line_wait(struct dv_line *line, struct dv_turn *turn, const struct dv_wanted *wanted,
                  const dsvk_progress *progress);

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
