/* SPDX-License-Identifier: MIT */
/* A pace for the device: who is asked, how often, and what the answers do. */
#define _POSIX_C_SOURCE 200809L
#include "answer.h"
#include "demo_group.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define CONTEXT 64
#define ENDLESS (UINT64_C(3600) * 1000000) /* microseconds: the test would not end */

struct asked {
    atomic_uint calls, prompts;
    unsigned    waits; /* each submission waits so often */
    unsigned    waited;
    unsigned    end_at; /* the call that is answered with the end; 0: none */
    uint64_t    us;
    dsvk_stop  *stop;    /* set by the first call */
    bool        removes; /* the first call takes the pace away */
};

static uint64_t ask(void *user, const dsvk_submission *what)
{
    struct asked *a = user;
    atomic_fetch_add(&a->prompts, what->prompt);
    unsigned n = atomic_fetch_add(&a->calls, 1) + 1;
    if (a->stop)
        dsvk_stop_set(a->stop, true);
    if (a->removes)
        assert_int_equal(dsvk_device_set_pace(demo.device, NULL), DSVK_OK);
    if (n == a->end_at)
        return DSVK_PACE_END;
    if (a->waited++ < a->waits)
        return a->us;
    a->waited = 0;
    return 0;
}

static void set(struct asked *asked)
{
    const dsvk_pace pace = { .before = ask, .user = asked };
    assert_int_equal(dsvk_device_set_pace(demo.device, asked ? &pace : NULL), DSVK_OK);
}

static dsvk_session *new_session(void)
{
    dsvk_session       *session;
    dsvk_session_params params = { .context = CONTEXT, .chunk = N_QUESTION - 2 };
    assert_int_equal(dsvk_session_new(&session, demo.model, &params), DSVK_OK);
    return session;
}

static bool take(void *user, uint32_t token, const char *text, size_t bytes)
{
    uint32_t **next = user;
    (void)text;
    (void)bytes;
    if (token != DSVK_TEXT_END)
        *(*next)++ = token;
    return true;
}

static void expect_answer(dsvk_session *session)
{
    uint32_t             ids[N_ANSWER + 1], *next = ids;
    dsvk_generate_params params = { .limit = N_ANSWER - 1, .take = take, .user = &next };
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_generate(session, &params, NULL), DSVK_OK);
    assert_int_equal(next - ids, N_ANSWER - 1);
    assert_memory_equal(ids, answer, (N_ANSWER - 1) * sizeof *ids);
}

static void each_submission_is_asked_for_once(void **state)
{
    (void)state;
    for (unsigned waits = 0; waits < 3; waits++) {
        dsvk_session      *session = new_session();
        struct asked       asked   = { .waits = waits, .us = 1 };
        dsvk_session_stats stats;
        set(&asked);
        expect_answer(session);
        dsvk_session_stats_get(session, &stats);
        assert_int_equal(asked.calls, stats.submissions * (waits + 1));
        assert_true(asked.prompts >= waits + 1 && asked.prompts < asked.calls);
        set(NULL);
        assert_int_equal(dsvk_session_sync(session, answer, 4, NULL), DSVK_OK);
        assert_int_equal(asked.calls, stats.submissions * (waits + 1));
        dsvk_session_free(session);
    }
}

static void an_end_cancels_the_call(void **state)
{
    dsvk_session *session = new_session();
    struct asked  asked   = { .end_at = 1 };
    (void)state;
    set(&asked);
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_CANCELLED);
    assert_string_equal(dsvk_session_why(session), "cancelled by the pace of the device");
    assert_int_equal(dsvk_session_tokens(session), 0);
    assert_int_equal(asked.calls, 1);
    expect_answer(session);
    set(NULL);
    dsvk_session_free(session);
}

/* While it generates: what was taken stays. */
static void an_end_cancels_an_answer(void **state)
{
    dsvk_session        *session = new_session();
    struct asked         asked   = { .end_at = 3 };
    uint32_t             ids[N_ANSWER + 1], *next = ids;
    dsvk_generate_params params = { .take = take, .user = &next };
    (void)state;
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    set(&asked);
    assert_int_equal(dsvk_session_generate(session, &params, NULL), DSVK_CANCELLED);
    assert_int_equal(asked.calls, 3);
    size_t n = (size_t)(next - ids); /* fewer where a pass is cut */
    assert_in_range(n, 1, 3);
    assert_memory_equal(ids, answer, n * sizeof *ids);
    assert_int_equal(dsvk_session_tokens(session), N_QUESTION + n);
    set(NULL);
    assert_int_equal(dsvk_session_generate(session, &params, NULL), DSVK_OK);
    assert_memory_equal(ids, answer, (N_ANSWER - 1) * sizeof *ids);
    dsvk_session_free(session);
}

static void a_stop_ends_the_wait(void **state)
{
    dsvk_session *session = new_session();
    struct asked  asked   = { .waits = 1, .us = ENDLESS };
    (void)state;
    assert_int_equal(dsvk_stop_new(&asked.stop, NULL), DSVK_OK);
    dsvk_progress progress = { .stop = asked.stop };
    set(&asked);
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, &progress), DSVK_CANCELLED);
    assert_int_equal(asked.calls, 1);
    set(NULL);
    expect_answer(session);
    dsvk_session_free(session);
    dsvk_stop_free(asked.stop);
}

static void the_callback_may_take_the_pace_away(void **state)
{
    dsvk_session *session = new_session();
    struct asked  asked   = { .waits = 1, .us = ENDLESS, .removes = true };
    (void)state;
    set(&asked);
    expect_answer(session);
    assert_int_equal(asked.calls, 1);
    dsvk_session_free(session);
}

static void *answer_in_thread(void *user)
{
    expect_answer(user);
    return NULL;
}

/* Until the pace is taken away by another thread. */
static void others_use_the_device_meanwhile(void **state)
{
    dsvk_session      *session = new_session(), *other;
    struct asked       asked   = { .waits = 1, .us = ENDLESS };
    pthread_t          thread;
    dsvk_session_stats stats;
    (void)state;
    set(&asked);
    assert_int_equal(pthread_create(&thread, NULL, answer_in_thread, session), 0);
    while (atomic_load(&asked.calls) == 0)
        ;
    other = new_session();
    dsvk_session_stats_get(other, &stats);
    assert_true(dsvk_device_bytes(demo.device) > 0);
    dsvk_session_free(other);
    assert_int_equal(asked.calls, 1);
    set(NULL);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(asked.calls, 1);
    dsvk_session_free(session);
}

static double seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* The seconds of an answer. */
static double answer_with(const dsvk_pace *pace)
{
    dsvk_session *session = new_session();
    assert_int_equal(dsvk_device_set_pace(demo.device, pace), DSVK_OK);
    double start = seconds();
    expect_answer(session);
    double all = seconds() - start;
    set(NULL);
    dsvk_session_free(session);
    return all;
}

/* Ten times as long, but for the last submission: nobody waits behind it. */
static void a_share_leaves_time_to_others(void **state)
{
    const dsvk_pace pace = { .share = 0.1 };
    (void)state;
    answer_with(NULL); /* compiled */
    double alone = answer_with(NULL);
    assert_true(answer_with(&pace) > 2 * alone);
}

/* What submissions wait for is no time of theirs. */
static void waits_are_not_counted_as_decoding(void **state)
{
    dsvk_session        *session = new_session();
    struct asked         asked   = { .waits = 1, .us = 60000 };
    uint32_t             ids[N_ANSWER + 1], *next = ids;
    dsvk_generate_params params = { .limit = 8, .take = take, .user = &next };
    dsvk_session_stats   before, after;
    (void)state;
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    dsvk_session_stats_get(session, &before);
    set(&asked);
    double start = seconds();
    assert_int_equal(dsvk_session_generate(session, &params, NULL), DSVK_OK);
    double all = seconds() - start;
    set(NULL);
    dsvk_session_stats_get(session, &after);
    double passes = after.decode_seconds - before.decode_seconds;
    assert_true(passes > 0 && passes < all - 8 * 0.059);
    dsvk_session_free(session);
}

/* Announced for an hour from now, for now, by the callback, and no more. */
static void calls_go_on_between_frames(void **state)
{
    dsvk_session *session = new_session();
    (void)state;
    assert_int_equal(dsvk_device_next_frame(NULL, 1), DSVK_BAD_ARGUMENT);
    const uint64_t frames[] = { ENDLESS, UINT64_MAX, 1, 100, 0 };
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        assert_int_equal(dsvk_device_next_frame(demo.device, frames[i]), DSVK_OK);
        expect_answer(session);
        assert_int_equal(dsvk_session_sync(session, answer, 4, NULL), DSVK_OK);
    }
    dsvk_session_free(session);
}

static uint64_t announce(void *user, const dsvk_submission *what)
{
    (void)user;
    (void)what;
    assert_int_equal(dsvk_device_next_frame(demo.device, 100), DSVK_OK);
    return 0;
}

static void the_callback_may_announce_frames(void **state)
{
    const dsvk_pace pace    = { .before = announce };
    dsvk_session   *session = new_session();
    (void)state;
    assert_int_equal(dsvk_device_set_pace(demo.device, &pace), DSVK_OK);
    expect_answer(session);
    set(NULL);
    assert_int_equal(dsvk_device_next_frame(demo.device, 0), DSVK_OK);
    dsvk_session_free(session);
}

static void a_share_has_a_range(void **state)
{
    static const double wrong[] = { -0.1, 1.1, (double)NAN, (double)INFINITY };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(dsvk_device_set_pace(demo.device, &(const dsvk_pace){ .share = wrong[i] }),
                         DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_device_set_pace(NULL, NULL), DSVK_BAD_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_submission_is_asked_for_once),
        cmocka_unit_test(an_end_cancels_the_call),
        cmocka_unit_test(an_end_cancels_an_answer),
        cmocka_unit_test(a_stop_ends_the_wait),
        cmocka_unit_test(the_callback_may_take_the_pace_away),
        cmocka_unit_test(others_use_the_device_meanwhile),
        cmocka_unit_test(a_share_leaves_time_to_others),
        cmocka_unit_test(waits_are_not_counted_as_decoding),
        cmocka_unit_test(a_share_has_a_range),
        cmocka_unit_test(calls_go_on_between_frames),
        cmocka_unit_test(the_callback_may_announce_frames),
    };
    return cmocka_run_group_tests(tests, open_demo, close_demo);
}
