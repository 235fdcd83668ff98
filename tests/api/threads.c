/* SPDX-License-Identifier: MIT */
/* Many threads, each with a session of one model on one device: every text must be the one that the
 * session gives alone. In each round one of them, drawn at random, is stopped at a random time, and
 * one is freed on its way and made again.
 *   api_threads [ROUNDS [THREADS [FOLDER [LONGEST]]]] */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_THREADS 64
#define MAX_PROMPT 1024
#define N_ANSWER 12

static unsigned    rounds = 2, n_threads = 4, longest = 60;
static const char *folder = DSVK_DEMO;
static struct demo demo;
static atomic_uint busy; /* answers BUSY where one was expected */

/* What a thread computes: a prompt, and how tokens are chosen. */
struct work {
    uint32_t   prompt[MAX_PROMPT], n;
    bool       sampled;
    uint64_t   seed;
    dsvk_stop *stop;
    uint32_t   freed_at; /* the session is freed before this token; N_ANSWER: it is not */
    uint32_t   alone[N_ANSWER], got[N_ANSWER];
    unsigned   stopped;      /* calls that the stop ended */
    char       trouble[200]; /* of a call that failed; "" */
};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Prompts begin alike and go on in their own way. */
static void make_work(struct work *work, uint64_t *state, unsigned index, uint32_t vocabulary)
{
    *work = (struct work){ .sampled = index % 2, .seed = next_random(state), .freed_at = N_ANSWER };
    work->n = 5 + (uint32_t)(next_random(state) % (longest - 4));
    for (uint32_t i = 0; i < work->n; i++)
        work->prompt[i] = i < 4 ? i + 2 : (uint32_t)(next_random(state) % vocabulary);
    assert_int_equal(dsvk_stop_new(&work->stop, NULL), DSVK_OK);
}

static bool failed(struct work *work, dsvk_status status, const char *call)
{
    if (status == DSVK_OK)
        return false;
    snprintf(work->trouble, sizeof work->trouble, "%s: %s", call, dsvk_status_text(status));
    return true;
}

/* A chunk of 16, so that a prompt has several places at which others come in between. */
static bool open_session(struct work *work, dsvk_session **session)
{
    dsvk_session_params params = { .context = longest + N_ANSWER + 4, .chunk = 16 };
    return !failed(work, dsvk_session_new(session, demo.model, &params), "new");
}

/* Who is stopped clears the stop and goes on. */
static dsvk_status sync_until_done(struct work *work, dsvk_session *session, const uint32_t *tokens,
                                   size_t n)
{
    for (;;) {
        dsvk_progress progress = { .stop = work->stop };
        dsvk_status   status   = dsvk_session_sync(session, tokens, n, &progress);
        if (status != DSVK_CANCELLED)
            return status;
        work->stopped++;
        dsvk_stop_set(work->stop, false);
    }
}

static void compute(struct work *work, uint32_t *answer)
{
    dsvk_sampling sampling = { .temperature = 0.8f, .top_p = 0.95f, .seed = work->seed };
    uint32_t      tokens[MAX_PROMPT + N_ANSWER];
    dsvk_session *session;
    if (!open_session(work, &session))
        return;
    memcpy(tokens, work->prompt, work->n * sizeof *tokens);
    for (uint32_t i = 0; i < N_ANSWER; i++) {
        uint32_t *token = &tokens[work->n + i];
        if (i == work->freed_at) {
            dsvk_session_free(session);
            if (!open_session(work, &session))
                return;
        }
        if (failed(work, sync_until_done(work, session, tokens, work->n + i), "sync") ||
            failed(work,
                   work->sampled ? dsvk_session_sample(session, &sampling, token)
                                 : dsvk_session_argmax(session, token),
                   "choose"))
            break;
        answer[i] = *token;
    }
    dsvk_session_free(session);
}

static void *run_thread(void *argument)
{
    struct work *work = argument;
    compute(work, work->got);
    return NULL;
}

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* One round; `ns` is about what it takes. How long it took. */
static uint64_t run_round(struct work *work, uint64_t *random, uint64_t ns)
{
    pthread_t threads[MAX_THREADS];
    uint64_t  begin = now_ns(), wait = next_random(random) % (ns / 2 + 1);
    unsigned  stopped = (unsigned)(next_random(random) % n_threads);
    unsigned  freed   = (unsigned)(next_random(random) % n_threads);
    for (unsigned i = 0; i < n_threads; i++) {
        memset(work[i].got, 0, sizeof work[i].got);
        work[i].freed_at = i == freed ? (uint32_t)(next_random(random) % N_ANSWER) : N_ANSWER;
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, &work[i]), 0);
    }
    struct timespec time = { (time_t)(wait / 1000000000u), (long)(wait % 1000000000u) };
    nanosleep(&time, NULL);
    dsvk_stop_set(work[stopped].stop, true);
    for (unsigned i = 0; i < n_threads; i++)
        pthread_join(threads[i], NULL);
    dsvk_stop_set(work[stopped].stop, false); /* where it was done before */
    return now_ns() - begin;
}

static void every_text_is_as_alone(void **state)
{
    static struct work work[MAX_THREADS];
    uint64_t           random     = 42;
    uint32_t           vocabulary = dsvk_model_describe(demo.model)->vocab;
    unsigned           stops      = 0;
    uint64_t           begin      = now_ns();
    (void)state;
    for (unsigned i = 0; i < n_threads; i++) {
        make_work(&work[i], &random, i, vocabulary);
        compute(&work[i], work[i].alone);
        assert_string_equal(work[i].trouble, "");
    }
    uint64_t ns = now_ns() - begin;
    for (unsigned round = 0; round < rounds; round++) {
        ns = run_round(work, &random, ns);
        for (unsigned i = 0; i < n_threads; i++) {
            assert_string_equal(work[i].trouble, "");
            if (memcmp(work[i].got, work[i].alone, sizeof work[i].got) != 0)
                fail_msg("round %u, session %u of %u: another text than alone", round, i,
                         n_threads);
        }
    }
    for (unsigned i = 0; i < n_threads; i++) {
        stops += work[i].stopped;
        dsvk_stop_free(work[i].stop);
    }
    print_message("  %u rounds of %u sessions: %u calls were stopped, %u sessions freed\n", rounds,
                  n_threads, stops, rounds);
    assert_true(rounds < 10 || stops > 0);
}

/* ---- one call at a time ---- */

struct intruder {
    dsvk_session *session;
    unsigned      calls;
};

static bool intrude(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct intruder *in = user;
    uint32_t         id;
    if (token == DSVK_TEXT_END)
        return true;
    assert_true(text && bytes < 100);
    busy += dsvk_session_argmax(in->session, &id) == DSVK_BUSY;
    return ++in->calls < 3;
}

static void a_session_has_one_call_at_a_time(void **state)
{
    struct work          work     = { .n = 0 };
    uint32_t             prompt[] = { 2, 3, 4 }, id;
    struct intruder      in       = { 0 };
    dsvk_generate_params params   = { .limit = 8, .past_end = true, .take = intrude, .user = &in };
    (void)state;
    assert_true(open_session(&work, &in.session));
    assert_int_equal(dsvk_session_sync(in.session, prompt, 3, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_generate(in.session, &params, NULL), DSVK_OK);
    assert_int_equal(busy, in.calls);
    assert_int_equal(dsvk_session_argmax(in.session, &id), DSVK_OK); /* and then it may again */
    dsvk_session_free(in.session);
}

/* Another session may be asked from a callback: the turn is not with the caller then. */
static bool ask_another(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct intruder *in       = user;
    uint32_t         tokens[] = { 5, 6, 7, 8 }, id;
    if (token == DSVK_TEXT_END)
        return true;
    assert_true(text && bytes < 100);
    assert_int_equal(dsvk_session_sync(in->session, tokens, 4, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_argmax(in->session, &id), DSVK_OK);
    return ++in->calls < 3;
}

static void other_sessions_may_be_called_from_a_callback(void **state)
{
    struct work          work     = { .n = 0 };
    uint32_t             prompt[] = { 2, 3, 4 };
    struct intruder      in       = { 0 };
    dsvk_generate_params params   = {
          .limit = 8, .past_end = true, .take = ask_another, .user = &in
    };
    dsvk_session *session;
    (void)state;
    assert_true(open_session(&work, &session) && open_session(&work, &in.session));
    assert_int_equal(dsvk_session_sync(session, prompt, 3, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_generate(session, &params, NULL), DSVK_OK);
    assert_int_equal(in.calls, 3);
    dsvk_session_free(session);
    dsvk_session_free(in.session);
}

/* ---- the order of freeing ---- */

static void parents_live_until_their_last_child_is_freed(void **state)
{
    struct demo_log log = { 0 };
    struct demo     own = demo_open(&log, true);
    dsvk_session   *session;
    uint32_t        prompt[] = { 2, 3, 4 }, id;
    (void)state;
    assert_int_equal(dsvk_session_new(&session, own.model, NULL), DSVK_OK);
    dsvk_device_close(own.device);
    dsvk_model_close(own.model);
    assert_int_equal(dsvk_session_sync(session, prompt, 3, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_argmax(session, &id), DSVK_OK);
    dsvk_session_free(session);
    assert_int_equal(log.errors, 0);
}

static void missing_parameters_are_defaults(void **state)
{
    dsvk_session *session;
    uint32_t      prompt[] = { 2, 3, 4 };
    (void)state;
    assert_int_equal(dsvk_session_new(&session, demo.model, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_sync(session, prompt, 3, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_generate(session, NULL, NULL), DSVK_OK); /* to an end token */
    assert_in_range(dsvk_session_tokens(session), 3, 4096);
    dsvk_session_free(session);
    assert_int_equal(dsvk_session_tokens(NULL), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_is_as_alone),
        cmocka_unit_test(a_session_has_one_call_at_a_time),
        cmocka_unit_test(other_sessions_may_be_called_from_a_callback),
        cmocka_unit_test(parents_live_until_their_last_child_is_freed),
        cmocka_unit_test(missing_parameters_are_defaults),
    };
    static struct demo_log log;
    rounds    = argc > 1 ? (unsigned)atoi(argv[1]) : rounds;
    n_threads = argc > 2 ? (unsigned)atoi(argv[2]) : n_threads;
    folder    = argc > 3 ? argv[3] : folder;
    longest   = argc > 4 ? (unsigned)atoi(argv[4]) : longest;
    if (n_threads > MAX_THREADS || longest < 5 || longest > MAX_PROMPT)
        return 2;
    demo       = demo_open_folder(&log, folder, true);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    demo_close(&demo);
    return failed;
}
