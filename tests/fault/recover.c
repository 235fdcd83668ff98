/* SPDX-License-Identifier: MIT */
/* Two models and three sessions on a device that is lost for good, at each submission in turn: it
 * is recovered, and every text is the one that it gives without a loss.
 *   test_recover [STRIDE]: each STRIDE-th submission alone (default: 7) */
#include "fault/support.h"

#include <stdlib.h>
#include <string.h>

#include "support/make_checkpoint.h"
#include "support/test_context.h"

#define PROMPT 5
#define ANSWER 4
#define N_MODELS 2
#define N_SESSIONS 3
#define MOST 2000

struct text {
    uint32_t tokens[PROMPT + ANSWER], n;
    uint32_t next; /* argmax behind it */
    uint32_t drawn;
};

struct life {
    struct dv_folder       folders[N_MODELS];
    struct fault_allocator memory;
    dsvk_allocator         allocator;
    dsvk_log               log;
    unsigned               errors, losses;
    dsvk_device           *device;
    dsvk_model            *models[N_MODELS];
    dsvk_session          *sessions[N_SESSIONS];
    struct text            texts[N_SESSIONS], expected[N_SESSIONS];
    bool                   known; /* what is expected */
};

static struct life life;
static unsigned    stride = 7; /* odd: every other loss is noticed late */

static void count_line(void *user, dsvk_log_level level, const char *line)
{
    struct life *l = user;
    l->errors += level == DSVK_LOG_ERROR;
    if (getenv("DSVK_TEST_VERBOSE"))
        print_message("%s\n", line);
}

/* ---- steps, each of which may be tried again ---- */

static dsvk_status load(unsigned i)
{
    return dsvk_model_load(life.models[i], life.device,
                           &(dsvk_load_params){ .run = { .context = CONTEXT } });
}

static dsvk_status make(unsigned i)
{
    return dsvk_session_new(&life.sessions[i], life.models[i / 2],
                            &(dsvk_session_params){ .context = CONTEXT, .chunk = 3 });
}

static dsvk_status sync_prompt(unsigned i)
{
    return dsvk_session_sync(life.sessions[i], life.texts[i].tokens, PROMPT, NULL);
}

static bool take(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct text *t = user;
    (void)text;
    (void)bytes;
    if (token == DSVK_TEXT_END)
        return true;
    assert_true(t->n < PROMPT + ANSWER);
    t->tokens[t->n++] = token;
    return true;
}

/* Each token is handed out once, whatever is lost: the timeline has those that were taken. */
static dsvk_status generate(unsigned i)
{
    struct text         *t      = &life.texts[i];
    dsvk_generate_params params = {
        .limit = PROMPT + ANSWER - t->n, .past_end = true, .take = take, .user = t
    };
    if (t->n == PROMPT + ANSWER)
        return DSVK_OK;
    life.sessions[i]->session->params.ahead = 2;
    dsvk_status status = dsvk_session_generate(life.sessions[i], &params, NULL);
    assert_int_equal(dsvk_session_tokens(life.sessions[i]), t->n);
    return status;
}

static dsvk_status choose(unsigned i)
{
    struct text *t      = &life.texts[i];
    dsvk_status  status = dsvk_session_argmax(life.sessions[i], &t->next);
    if (status == DSVK_OK)
        status = dsvk_session_sample(life.sessions[i],
                                     &(dsvk_sampling){ .temperature = 1, .seed = 5 }, &t->drawn);
    return status;
}

static const struct step {
    dsvk_status (*run)(unsigned i);
    unsigned i;
} steps[] = {
    { load, 0 },        { make, 0 },     { load, 1 },        { make, 1 },        { make, 2 },
    { sync_prompt, 0 }, { generate, 0 }, { sync_prompt, 1 }, { sync_prompt, 2 }, { choose, 0 },
    { generate, 2 },    { choose, 2 },   { generate, 1 },    { choose, 1 },
};
#define N_STEPS (sizeof steps / sizeof *steps)

/* ---- one life ---- */

static void begin_life(void)
{
    for (unsigned i = 0; i < N_MODELS; i++)
        assert_int_equal(
            dsvk_model_open(&life.models[i], &(dsvk_model_params){ .folder = life.folders[i].path,
                                                                   .log    = life.log,
                                                                   .allocator = life.allocator }),
            DSVK_OK);
    for (unsigned s = 0; s < N_SESSIONS; s++) {
        life.texts[s] = (struct text){ .n = PROMPT };
        for (unsigned i = 0; i < PROMPT; i++)
            life.texts[s].tokens[i] = 3 + 17 * i + 5 * s;
    }
    life.errors = life.losses = 0;
}

static void end_life(void)
{
    for (unsigned i = 0; i < N_SESSIONS; i++) {
        dsvk_session_free(life.sessions[i]);
        life.sessions[i] = NULL;
    }
    for (unsigned i = 0; i < N_MODELS; i++) {
        dsvk_model_close(life.models[i]);
        life.models[i] = NULL;
    }
    assert_int_equal(dsvk_device_bytes(life.device), 0);
}

static void compare(unsigned session)
{
    if (!life.known)
        life.expected[session] = life.texts[session];
    else
        assert_memory_equal(&life.texts[session], &life.expected[session], sizeof(struct text));
}

static dsvk_status recover_now(void)
{
    return dsvk_device_recover(life.device, NULL);
}

/* A lost device says so once a call, and works again once it is recovered. */
static void recover_from(const struct step *step)
{
    assert_int_equal(life.errors, 1);
    assert_true(dsvk_device_is_lost(life.device));
    assert_int_equal(step->run(step->i), DSVK_DEVICE_LOST);
    assert_int_equal(life.errors, 2);
    assert_int_equal(recover_now(), DSVK_OK);
    assert_false(dsvk_device_is_lost(life.device));
    assert_int_equal(life.errors, 2);
    life.errors = 0;
    life.losses++;
}

/* All of it, with one loss; whether there was one. */
static bool live(unsigned nth, bool late)
{
    uint64_t bytes = 0;
    begin_life();
    fault_lose(life.device->dev, nth, late);
    for (size_t i = 0; i < N_STEPS; i++) {
        dsvk_status status = steps[i].run(steps[i].i);
        if (status == DSVK_DEVICE_LOST) {
            recover_from(&steps[i]);
            status = steps[i].run(steps[i].i);
        }
        if (status != DSVK_OK)
            fail_msg("submission %u, step %zu: status %d", nth, i, (int)status);
    }
    for (unsigned s = 0; s < N_SESSIONS; s++)
        compare(s);
    bytes = dsvk_device_bytes(life.device);
    assert_true(bytes >=
                dsvk_model_weight_bytes(life.models[0]) + dsvk_model_weight_bytes(life.models[1]));
    if (life.losses == 0)
        fault_disarm(life.device->dev);
    bool lost = life.losses > 0;
    assert_int_equal(life.losses, lost);
    end_life();
    return lost;
}

/* Every other loss is noticed late. */
static void every_submission_may_lose_the_device(void **state)
{
    unsigned nth = 1, n = 0;
    (void)state;
    for (; nth < MOST && live(nth, nth % 2); nth += stride)
        n++;
    print_message("  %u submissions up to the %uth lost in turn\n", n, nth - stride);
    assert_in_range(nth, 20, MOST - 1);
}

static int setup(void **state)
{
    static const char *const names[N_MODELS] = { "v3", "moonlight" };
    struct dv_test_context   test;
    (void)state;
    life.log       = (dsvk_log){ count_line, &life, DSVK_LOG_WARN };
    life.allocator = fault_allocator(&life.memory, 0);
    dv_test_context_init(&test);
    for (unsigned i = 0; i < N_MODELS; i++) {
        dv_folder_init(&life.folders[i]);
        assert_int_equal(dv_make_checkpoint(&test.ctx, names[i], 1, life.folders[i].path), DSVK_OK);
    }
    assert_int_equal(
        dsvk_device_open(&life.device, &(dsvk_device_params){ .which = getenv("DSVK_TEST_DEVICE"),
                                                              .log   = life.log,
                                                              .allocator = life.allocator }),
        DSVK_OK);
    (void)live(0, false);
    life.known = true;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dsvk_device_close(life.device);
    for (unsigned i = 0; i < N_MODELS; i++)
        dv_folder_done(&life.folders[i]);
    return life.memory.live == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_submission_may_lose_the_device),
    };
    stride = argc > 1 ? (unsigned)atoi(argv[1]) : stride;
    if (stride == 0)
        return 2;
    return cmocka_run_group_tests(tests, setup, teardown);
}
