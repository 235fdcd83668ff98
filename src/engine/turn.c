/* SPDX-License-Identifier: MIT */
/* Turns are numbers, as in a shop: one who comes takes the next, and waits until it is called. */
#include "engine/turn.h"

#include "base/stop.h"
#include "os/os.h"

#define STOP_NS UINT64_C(5000000) /* that a stop may be overlooked while somebody rests */

struct dv_turn {
    const struct dv_context *ctx;
    struct dv_monitor       *monitor;
    uint64_t                 next, called;
    uint64_t                 news;  /* how often there were some */
    uint32_t                 lent;  /* by so many, who are within passes */
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
    if (!dv_turn_is_wanted(turn))
        return;
    dv_turn_give(turn);
    (void)dv_turn_take(turn);
}

bool dv_turn_is_wanted(const struct dv_turn *turn)
{
    if (!turn)
        return false;
    dv_monitor_enter(turn->monitor);
    bool wanted = turn->next != turn->called + 1;
    dv_monitor_leave(turn->monitor);
    return wanted;
}

/* ---- within a pass ---- */

void dv_turn_lend(struct dv_turn *turn)
{
    if (!turn)
        return;
    turn->lent++;
    dv_turn_pass_on(turn);
    turn->lent--;
}

bool dv_turn_is_lent(const struct dv_turn *turn)
{
    return turn && turn->lent > 0;
}

/* ---- waiting for other things ---- */

void dv_turn_rest(struct dv_turn *turn, uint64_t ns, const dsvk_progress *progress)
{
    if (!turn)
        return;
    uint64_t start = dv_time_ns(), slept = 0;
    dv_monitor_enter(turn->monitor);
    uint64_t news = turn->news;
    turn->owner   = 0;
    turn->called++;
    dv_monitor_wake(turn->monitor);
    while (turn->news == news && slept < ns && !dv_is_stopped(progress)) {
        uint64_t left = ns - slept;
        dv_monitor_wait_for(turn->monitor, left < STOP_NS ? left : STOP_NS);
        slept = dv_time_ns() - start;
    }
    dv_monitor_leave(turn->monitor);
    (void)dv_turn_take(turn);
}

void dv_turn_tell(struct dv_turn *turn)
{
    if (!turn)
        return;
    dv_monitor_enter(turn->monitor);
    turn->news++;
    dv_monitor_wake(turn->monitor);
    dv_monitor_leave(turn->monitor);
}

bool dv_line_wait(struct dv_line *line, struct dv_turn *turn, const struct dv_wanted *wanted,
                  const dsvk_progress *progress)
{
    struct dv_waiter me = { 0 }, **at = &line->first;
    bool             stopped = false;
    while (*at)
        at = &(*at)->next;
    *at = &me;
    for (;;) {
        uint64_t ns = wanted->ns(wanted->user, line->first == &me);
        stopped     = dv_is_stopped(progress);
        if (ns == 0 || stopped)
            break;
        dv_turn_rest(turn, ns, progress);
    }
    for (at = &line->first; *at != &me; at = &(*at)->next)
        ;
    *at = me.next;
    if (line->first)
        dv_turn_tell(turn);
    return !stopped;
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
