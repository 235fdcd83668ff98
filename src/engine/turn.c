/* SPDX-License-Identifier: MIT */
/* Turns are numbers, as in a shop: one who comes takes the next, and waits until it is called. */
#include "engine/turn.h"

struct dv_turn {
    const struct dv_context *ctx;
    struct dv_monitor       *monitor;
    uint64_t                 next, called;
    uintptr_t                owner; /* the thread that has the turn; 0: nobody */
};

dsvk_status dv_turn_new(struct dv_turn **out, const struct dv_context *ctx)
{
    struct dv_turn *turn = dv_zalloc(ctx, sizeof *turn);
    *out                 = NULL;
    if (!turn)
        return dv_fail(ctx, DSVK_NO_MEMORY, "device: no memory for its turns");
    turn->ctx          = ctx;
    dsvk_status status = dv_monitor_new(&turn->monitor, ctx);
    if (status == DSVK_OK)
        *out = turn;
    else
        dv_free(ctx, turn);
    return status;
}

void dv_turn_free(struct dv_turn *turn)
{
    if (!turn)
        return;
    dv_monitor_free(turn->monitor);
    dv_free(turn->ctx, turn);
}

bool dv_turn_take(struct dv_turn *turn)
{
    uintptr_t self = dv_thread_self();
    if (!turn)
        return true;
    dv_monitor_enter(turn->monitor);
    bool again = turn->owner == self;
    if (!again) {
        uint64_t mine = turn->next++;
        while (turn->called != mine)
            dv_monitor_wait(turn->monitor);
        turn->owner = self;
    }
    dv_monitor_leave(turn->monitor);
    return !again;
}

void dv_turn_give(struct dv_turn *turn)
{
    if (!turn)
        return;
    dv_monitor_enter(turn->monitor);
    turn->owner = 0;
    turn->called++;
    dv_monitor_wake(turn->monitor);
    dv_monitor_leave(turn->monitor);
}

void dv_turn_pass_on(struct dv_turn *turn)
{
    if (!turn)
        return;
    dv_monitor_enter(turn->monitor);
    bool wanted = turn->next != turn->called + 1;
    dv_monitor_leave(turn->monitor);
    if (!wanted)
        return;
    dv_turn_give(turn);
    (void)dv_turn_take(turn);
}

static bool report(void *user, uint64_t done, uint64_t total)
{
    struct dv_turn_progress *p = user;
    if (!p->asked || !p->asked->report) {
        dv_turn_pass_on(p->turn);
        return true;
    }
    dv_turn_give(p->turn);
    bool go_on = p->asked->report(p->asked->user, done, total);
    (void)dv_turn_take(p->turn);
    return go_on;
}

void dv_turn_progress_init(struct dv_turn_progress *progress, struct dv_turn *turn,
                           const dsvk_progress *asked)
{
    *progress = (struct dv_turn_progress){
        .turn  = turn,
        .asked = asked,
        .given = { .report = report, .user = progress, .stop = asked ? asked->stop : NULL }
    };
}
