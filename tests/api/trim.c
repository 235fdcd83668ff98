/* SPDX-License-Identifier: MIT */
/* Memory that is given back: models that are unloaded and devices that are trimmed, alone and while
 * threads generate. Every text is the one that it is without.
 *   api_trim [ROUNDS [FOLDER]] */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_PROMPT 70 /* more than a page */
#define N_TEXT 6
#define N_THREADS 3

static struct demo_log log_of_test;
static struct demo     demo;
static const char     *folder = DSVK_DEMO;
static unsigned        rounds = 1;

/* A prompt and what is generated behind it. */
struct text {
    uint32_t tokens[N_PROMPT + N_TEXT], n;
};

static bool take(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct text *t = user;
    (void)text;
    (void)bytes;
    if (token != DSVK_TEXT_END)
        t->tokens[t->n++] = token;
    return true;
}

static struct text prompt_of(uint32_t which)
{
    struct text t = { .n = N_PROMPT };
    for (uint32_t i = 0; i < N_PROMPT; i++)
        t.tokens[i] = 2 + (i * 7 + (i > 64 ? which * 11 : 0)) % 200;
    return t;
}

static dsvk_status generate_some(dsvk_session *session, struct text *t, uint32_t limit)
{
    dsvk_generate_params params = { .limit = limit, .past_end = true, .take = take, .user = t };
    return dsvk_session_generate(session, &params, NULL);
}

static dsvk_status generate(dsvk_session *session, struct text *t)
{
    return generate_some(session, t, N_PROMPT + N_TEXT - t->n);
}

static dsvk_session *open_session(void)
{
    dsvk_session *session;
    assert_int_equal(dsvk_session_new(&session, demo.model,
                                      &(dsvk_session_params){ .context = 128, .chunk = 16 }),
                     DSVK_OK);
    return session;
}

static dsvk_status load(dsvk_device *device, dsvk_math math)
{
    return dsvk_model_load(demo.model, device, &(dsvk_load_params){ .run.math = math });
}

static uint64_t trimmed(dsvk_trim how)
{
    uint64_t before = dsvk_device_bytes(demo.device), freed;
    assert_int_equal(dsvk_device_trim(demo.device, how, &freed), DSVK_OK);
    assert_int_equal(before - freed, dsvk_device_bytes(demo.device));
    return freed;
}

/* ---- one thread ---- */

static void expect_refusal(dsvk_status status, dsvk_status expected, const char *sentence)
{
    char why[256];
    dsvk_model_why(demo.model, why, sizeof why);
    assert_int_equal(status, expected);
    assert_string_equal(why, sentence);
}

static void an_unloaded_model_is_loaded_again(void **state)
{
    static const char other_math[] = "model: its sessions were made for other math, fusion or "
                                     "weights than it is loaded for now";
    struct text       expected = prompt_of(0), t = expected;
    dsvk_session     *alone = open_session(), *session, *none;
    uint32_t          ids[N_PROMPT];
    size_t            n;
    (void)state;
    assert_int_equal(dsvk_session_sync(alone, expected.tokens, N_PROMPT, NULL), DSVK_OK);
    assert_int_equal(generate(alone, &expected), DSVK_OK);
    dsvk_session_free(alone);

    session = open_session();
    assert_int_equal(dsvk_session_sync(session, t.tokens, N_PROMPT, NULL), DSVK_OK);
    assert_int_equal(dsvk_model_unload(demo.model), DSVK_OK);
    assert_int_equal(dsvk_device_bytes(demo.device), 0);
    assert_int_equal(dsvk_model_weight_bytes(demo.model), 0);
    assert_int_equal(dsvk_model_unload(demo.model), DSVK_OK);

    assert_int_equal(generate(session, &t), DSVK_BAD_ARGUMENT);
    assert_string_equal(dsvk_session_why(session), "session: its model is not loaded any more");
    assert_int_equal(dsvk_session_ids(session, ids, N_PROMPT, &n), DSVK_OK);
    assert_int_equal(n, N_PROMPT);
    assert_memory_equal(ids, t.tokens, sizeof ids);
    expect_refusal(dsvk_session_new(&none, demo.model, NULL), DSVK_BAD_ARGUMENT,
                   "session: the model is not loaded");
    expect_refusal(load(demo.device, DSVK_MATH_F16), DSVK_BAD_ARGUMENT, other_math);
    assert_int_equal(dsvk_device_bytes(demo.device), 0);

    assert_int_equal(load(demo.device, DSVK_MATH_AUTO), DSVK_OK);
    expect_refusal(load(demo.device, DSVK_MATH_AUTO), DSVK_BAD_ARGUMENT,
                   "model: it is loaded already");
    assert_int_equal(generate(session, &t), DSVK_OK);
    assert_memory_equal(&t, &expected, sizeof t);
    dsvk_session_free(session);
}

/* Where it has no sessions it is a user of its device no more. */
static void an_unloaded_model_may_go_to_another_device(void **state)
{
    struct text        t       = prompt_of(1);
    dsvk_session      *session = open_session();
    dsvk_device       *other;
    dsvk_device_params params = { .log = demo_log_sink(&log_of_test) };
    (void)state;
    assert_int_equal(dsvk_device_open(&other, &params), DSVK_OK);
    assert_int_equal(dsvk_model_unload(demo.model), DSVK_OK);
    expect_refusal(load(other, DSVK_MATH_AUTO), DSVK_BAD_ARGUMENT,
                   "model: it has sessions on another device; free them first");
    dsvk_session_free(session);
    assert_int_equal(load(other, DSVK_MATH_F32), DSVK_OK);
    session = open_session();
    assert_int_equal(dsvk_session_sync(session, t.tokens, N_PROMPT, NULL), DSVK_OK);
    dsvk_session_free(session);
    assert_int_equal(dsvk_device_bytes(demo.device), 0);
    assert_int_equal(dsvk_model_unload(demo.model), DSVK_OK);
    dsvk_device_close(other); /* the last user */
    assert_int_equal(load(demo.device, DSVK_MATH_AUTO), DSVK_OK);
}

/* In `take`: the session that generates keeps what it has. */
static bool give_back(void *user, uint32_t token, const char *text, size_t bytes)
{
    uint64_t freed;
    if (token == DSVK_TEXT_END)
        return true;
    expect_refusal(dsvk_model_unload(demo.model), DSVK_BUSY,
                   "model: unloaded while a call on a session of it has not returned yet");
    assert_int_equal(dsvk_device_trim(demo.device, DSVK_TRIM_CACHES, &freed), DSVK_OK);
    assert_int_equal(freed, 0);
    return take(user, token, text, bytes);
}

static void trimming_gives_back_what_is_said(void **state)
{
    struct text          expected = prompt_of(2), t = expected, again = t;
    dsvk_session        *session = open_session(), *other = open_session();
    dsvk_generate_params params = {
        .limit = N_TEXT, .past_end = true, .take = give_back, .user = &expected
    };
    dsvk_session_stats stats;
    float             *logits[2];
    uint32_t           vocab = dsvk_model_describe(demo.model)->vocab;
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_non_null(logits[i] = malloc(vocab * sizeof **logits));
    dsvk_session_free(other); /* that `give_back` has nothing to give */
    (void)trimmed(DSVK_TRIM_SCRATCH);
    assert_int_equal(dsvk_session_sync(session, t.tokens, N_PROMPT, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_generate(session, &params, NULL), DSVK_OK);

    assert_int_equal(dsvk_session_sync(session, t.tokens, N_PROMPT, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_logits(session, logits[0]), DSVK_OK);
    dsvk_session_stats_get(session, &stats);
    assert_true(trimmed(DSVK_TRIM_SCRATCH) >= stats.arena_bytes);
    assert_int_equal(trimmed(DSVK_TRIM_SCRATCH), 0);
    assert_int_equal(dsvk_session_logits(session, logits[1]), DSVK_OK);
    assert_memory_equal(logits[0], logits[1], vocab * sizeof **logits);
    assert_int_equal(generate(session, &t), DSVK_OK);
    assert_memory_equal(&t, &expected, sizeof t);

    assert_int_equal(dsvk_session_sync(session, again.tokens, N_PROMPT, NULL), DSVK_OK);
    assert_true(trimmed(DSVK_TRIM_CACHES) >= stats.arena_bytes + stats.cache_bytes);
    assert_int_equal(dsvk_device_bytes(demo.device), dsvk_model_weight_bytes(demo.model));
    dsvk_session_stats_get(session, &stats);
    assert_int_equal(dsvk_session_tokens(session), N_PROMPT);
    assert_int_equal(generate(session, &again), DSVK_OK);
    assert_memory_equal(&again, &expected, sizeof again);
    dsvk_session_free(session);
    for (int i = 0; i < 2; i++)
        free(logits[i]);
}

static void what_is_not_there_is_refused(void **state)
{
    (void)state;
    assert_int_equal(dsvk_device_trim(demo.device, (dsvk_trim)2, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_device_trim(NULL, DSVK_TRIM_SCRATCH, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_model_unload(NULL), DSVK_BAD_ARGUMENT);
}

/* ---- threads ---- */

struct worker {
    uint32_t    which;
    struct text got;
    unsigned    refused; /* calls that found no model */
    char        trouble[200];
};

static atomic_uint working;

/* So long that others may find nobody at work. */
static void rest(long ms)
{
    struct timespec time = { 0, ms * 1000000 };
    nanosleep(&time, NULL);
}

/* Call by call; tries again until the model is there. */
static bool work(struct worker *w, dsvk_session *session)
{
    dsvk_status status = DSVK_BAD_ARGUMENT;
    while (status == DSVK_BAD_ARGUMENT) {
        rest(5);
        status = dsvk_session_sync(session, w->got.tokens, N_PROMPT, NULL);
        w->refused += status == DSVK_BAD_ARGUMENT;
    }
    while (status == DSVK_OK && w->got.n < N_PROMPT + N_TEXT) {
        rest(5);
        status = generate_some(session, &w->got, 1);
        w->refused += status == DSVK_BAD_ARGUMENT;
        status = status == DSVK_BAD_ARGUMENT ? DSVK_OK : status;
    }
    if (status == DSVK_OK)
        return true;
    snprintf(w->trouble, sizeof w->trouble, "%s", dsvk_session_why(session));
    return false;
}

static void *run_worker(void *argument)
{
    struct worker *w = argument;
    dsvk_session  *session;
    dsvk_status    status;
    do {
        status = dsvk_session_new(&session, demo.model,
                                  &(dsvk_session_params){ .context = 128, .chunk = 16 });
    } while (status == DSVK_BAD_ARGUMENT);
    for (unsigned i = 0; status == DSVK_OK && i < 2; i++) {
        w->got = prompt_of(w->which);
        if (!work(w, session))
            break;
    }
    if (status != DSVK_OK)
        snprintf(w->trouble, sizeof w->trouble, "new: %s", dsvk_status_text(status));
    dsvk_session_free(session);
    atomic_fetch_sub(&working, 1);
    return NULL;
}

/* Trims and unloads as long as anybody works; how often the model was unloaded. */
static unsigned give_back_meanwhile(void)
{
    unsigned unloaded = 0, turn = 0;
    while (atomic_load(&working) > 0) {
        uint64_t    freed;
        dsvk_status status = dsvk_device_trim(
            demo.device, turn++ % 2 ? DSVK_TRIM_CACHES : DSVK_TRIM_SCRATCH, &freed);
        assert_int_equal(status, DSVK_OK);
        rest(10);
        status = dsvk_model_unload(demo.model);
        if (status == DSVK_OK) {
            unloaded++;
            rest(2);
            assert_int_equal(load(demo.device, DSVK_MATH_AUTO), DSVK_OK);
        } else {
            assert_int_equal(status, DSVK_BUSY);
        }
    }
    return unloaded;
}

static void texts_are_the_same_whatever_is_given_back(void **state)
{
    struct worker workers[N_THREADS];
    struct text   alone[N_THREADS];
    unsigned      unloaded = 0, refused = 0;
    (void)state;
    for (uint32_t i = 0; i < N_THREADS; i++) {
        workers[i] = (struct worker){ .which = i };
        atomic_store(&working, 1);
        (void)run_worker(&workers[i]);
        assert_string_equal(workers[i].trouble, "");
        alone[i] = workers[i].got;
    }
    for (unsigned round = 0; round < rounds; round++) {
        pthread_t threads[N_THREADS];
        atomic_store(&working, N_THREADS);
        for (unsigned i = 0; i < N_THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, run_worker, &workers[i]), 0);
        unloaded += give_back_meanwhile();
        for (unsigned i = 0; i < N_THREADS; i++) {
            pthread_join(threads[i], NULL);
            refused += workers[i].refused;
            assert_string_equal(workers[i].trouble, "");
            assert_memory_equal(&workers[i].got, &alone[i], sizeof alone[i]);
        }
    }
    print_message("  unloaded %u times, %u calls were refused\n", unloaded, refused);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unloaded_model_is_loaded_again),
        cmocka_unit_test(an_unloaded_model_may_go_to_another_device),
        cmocka_unit_test(trimming_gives_back_what_is_said),
        cmocka_unit_test(what_is_not_there_is_refused),
        cmocka_unit_test(texts_are_the_same_whatever_is_given_back),
    };
    rounds     = argc > 1 ? (unsigned)atoi(argv[1]) : rounds;
    folder     = argc > 2 ? argv[2] : folder;
    demo       = demo_open_folder(&log_of_test, folder, true);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    demo_close(&demo);
    return failed;
}
