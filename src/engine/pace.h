/* SPDX-License-Identifier: MIT */
/* How much of a device's time submissions may take, as the application says (dsvk_pace). Before
 * each one that is asked; who has to wait gives the turn away meanwhile where that is possible.
 * Those who wait go on in the order in which they came. */
#ifndef DV_ENGINE_PACE_H
#define DV_ENGINE_PACE_H

#include "dsvk/device.h"
#include "engine/turn.h"

struct dv_pace;

dsvk_status dv_pace_new(struct dv_pace **out, const struct dv_context *ctx, struct dv_turn *turn);
void        dv_pace_free(struct dv_pace *pace); /* NULL is fine */

/* From any thread; NULL: none. The callback before does not run any more, but where it calls. */
void dv_pace_set(struct dv_pace *pace, const dsvk_pace *asked);
/* The application's next frame comes in so many microseconds; 0: none any more. From any thread. */
void dv_pace_frame(struct dv_pace *pace, uint64_t us);
/* Whether there is one, or frames; a pace that is NULL has none. From any thread. */
bool dv_pace_is_set(struct dv_pace *pace);

/* Who wants to submit something. */
struct dv_submitter {
    const struct dv_context *ctx;      /* whose log gets the sentence */
    const dsvk_progress     *progress; /* whose stop ends it; may be NULL */
    bool                     prompt;
    bool                     rests; /* gives the turn away while it waits */
    bool (*over)(void *user);       /* whether it wants no more; NULL: never */
    void *user;
};

/* With the turn, as what follows: waits until a submission may be made. CANCELLED by a stop or by
 * the callback. */
dsvk_status dv_pace_wait(struct dv_pace *pace, const struct dv_submitter *who);
/* The same, unless it has been waited for already; then the submission follows. */
dsvk_status dv_pace_begin(struct dv_pace *pace, const struct dv_submitter *who);
/* It has ended, and took so long. */
void dv_pace_took(struct dv_pace *pace, uint64_t ns);

#endif
