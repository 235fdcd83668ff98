/* SPDX-License-Identifier: MIT */
/* Submissions between the frames of an application: which begin at once, and who lets the others
 * go. No time is measured: submissions are said to have taken hours, or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "engine/pace.h"
#include "support/test_context.h"

#define HOUR_US UINT64_C(3600000000)
#define HOURS_NS (3 * HOUR_US * 1000)

static struct dv_test_context test;
static struct dv_turn        *turn;
static struct dv_pace        *pace;

static void begin(void)
{
    dv_test_context_init(&test);
    assert_int_equal(dv_turn_new(&turn, &test.ctx), DSVK_OK);
    assert_int_equal(dv_pace_new(&pace, &test.ctx, turn), DSVK_OK);
    assert_true(dv_turn_take(turn));
}

static void end(void)
{
    dv_turn_give(turn);
    dv_pace_free(pace);
    dv_turn_free(turn);
    assert_int_equal(test.live, 0);
    assert_int_equal(test.errors, 0);
}

/* A submission that goes at once, and what it took. */
static void submit(bool prompt, uint64_t took)
{
    const struct dv_submitter who = { .ctx = &test.ctx, .prompt = prompt };
    assert_int_equal(dv_pace_begin(pace, &who), DSVK_OK);
    dv_pace_took(pace, took);
}

/* ---- who has to wait ---- */

struct waiting {
    pthread_t   thread;
    bool        rests;
    dsvk_status status;
    atomic_uint asked; /* how often it has looked whether it may go */
    atomic_bool announced;
    bool        early;
};

static bool look(void *user)
{
    atomic_fetch_add(&((struct waiting *)user)->asked, 1);
    return false;
}

static void *wait(void *user)
{
    struct waiting     *w   = user;
    struct dv_submitter who = {
        .ctx = &test.ctx, .prompt = true, .rests = true, .over = look, .user = w
    };
    assert_true(dv_turn_take(turn));
    w->status = dv_pace_begin(pace, &who);
    w->early  = !atomic_load(&w->announced);
    dv_turn_give(turn);
    return NULL;
}

/* It has been asked again without being let go: it waits. */
static void start(struct waiting *w)
{
    dv_turn_give(turn);
    assert_int_equal(pthread_create(&w->thread, NULL, wait, w), 0);
    while (atomic_load(&w->asked) < 3) {
        dv_turn_tell(turn);
        sched_yield();
    }
}

static void finish(struct waiting *w)
{
    assert_int_equal(pthread_join(w->thread, NULL), 0);
    assert_int_equal(w->status, DSVK_OK);
    assert_false(w->early);
    assert_true(dv_turn_take(turn));
}

static void one_a_frame_goes_in_any_case(void **state)
{
    struct waiting w = { .announced = false };
    (void)state;
    begin();
    assert_false(dv_pace_is_set(pace));
    submit(true, HOURS_NS);
    dv_pace_frame(pace, HOUR_US);
    assert_true(dv_pace_is_set(pace));
    submit(true, HOURS_NS); /* the first since then */
    start(&w);
    atomic_store(&w.announced, true);
    dv_pace_frame(pace, HOUR_US); /* the next frame lets it go */
    finish(&w);
    end();
}

static void what_ends_before_the_frame_goes(void **state)
{
    struct waiting w = { .announced = false };
    (void)state;
    begin();
    submit(true, HOURS_NS);
    submit(false, 1000);
    dv_pace_frame(pace, HOUR_US);
    for (int i = 0; i < 20; i++)
        submit(false, 1000); /* tokens fit, though prompts do not */
    start(&w);
    atomic_store(&w.announced, true);
    dv_pace_frame(pace, 0); /* no frames any more */
    finish(&w);
    assert_false(dv_pace_is_set(pace));
    submit(true, HOURS_NS);
    end();
}

/* By the longer of the last two. */
static void one_short_submission_is_not_believed(void **state)
{
    struct waiting w = { .announced = false };
    (void)state;
    begin();
    submit(true, HOURS_NS);
    submit(true, 1000);
    dv_pace_frame(pace, HOUR_US);
    submit(true, 1000);
    submit(true, 1000); /* the long one is the last but two now */
    submit(true, HOURS_NS);
    start(&w);
    atomic_store(&w.announced, true);
    dv_pace_frame(pace, HOUR_US);
    finish(&w);
    end();
}

/* An application that has stopped drawing: a time passes that is no longer than it has to be. */
static void an_announcement_lapses(void **state)
{
    (void)state;
    begin();
    submit(true, HOURS_NS);
    dv_pace_frame(pace, 1);
    submit(true, HOURS_NS);
    submit(true, HOURS_NS);
    submit(true, HOURS_NS);
    end();
}

static void a_stop_is_seen(void **state)
{
    dsvk_stop *stop;
    (void)state;
    begin();
    assert_int_equal(dsvk_stop_new(&stop, NULL), DSVK_OK);
    dsvk_progress       progress = { .stop = stop };
    struct dv_submitter who      = { .ctx = &test.ctx, .progress = &progress, .prompt = true };
    submit(true, HOURS_NS);
    dv_pace_frame(pace, HOUR_US);
    submit(true, HOURS_NS);
    dsvk_stop_set(stop, true);
    assert_int_equal(dv_pace_begin(pace, &who), DSVK_CANCELLED);
    dsvk_stop_free(stop);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_a_frame_goes_in_any_case),
        cmocka_unit_test(what_ends_before_the_frame_goes),
        cmocka_unit_test(one_short_submission_is_not_believed),
        cmocka_unit_test(an_announcement_lapses),
        cmocka_unit_test(a_stop_is_seen),
    };
    return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
