/* SPDX-License-Identifier: MIT */
/* Decoding of several sessions at once: those that want their next token are the rows of one batch.
 * Passes of a batch are queued ahead, so that the device need not wait for the host; together they
 * are the runner's flight. There is no thread for it: whoever needs a token and has the device's
 * turn computes one for everybody, and the others find it in their rings.
 *
 * A session's ring has the tokens that were chosen and are not yet taken; ring[0] is the next one
 * to be offered. All but the last have been computed, so that one that is taken joins the timeline
 * at once. Rings change under the runner's lock, the flight with the turn.
 *
 * A session with a mask has one token at a time, as its mask depends on the one before. */
#ifndef DV_ENGINE_FLIGHT_H
#define DV_ENGINE_FLIGHT_H

#include "dsvk/session.h"
#include "engine/step.h"
#include "tensor/choose.h"

struct dv_runner;
struct dv_session;

#define DV_MOST_AHEAD 7u /* passes behind the one that is waited for */
/* Tokens that may wait for their session before others go on without it. */
#define DV_MOST_WAITING 4u
#define DV_RING 16u
_Static_assert(DV_MOST_WAITING + 1 + DV_MOST_AHEAD + 1 <= DV_RING, "a ring has too little room");
_Static_assert(DV_MOST_AHEAD + 1 < DV_STEP_RING, "a token would be overwritten before it is read");

/* What a session is to flights while it generates. */
struct dv_decoding {
    struct dv_session    *next; /* of the runner's list */
    uint32_t              ring[DV_RING], n;
    uint32_t              passes; /* that it may still be a row of */
    uint64_t              served; /* when it last was one, for the longest waiting first */
    const dsvk_sampling  *sampling;
    struct dv_choose_rule rule;
    dv_choice             choice; /* of its row */
    uint64_t              extras; /* the same; 0: none */
    bool                  host_chooses;
    const uint32_t       *mask;     /* with sampling->mask */
    uint32_t              mask_for; /* position of the token that this mask is for; 0: none yet */
    dsvk_status           failed;   /* why it has no ring any more */
};

struct dv_flight {
    struct dv_session *rows[DV_MOST_ROWS];
    uint32_t           n;     /* rows; 0: nothing flies */
    uint32_t           first; /* position of rows[0] in the first pass */
    struct dv_program *program;
    uint32_t           submitted, collected; /* passes */
    uint64_t           values[DV_MOST_AHEAD + 1];
    uint64_t           began[DV_MOST_AHEAD + 1]; /* when it was submitted */
    uint64_t           since, least;             /* when the last pass ended; the shortest pass */
    unsigned failures[DV_MOST_ROWS + 2]; /* of each row, the device, the model, when last watched */
};

/* With the turn. The session takes part until it leaves, in at most `passes` passes; s->next, which
 * follows its timeline, is ring[0]. */
void dv_flight_join(struct dv_session *s, uint32_t passes);
/* With the turn. Lands the flight if the session is a row, and fails with it. What is behind
 * s->next in the ring was for nothing; the session's results are those of its last token. */
dsvk_status dv_flight_leave(struct dv_session *s);

/* With the turn, until s has a token behind ring[0], or fails: computes one for all that want one.
 * CANCELLED while its program is compiled; nothing has changed then. */
dsvk_status dv_flight_advance(struct dv_session *s);
/* Without the turn or with it: takes ring[0] into the timeline; the one behind it becomes ring[0]
 * and s->next. False when there is none yet or the session has failed. */
bool dv_flight_take(struct dv_session *s);

/* With the turn, before anything else is done with the runner: what is queued ends, and its tokens
 * go to their rings. */
void dv_flight_land(struct dv_runner *r);

/* ---- inside ---- */

/* With the turn, before something is done with a flight: what others did and said in between is not
 * its own. */
void dv_flight_watch(struct dv_flight *f);
/* Its passes have failed, while `caller` waited: each row gets the sentence, the flight ends. */
void dv_flight_fail(struct dv_flight *f, const struct dv_session *caller, dsvk_status why);

/* ---- inside: with the runner's lock ---- */

/* Of each row, what the oldest pass found, which has ended. Without the lock. */
dsvk_status dv_flight_found(uint32_t *tokens, const struct dv_flight *f);
/* Of the last token of the ring, which is not computed yet. */
uint32_t dv_ring_position(const struct dv_session *s);
/* Behind the timeline, where `tokens` has room, stand those of the ring. */
void dv_ring_unroll(struct dv_session *s);
/* Whether s may be a row of a pass behind `flying` others. */
bool dv_ring_wants(const struct dv_session *s, uint32_t flying);

#endif
