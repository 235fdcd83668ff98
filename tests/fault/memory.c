/* SPDX-License-Identifier: MIT */
/* Host memory ends at the first, second, ... allocation of each phase: NO_MEMORY, one line, nothing
 * left behind, and the same call succeeds when there is memory again. */
#include "fault/support.h"

#define MOST 100000

static unsigned n_tried; /* since the last line */

/* One try with the n-th allocation failing; whether there was one. */
static bool fails_at(size_t nth, dsvk_status (*phase)(struct engine *))
{
    size_t live = live_blocks(&engine);
    arm_memory(&engine, nth, false);
    dsvk_status status = phase(&engine);
    if (!disarm_memory(&engine)) {
        assert_int_equal(status, DSVK_OK);
        return false;
    }
    n_tried++;
    if (status != DSVK_NO_MEMORY || engine.errors != 1)
        fail_msg("allocation %zu: status %d, %u lines, the last is \"%s\"", nth, (int)status,
                 engine.errors, engine.line);
    if (phase != blame_layers)
        expect_why(&engine);
    bool makes_programs = phase == sync_tokens || phase == generate_tokens ||
                          phase == blame_layers || phase == score_tokens ||
                          phase == trim_and_read || phase == load_again || phase == draw_tokens;
    if (!makes_programs && live_blocks(&engine) != live)
        fail_msg("allocation %zu: %zu blocks were left: %s", nth, live_blocks(&engine) - live,
                 engine.line);
    return true;
}

/* The failure to try after the nth. */
static size_t after(size_t nth, dsvk_status (*phase)(struct engine *))
{
    bool many = engine.faults != &allocator_faults && (phase == open_model || phase == plan_model);
    return nth + engine.step * (many && engine.sparse ? 41 : 1);
}

static void tell(const char *phase)
{
    print_message("  %s: %u %s failed in turn\n", phase, n_tried,
                  engine.faults == &allocator_faults ? "allocations" : "calls of malloc");
    assert_true(n_tried > 0);
    n_tried = 0;
}

/* Opening goes on where only something optional wants memory: a list of extensions, a regular
 * expression's just-in-time code. */
static bool open_fails_at(size_t nth, dsvk_status (*phase)(struct engine *),
                          void (*closing)(struct engine *), unsigned *survived)
{
    arm_memory(&engine, nth, phase == open_model); /* there is no driver in it */
    dsvk_status status = phase(&engine);
    bool        fired = disarm_memory(&engine), ok = status == DSVK_OK;
    if (!ok && (!fired || status != DSVK_NO_MEMORY))
        fail_msg("allocation %zu: status %d: %s", nth, (int)status, engine.line);
    if (engine.errors != (ok ? 0 : 1))
        fail_msg("allocation %zu: %u lines, the last is \"%s\"", nth, engine.errors, engine.line);
    n_tried += fired;
    *survived += fired && ok;
    closing(&engine);
    assert_int_equal(live_blocks(&engine), 0);
    return fired;
}

static void sweep_opening(const char *what, dsvk_status (*phase)(struct engine *),
                          void (*closing)(struct engine *))
{
    size_t   nth      = 1;
    unsigned survived = 0;
    while (nth < MOST && open_fails_at(nth, phase, closing, &survived))
        nth = after(nth, phase);
    tell(what);
    assert_true(survived <= nth / 2);
}

void memory_may_end_while_opening_the_device(void **state)
{
    (void)state;
    sweep_opening("device", open_device, close_device);
}

void memory_may_end_while_opening_the_model(void **state)
{
    (void)state;
    sweep_opening("model", open_model, close_model);
}

void memory_may_end_while_planning(void **state)
{
    size_t nth = 1;
    (void)state;
    assert_int_equal(open_device(&engine), DSVK_OK);
    assert_int_equal(open_model(&engine), DSVK_OK);
    while (nth < MOST && fails_at(nth, plan_model))
        nth = after(nth, plan_model);
    tell("plan");
    close_model(&engine);
    close_device(&engine);
    assert_int_equal(live_blocks(&engine), 0);
}

void memory_may_end_while_loading(void **state)
{
    size_t nth = 1;
    (void)state;
    assert_int_equal(open_device(&engine), DSVK_OK);
    assert_int_equal(open_model(&engine), DSVK_OK);
    for (; nth < MOST && fails_at(nth, load_model); nth += engine.step) {
        assert_int_equal(dsvk_device_bytes(engine.device), 0);
        assert_int_equal(dsvk_model_weight_bytes(engine.model), 0);
    }
    tell("load");
    /* What was loaded after all these failures works. */
    assert_int_equal(new_session(&engine), DSVK_OK);
    assert_int_equal(sync_tokens(&engine), DSVK_OK);
    assert_int_equal(read_results(&engine), DSVK_OK);
    close_session(&engine);
    close_model(&engine);
    close_device(&engine);
    assert_int_equal(live_blocks(&engine), 0);
}

static void open_all(void)
{
    assert_int_equal(open_device(&engine), DSVK_OK);
    assert_int_equal(open_model(&engine), DSVK_OK);
    assert_int_equal(load_model(&engine), DSVK_OK);
}

/* Of a session with results, which stay. */
static void sweep_copies(void)
{
    size_t nth;
    for (nth = 1; nth < MOST && fails_at(nth, fork_session); nth += engine.step)
        assert_int_equal(dsvk_session_tokens(engine.session), N_TOKENS);
    tell("fork");
    assert_int_equal(read_results(&engine), DSVK_OK);
    for (nth = 1; nth < MOST && fails_at(nth, save_session); nth += engine.step)
        ;
    tell("save");
    for (nth = 1; nth < MOST && fails_at(nth, restore_session); nth += engine.step)
        ;
    tell("restore");
    assert_int_equal(read_results(&engine), DSVK_OK);
}

static void sweep_session(void)
{
    size_t nth;
    open_all();
    for (nth = 1; nth < MOST && fails_at(nth, new_session); nth += engine.step)
        ;
    tell("session");
    for (nth = 1; nth < MOST && fails_at(nth, sync_tokens); nth += engine.step) {
        assert_int_equal(dsvk_session_tokens(engine.session), 0);
        close_session(&engine);
        assert_int_equal(new_session(&engine), DSVK_OK); /* with no program yet */
    }
    tell("sync");
    for (nth = 1; nth < MOST && fails_at(nth, sample_token); nth += engine.step)
        assert_int_equal(dsvk_session_tokens(engine.session), N_TOKENS);
    tell("sample");
    sweep_copies();
    for (nth = 1; nth < MOST && fails_at(nth, generate_tokens); nth += engine.step) {
        size_t left = dsvk_session_tokens(engine.session);
        assert_true(left == 0 || left == N_TOKENS); /* before the first token was handed out */
    }
    tell("generate");
    for (nth = 1; nth < MOST && fails_at(nth, draw_tokens); nth += engine.step) {
        close_session(&engine);
        assert_int_equal(new_session(&engine), DSVK_OK); /* with no arrays yet */
    }
    tell("draws");
    /* The same session again and again. */
    close_session(&engine);
    assert_int_equal(new_session(&engine), DSVK_OK);
    for (nth = 1; nth < MOST && fails_at(nth, sync_tokens); nth += engine.step)
        assert_int_equal(dsvk_session_tokens(engine.session), 0);
    tell("sync of the same session");
    assert_int_equal(read_results(&engine), DSVK_OK);
    close_session(&engine);
    close_model(&engine);
    close_device(&engine);
    assert_int_equal(live_blocks(&engine), 0);
}

/* Without a profile and with one. */
void memory_may_end_in_a_session(void **state)
{
    (void)state;
    for (int profile = 0; profile < 2; profile++) {
        engine.profile = profile;
        sweep_session();
    }
    engine.profile = false;
}

void memory_may_end_while_layers_are_blamed(void **state)
{
    size_t nth;
    (void)state;
    open_all();
    assert_int_equal(new_session(&engine), DSVK_OK);
    for (nth = 1; nth < MOST && fails_at(nth, blame_layers); nth += engine.step)
        assert_int_equal(engine.session->session->n_tokens, 0);
    tell("blame");
    assert_int_equal(sync_tokens(&engine), DSVK_OK);
    assert_int_equal(read_results(&engine), DSVK_OK);
    close_session(&engine);
    close_model(&engine);
    close_device(&engine);
    assert_int_equal(live_blocks(&engine), 0);
}

/* Blocks that passes make come and go here. */
void memory_may_end_after_trimming(void **state)
{
    static dsvk_status (*const phases[])(struct engine *) = { trim_and_read, load_again };
    size_t step                                           = engine.step * (engine.sparse ? 13 : 1);
    (void)state;
    open_all();
    assert_int_equal(new_session(&engine), DSVK_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(sync_tokens(&engine), DSVK_OK);
        for (size_t nth = 1; nth < MOST && fails_at(nth, phases[i]); nth += step) {
            if (!engine.model->weights)
                assert_int_equal(load_model(&engine), DSVK_OK);
            assert_int_equal(sync_tokens(&engine), DSVK_OK);
        }
        tell(i ? "load again" : "trimmed");
    }
    assert_int_equal(read_results(&engine), DSVK_OK);
    close_session(&engine);
    close_model(&engine);
    close_device(&engine);
    assert_int_equal(live_blocks(&engine), 0);
}

static void close_nothing(struct engine *e)
{
    (void)e;
}

static void sweep_question(const char *what, dsvk_status (*phase)(struct engine *))
{
    for (size_t nth = 1; nth < MOST && fails_at(nth, phase); nth += engine.step)
        ;
    tell(what);
}

/* What is asked of devices, models and sessions besides tokens. */
void memory_may_end_in_questions(void **state)
{
    (void)state;
    sweep_opening("list", list_devices, close_nothing);
    engine.profile = true;
    open_all();
    sweep_question("graph", print_graph);
    assert_int_equal(new_session(&engine), DSVK_OK);
    assert_int_equal(sync_tokens(&engine), DSVK_OK);
    sweep_question("score", score_tokens);
    sweep_question("profile", read_profile);
    close_session(&engine);
    close_model(&engine);
    close_device(&engine);
    assert_int_equal(live_blocks(&engine), 0);
    engine.profile = false;
}

/* Experts in tiers: loading, and one session. */
void memory_may_end_with_tiers(void **state)
{
    engine_in_tiers(&engine, true);
    memory_may_end_while_loading(state);
    sweep_session();
    engine_in_tiers(&engine, false);
}
