/* SPDX-License-Identifier: MIT */
/* How long calls go on after dsvk_stop_set() by another thread, at a random time within their first
 * seconds: of a prompt, of compiling and of loading. Prints a line for each: median, 95th of a
 * hundred, worst, and the longest dispatch where the device has timestamps. With arguments 95 of a
 * hundred stops of a prompt must end within two slices or one dispatch. Without, as a usual test,
 * times are printed alone: how busy a machine is is its own affair.
 *   api_latency [TRIALS [FOLDER [PROMPT [SECONDS [SLICE_US]]]]] */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_TRIALS 1000
#define CHUNK 256

static unsigned    trials = 4, n_prompt = 300;
static const char *folder  = DSVK_DEMO;
static double      seconds = 0.3; /* in which the stop comes */
static uint32_t    slice_us;
static bool        brief = true;

struct stopper {
    dsvk_stop *stop;
    double     after, at; /* seconds; when it was set */
};

static double now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void *run_stopper(void *argument)
{
    struct stopper *s    = argument;
    struct timespec time = { (time_t)s->after,
                             (long)((s->after - (double)(time_t)s->after) * 1e9) };
    nanosleep(&time, NULL);
    s->at = now(CLOCK_MONOTONIC);
    dsvk_stop_set(s->stop, true);
    return NULL;
}

static double random_part(void)
{
    static uint64_t state = 7;
    state                 = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 40) / (double)(1u << 24);
}

/* ---- what is stopped ---- */

static dsvk_status open_device(dsvk_device **device)
{
    return dsvk_device_open(device, &(dsvk_device_params){ .which = getenv("DSVK_TEST_DEVICE"),
                                                           .memory_limit = UINT64_C(8) << 30,
                                                           .slice_us     = slice_us });
}

static dsvk_model *open_model(void)
{
    dsvk_model *model;
    assert_int_equal(dsvk_model_open(&model, &(dsvk_model_params){ .folder = folder }), DSVK_OK);
    return model;
}

static dsvk_device  *device;
static dsvk_model   *model;
static dsvk_session *session;
static uint32_t      prompt[4096];

static dsvk_session *open_session(dsvk_model *of, bool profile)
{
    dsvk_session       *s;
    dsvk_session_params params = {
        .context = n_prompt + 8, .chunk = CHUNK, .exact_prefix = true, .profile = profile
    };
    assert_int_equal(dsvk_session_new(&s, of, &params), DSVK_OK);
    return s;
}

/* Each time all of it: the first token is another. */
static dsvk_status evaluate(const dsvk_progress *progress)
{
    prompt[0] = (prompt[0] + 1) % 100;
    return dsvk_session_sync(session, prompt, n_prompt, progress);
}

static dsvk_status load(const dsvk_progress *progress)
{
    dsvk_device *own;
    dsvk_model  *m = open_model();
    assert_int_equal(open_device(&own), DSVK_OK);
    dsvk_status status = dsvk_model_load(m, own, &(dsvk_load_params){ .progress = *progress });
    dsvk_model_close(m);
    dsvk_device_close(own);
    return status;
}

static dsvk_device *fresh;
static dsvk_model  *fresh_model;

/* On a device that has no pipelines yet; passes follow where that is quick. */
static dsvk_status compile(const dsvk_progress *progress)
{
    dsvk_session *s      = open_session(fresh_model, false);
    dsvk_status   status = dsvk_session_sync(s, prompt, n_prompt, progress);
    dsvk_session_free(s);
    return status;
}

/* ---- measuring ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* In milliseconds; 0: not known. */
static double longest_since_reset(const dsvk_session *s)
{
    dsvk_profile_row *rows;
    uint32_t          n;
    double            longest = 0;
    if (dsvk_session_profile(s, &rows, &n) != DSVK_OK)
        return 0;
    for (uint32_t i = 0; i < n; i++) {
        double each = rows[i].seconds * 1e3 / (double)rows[i].dispatches;
        longest     = each > longest ? each : longest;
    }
    dsvk_model_free_memory(model, rows);
    return longest;
}

/* Of the prompt in the seconds in which a stop may come: attention takes longer in each chunk. */
static double longest_dispatch(void)
{
    dsvk_session *s       = open_session(model, true);
    double        longest = 0, start = now(CLOCK_MONOTONIC);
    uint32_t      done = 0;
    while (done < n_prompt && now(CLOCK_MONOTONIC) - start < seconds) {
        done = n_prompt - done < CHUNK ? n_prompt : done + CHUNK;
        dsvk_session_profile_reset(s);
        assert_int_equal(dsvk_session_sync(s, prompt, done, NULL), DSVK_OK);
        double of_chunk = longest_since_reset(s);
        longest         = of_chunk > longest ? of_chunk : longest;
    }
    dsvk_session_free(s);
    return longest;
}

static double trial(dsvk_status (*work)(const dsvk_progress *), double within)
{
    struct stopper s = { .after = random_part() * within };
    pthread_t      thread;
    assert_int_equal(dsvk_stop_new(&s.stop, NULL), DSVK_OK);
    dsvk_progress progress = { .stop = s.stop };
    assert_int_equal(pthread_create(&thread, NULL, run_stopper, &s), 0);
    dsvk_status status = work(&progress);
    double      end    = now(CLOCK_MONOTONIC);
    pthread_join(thread, NULL);
    dsvk_stop_free(s.stop);
    assert_true(status == DSVK_CANCELLED || status == DSVK_OK);
    return status == DSVK_OK ? -1 : (end - s.at) * 1e3;
}

static double measure(const char *what, dsvk_status (*work)(const dsvk_progress *), double within)
{
    static double ms[MOST_TRIALS];
    unsigned      n = 0, tried = 0;
    double        start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    for (; tried < trials * 4 && n < trials; tried++) {
        if (work == compile) {
            assert_int_equal(open_device(&fresh), DSVK_OK);
            fresh_model = open_model();
            assert_int_equal(dsvk_model_load(fresh_model, fresh, NULL), DSVK_OK);
        }
        ms[n] = trial(work, within);
        n += ms[n] >= 0;
        if (work == compile) {
            dsvk_model_close(fresh_model);
            dsvk_device_close(fresh);
        }
    }
    qsort(ms, n, sizeof *ms, compare);
    assert_true(n > 0 || work != evaluate);
    double most = n ? ms[(n * 95 + 99) / 100 - 1] : 0;
    print_message("| %s | %u of %u | %.0f | %.0f | %.0f | %.1f | %.1f |\n", what, n, tried,
                  n ? ms[n / 2] : 0, most, n ? ms[n - 1] : 0, now(CLOCK_MONOTONIC) - start,
                  now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    return most;
}

static void calls_end_soon_after_a_stop(void **state)
{
    double slice = slice_us ? slice_us * 1e-3 : 100;
    (void)state;
    assert_int_equal(open_device(&device), DSVK_OK);
    model = open_model();
    assert_int_equal(dsvk_model_load(model, device, NULL), DSVK_OK);
    session = open_session(model, false);
    for (uint32_t i = 0; i < n_prompt; i++)
        prompt[i] = 2 + i * 7 % 200;
    assert_int_equal(evaluate(NULL), DSVK_OK); /* compiled */
    double start = now(CLOCK_MONOTONIC);
    assert_int_equal(evaluate(NULL), DSVK_OK);
    double whole    = now(CLOCK_MONOTONIC) - start;
    double dispatch = longest_dispatch();
    print_message("  a prompt of %u tokens takes %.2f s, slices %.0f ms, the longest dispatch %.0f "
                  "ms\n| call | stopped | median ms | 95 %% | worst | seconds | CPU |\n",
                  n_prompt, whole, slice, dispatch);
    double most  = measure("prompt", evaluate, whole * 0.8 < seconds ? whole * 0.8 : seconds);
    double limit = 2 * slice > dispatch ? 2 * slice : dispatch;
    assert_true(brief || most <= limit);
    assert_int_equal(evaluate(NULL), DSVK_OK); /* nothing is left of the stops */
    (void)measure("loading", load, seconds);
    (void)measure("compiling", compile, seconds);
    dsvk_session_free(session);
    dsvk_model_close(model);
    dsvk_device_close(device);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(calls_end_soon_after_a_stop) };
    brief                           = argc < 2;
    trials                          = argc > 1 ? (unsigned)atoi(argv[1]) : trials;
    folder                          = argc > 2 ? argv[2] : folder;
    n_prompt                        = argc > 3 ? (unsigned)atoi(argv[3]) : n_prompt;
    seconds                         = argc > 4 ? atof(argv[4]) : seconds;
    slice_us                        = argc > 5 ? (uint32_t)atoi(argv[5]) : 0;
    if (trials < 1 || trials > MOST_TRIALS || n_prompt < 2 || n_prompt > 4000)
        return 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
