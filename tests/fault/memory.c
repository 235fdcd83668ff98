/* SPDX-License-Identifier: MIT */
/* Host memory ends at the first, second, ... allocation of each phase: NO_MEMORY, one line, nothing
 * left behind, and the same call succeeds when there is memory again. */
#include "fault/support.h"

#define MOST 20000

/* One try with the n-th allocation failing; whether there was one. */
static bool fails_at(size_t nth, dsvk_status (*phase)(struct engine *))
{
    size_t live = engine.memory.live;
    arm_memory(&engine, nth);
    dsvk_status status    = phase(&engine);
    bool        fired     = engine.memory.fired;
    engine.memory.fail_at = 0;
    if (!fired) {
        assert_int_equal(status, DSVK_OK);
        return false;
    }
    if (status != DSVK_NO_MEMORY || engine.errors != 1)
        fail_msg("allocation %zu: status %d, %u lines, the last is \"%s\"", nth, (int)status,
                 engine.errors, engine.line);
    if (phase != blame_layers)
        expect_why(&engine);
    bool makes_programs = phase == sync_tokens || phase == generate_tokens || phase == blame_layers;
    if (!makes_programs && engine.memory.live != live)
        fail_msg("allocation %zu: %zu blocks were left: %s", nth, engine.memory.live - live,
                 engine.line);
    return true;
}

static void tell(const char *phase, size_t nth)
{
    print_message("  %s: %zu allocations failed in turn\n", phase, nth - 1);
    assert_in_range(nth, 2, MOST - 1);
}

/* Opening goes on where only something optional wants memory: a list of extensions, a regular
 * expression's just-in-time code. */
static bool open_fails_at(size_t nth, dsvk_status (*phase)(struct engine *),
                          void (*closing)(struct engine *), unsigned *survived)
{
    arm_memory(&engine, nth);
    dsvk_status status    = phase(&engine);
    bool        fired     = engine.memory.fired;
    bool        ok        = status == DSVK_OK;
    engine.memory.fail_at = 0;
    if (!ok && (!fired || status != DSVK_NO_MEMORY))
        fail_msg("allocation %zu: status %d: %s", nth, (int)status, engine.line);
    if (engine.errors != (ok ? 0 : 1))
        fail_msg("allocation %zu: %u lines, the last is \"%s\"", nth, engine.errors, engine.line);
    *survived += fired && ok;
    closing(&engine);
    assert_int_equal(engine.memory.live, 0);
    return fired;
}

static void sweep_opening(const char *what, dsvk_status (*phase)(struct engine *),
                          void (*closing)(struct engine *))
{
    size_t   nth      = 1;
    unsigned survived = 0;
    while (nth < MOST && open_fails_at(nth, phase, closing, &survived))
        nth++;
    tell(what, nth);
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
        nth++;
    tell("plan", nth);
    close_model(&engine);
    close_device(&engine);
    assert_int_equal(engine.memory.live, 0);
}

void memory_may_end_while_loading(void **state)
{
    size_t nth = 1;
    (void)state;
    assert_int_equal(open_device(&engine), DSVK_OK);
    assert_int_equal(open_model(&engine), DSVK_OK);
    for (; nth < MOST && fails_at(nth, load_model); nth++) {
        assert_int_equal(dsvk_device_bytes(engine.device), 0);
        assert_int_equal(dsvk_model_weight_bytes(engine.model), 0);
    }
    tell("load", nth);
    /* What was loaded after all these failures works. */
    assert_int_equal(new_session(&engine), DSVK_OK);
    assert_int_equal(sync_tokens(&engine), DSVK_OK);
    assert_int_equal(read_results(&engine), DSVK_OK);
    close_session(&engine);
    close_model(&engine);
    close_device(&engine);
    assert_int_equal(engine.memory.live, 0);
}

static void open_all(void)
{
    assert_int_equal(open_device(&engine), DSVK_OK);
    assert_int_equal(open_model(&engine), DSVK_OK);
    assert_int_equal(load_model(&engine), DSVK_OK);
}

static void sweep_session(void)
{
    size_t nth;
    open_all();
    for (nth = 1; nth < MOST && fails_at(nth, new_session); nth++)
        ;
    tell("session", nth);
    for (nth = 1; nth < MOST && fails_at(nth, sync_tokens); nth++) {
        assert_int_equal(dsvk_session_tokens(engine.session), 0);
        close_session(&engine);
        assert_int_equal(new_session(&engine), DSVK_OK); /* with no program yet */
    }
    tell("sync", nth);
    for (nth = 1; nth < MOST && fails_at(nth, sample_token); nth++)
        assert_int_equal(dsvk_session_tokens(engine.session), N_TOKENS);
    tell("sample", nth);
    assert_int_equal(read_results(&engine), DSVK_OK);
    for (nth = 1; nth < MOST && fails_at(nth, generate_tokens); nth++) {
        size_t left = dsvk_session_tokens(engine.session);
        assert_true(left == 0 || left == N_TOKENS); /* before the first token was handed out */
    }
    tell("generate", nth);
    /* The same session again and again. */
    close_session(&engine);
    assert_int_equal(new_session(&engine), DSVK_OK);
    for (nth = 1; nth < MOST && fails_at(nth, sync_tokens); nth++)
        assert_int_equal(dsvk_session_tokens(engine.session), 0);
    assert_int_equal(read_results(&engine), DSVK_OK);
    close_session(&engine);
    close_model(&engine);
    close_device(&engine);
    assert_int_equal(engine.memory.live, 0);
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
    for (nth = 1; nth < MOST && fails_at(nth, blame_layers); nth++)
        assert_int_equal(engine.session->session->n_tokens, 0);
    tell("blame", nth);
    assert_int_equal(sync_tokens(&engine), DSVK_OK);
    assert_int_equal(read_results(&engine), DSVK_OK);
    close_session(&engine);
    close_model(&engine);
    close_device(&engine);
    assert_int_equal(engine.memory.live, 0);
}

/* Experts in tiers: loading, and one session. */
void memory_may_end_with_tiers(void **state)
{
    engine_in_tiers(&engine, true);
    memory_may_end_while_loading(state);
    sweep_session();
    engine_in_tiers(&engine, false);
}
