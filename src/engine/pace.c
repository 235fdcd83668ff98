/* SPDX-License-Identifier: MIT */
/* The pace and those who wait for it. Its lock is the innermost: nothing else is taken within. */
#include "engine/pace.h"

#include "base/size.h"
#include "base/stop.h"
#include "os/os.h"

#define STOP_NS UINT64_C(5000000)            /* that a stop may be overlooked */
#define MOST_WAIT UINT64_C(1000000000000000) /* ns: what is more than 11 days is so many */

struct dv_pace {
    const struct dv_context *ctx;
    struct dv_turn          *turn;
    struct dv_monitor       *lock; /* of the next five */
    bool                     set;
    dsvk_pace                asked;
    uint64_t                 changes;
    uintptr_t                calling; /* the thread that is in the callback; 0: none */
    struct {                          /* the application's next frame; by the lock, too */
        bool     on, spent;           /* something was submitted since it was announced */
        uint64_t due, lapses, calls;
    } frame;

    struct dv_line line;       /* the rest: with the turn */
    uint64_t       ended, ns;  /* the last submission: when, and how long it took */
    uint64_t       took[2][2]; /* the last two of a batch, and of a prompt */
    bool           granted;    /* the next one has waited */
    bool           prompt;     /* the last one was of a prompt */
};

dsvk_status dv_pace_new(struct dv_pace **out, const struct dv_context *ctx, struct dv_turn *turn)
{
    struct dv_pace *pace = dv_zalloc(ctx, sizeof *pace);
    *out                 = NULL;
    if (!pace)
        return dv_fail(ctx, DSVK_NO_MEMORY, "device: no memory for its pace");
    pace->ctx          = ctx;
    pace->turn         = turn;
    dsvk_status status = dv_monitor_new(&pace->lock, ctx);
    if (status == DSVK_OK)
        *out = pace;
    else
        dv_free(ctx, pace);
    return status;
}

void dv_pace_free(struct dv_pace *pace)
{
    if (!pace)
        return;
    dv_monitor_free(pace->lock);
    dv_free(pace->ctx, pace);
}

void dv_pace_set(struct dv_pace *pace, const dsvk_pace *asked)
{
    uintptr_t self = dv_thread_self();
    dv_monitor_enter(pace->lock);
    while (pace->calling && pace->calling != self)
        dv_monitor_wait(pace->lock);
    pace->set   = asked != NULL;
    pace->asked = asked ? *asked : (dsvk_pace){ 0 };
    pace->changes++;
    dv_monitor_wake(pace->lock);
    dv_monitor_leave(pace->lock);
    dv_turn_tell(pace->turn);
}

bool dv_pace_is_set(struct dv_pace *pace)
{
    if (!pace)
        return false;
    dv_monitor_enter(pace->lock);
    bool set = pace->set || pace->frame.on;
    dv_monitor_leave(pace->lock);
    return set;
}

void dv_pace_frame(struct dv_pace *pace, uint64_t us)
{
    uint64_t now = dv_time_ns(), ns = us < MOST_WAIT / 1000 ? us * 1000 : MOST_WAIT;
    dv_monitor_enter(pace->lock);
    pace->frame.on     = us > 0;
    pace->frame.spent  = false;
    pace->frame.due    = now + ns;
    pace->frame.lapses = now + 2 * ns;
    pace->frame.calls++;
    dv_monitor_wake(pace->lock);
    dv_monitor_leave(pace->lock);
    dv_turn_tell(pace->turn);
}

/* ---- waiting ---- */

struct asking {
    struct dv_pace            *pace;
    const struct dv_submitter *who;
    uint64_t                   until, changes; /* what the callback said, and of which pace */
    uint64_t                   frames;         /* announced when it was asked */
    bool                       refused;
};

/* With the lock, but for the callback itself. Two threads never ask at once: they have the turn. */
static uint64_t ask_callback(struct dv_pace *pace, const struct dv_submitter *who)
{
    dsvk_pace       asked = pace->asked;
    dsvk_submission what  = { .prompt = who->prompt };
    if (!asked.before)
        return 0;
    pace->calling = dv_thread_self();
    dv_monitor_leave(pace->lock);
    uint64_t us = asked.before(asked.user, &what);
    dv_monitor_enter(pace->lock);
    pace->calling = 0;
    dv_monitor_wake(pace->lock);
    return us;
}

/* That the share leaves to others behind the last submission. */
static uint64_t rest_of_share(const struct dv_pace *pace, uint64_t now)
{
    double   share = pace->asked.share > 0 ? pace->asked.share : 1;
    double   pause = (double)pace->ns * (1 / share - 1);
    uint64_t ns    = pause < (double)MOST_WAIT ? (uint64_t)pause : MOST_WAIT;
    return pace->ended + ns > now ? pace->ended + ns - now : 0;
}

/* One submission a frame may always begin; others where they end before the next frame, by what
 * those before took. After it they wait for the application, which is drawing, but not for ever. */
static uint64_t rest_of_frame(const struct dv_pace *pace, const struct dv_submitter *who,
                              uint64_t now)
{
    const uint64_t *took  = pace->took[who->prompt];
    uint64_t        takes = took[0] > took[1] ? took[0] : took[1];
    if (!pace->frame.on || !pace->frame.spent || now >= pace->frame.lapses)
        return 0;
    return now + takes <= pace->frame.due ? 0 : pace->frame.lapses - now;
}

/* How long to wait before asking again; 0: now, or not at all. */
static uint64_t ask(struct asking *a)
{
    struct dv_pace *pace = a->pace;
    uint64_t        now = dv_time_ns(), ns = 0;
    dv_monitor_enter(pace->lock);
    if (a->changes != pace->changes)
        a->until = 0;
    a->changes = pace->changes;
    a->frames  = pace->frame.calls;
    if (pace->set)
        ns = rest_of_share(pace, now);
    ns = dv_max(ns, rest_of_frame(pace, a->who, now));
    if (a->until > now)
        ns = dv_max(ns, a->until - now);
    uint64_t us = ns == 0 ? ask_callback(pace, a->who) : 0;
    a->refused  = us == DSVK_PACE_END;
    if (us > 0 && !a->refused) {
        ns       = us < MOST_WAIT / 1000 ? us * 1000 : MOST_WAIT;
        a->until = now + ns;
    }
    if (a->changes != pace->changes)
        ns = 1; /* the callback has set another pace, which is asked now */
    dv_monitor_leave(pace->lock);
    return ns;
}

static bool is_over(const struct dv_submitter *who)
{
    return who->over && who->over(who->user);
}

static uint64_t ask_in_line(void *user, bool first)
{
    struct asking *a = user;
    if (is_over(a->who))
        return 0;
    return first ? ask(a) : UINT64_MAX;
}

/* Keeps the turn. False: stopped. */
static bool wait_in_turn(struct asking *a)
{
    struct dv_pace *pace = a->pace;
    uint64_t        ns;
    while (!dv_is_stopped(a->who->progress) && (ns = ask(a)) > 0) {
        dv_monitor_enter(pace->lock);
        if (a->changes == pace->changes && a->frames == pace->frame.calls)
            dv_monitor_wait_for(pace->lock, ns < STOP_NS ? ns : STOP_NS);
        dv_monitor_leave(pace->lock);
    }
    return !dv_is_stopped(a->who->progress);
}

dsvk_status dv_pace_wait(struct dv_pace *pace, const struct dv_submitter *who)
{
    struct asking          asking = { .pace = pace, .who = who };
    const struct dv_wanted wanted = { .ns = ask_in_line, .user = &asking };
    if (!dv_pace_is_set(pace))
        return DSVK_OK;
    pace->granted = false;
    bool goes_on  = who->rests ? dv_line_wait(&pace->line, pace->turn, &wanted, who->progress)
                               : wait_in_turn(&asking);
    if (asking.refused)
        return dv_fail(who->ctx, DSVK_CANCELLED, "cancelled by the pace of the device");
    if (!goes_on)
        return dv_fail(who->ctx, DSVK_CANCELLED, "cancelled while the pace of the device held it");
    dv_monitor_enter(pace->lock);
    pace->frame.spent = true;
    dv_monitor_leave(pace->lock);
    pace->granted = true;
    return DSVK_OK;
}

dsvk_status dv_pace_begin(struct dv_pace *pace, const struct dv_submitter *who)
{
    dsvk_status status = DSVK_OK;
    if (!pace)
        return DSVK_OK;
    if (!pace->granted)
        status = dv_pace_wait(pace, who);
    pace->granted = false;
    pace->prompt  = who->prompt;
    return status;
}

void dv_pace_took(struct dv_pace *pace, uint64_t ns)
{
    if (!pace)
        return;
    uint64_t *took = pace->took[pace->prompt];
    pace->ended    = dv_time_ns();
    pace->ns       = ns;
    took[1]        = took[0];
    took[0]        = ns;
}
