/* SPDX-License-Identifier: MIT */
/* The first, second, ... Vulkan call of each phase fails, for want of memory or because the device
 * is lost: the right status, one line, nothing left behind. The device is only said to be lost, so
 * that taking it back lets the sweep go on. */
#include "fault/support.h"

#define MOST 5000

struct sweep {
    VkResult    result;
    dsvk_status expected;
    unsigned    nth;
};

/* Others than those three, and one that there is not; taken by turns. */
static const struct sweep others[] = {
    { VK_ERROR_MEMORY_MAP_FAILED, DSVK_NO_MEMORY, 0 },
    { VK_ERROR_TOO_MANY_OBJECTS, DSVK_NO_VRAM, 0 },
    { VK_ERROR_INITIALIZATION_FAILED, DSVK_UNSUPPORTED, 0 },
    { VK_ERROR_UNKNOWN, DSVK_UNSUPPORTED, 0 },
    { (VkResult)-7777, DSVK_UNSUPPORTED, 0 },
};
#define N_OTHERS (sizeof others / sizeof *others)

static const struct sweep sweeps[] = {
    { VK_ERROR_OUT_OF_DEVICE_MEMORY, DSVK_NO_VRAM, 0 },
    { VK_ERROR_OUT_OF_HOST_MEMORY, DSVK_NO_MEMORY, 0 },
    { VK_ERROR_DEVICE_LOST, DSVK_DEVICE_LOST, 0 },
};
#define N_SWEEPS (sizeof sweeps / sizeof *sweeps)

/* Calls that make memory which there is another way without: one buffer of host memory that the
 * device reads, for experts in tiers. */
#define SPARE_CALLS 4

/* One try with call number s->nth failing; whether there was one. Of those that spare calls may
 * survive, the result was OK. */
static bool fails(const struct sweep *s, dsvk_status (*phase)(struct engine *))
{
    struct dv_device *dev = engine.device->dev;
    arm_memory(&engine, 0, false);
    fault_arm(dev, s->nth, s->result);
    dsvk_status status = phase(&engine);
    fault_disarm(dev);
    if (!fault_fired()) {
        assert_int_equal(status, DSVK_OK);
        assert_int_equal(engine.errors, 0);
        return false;
    }
    engine.survived = status == DSVK_OK && engine.errors == 0 && phase == load_model &&
                      engine.host_memory > 0 && s->expected != DSVK_DEVICE_LOST;
    if (!engine.survived && (status != s->expected || engine.errors != 1))
        fail_msg("%s, call %u: status %d, %u lines, the last is \"%s\"", fault_call(), s->nth,
                 (int)status, engine.errors, engine.line);
    if (!engine.survived && phase != blame_layers)
        expect_why(&engine);
    assert_int_equal(dev->lost, s->result == VK_ERROR_DEVICE_LOST);
    assert_false(dev->hung);
    return true;
}

/* A lost device answers everything so; then it is found again. */
static void find_again(dsvk_status (*phase)(struct engine *))
{
    struct dv_device *dev = engine.device->dev;
    if (!dev->lost)
        return;
    arm_memory(&engine, 0, false);
    assert_int_equal(phase(&engine), DSVK_DEVICE_LOST);
    assert_int_equal(engine.errors, 1);
    dev->lost = false;
}

static void open_both(void)
{
    assert_int_equal(open_device(&engine), DSVK_OK);
    assert_int_equal(open_model(&engine), DSVK_OK);
}

static void close_all(void)
{
    close_session(&engine);
    close_model(&engine);
    assert_int_equal(dsvk_device_bytes(engine.device), 0);
    close_device(&engine);
    assert_int_equal(live_blocks(&engine), 0);
}

static void tell(const char *phase, const struct sweep *s)
{
    print_message("  %s: %u calls failed in turn\n", phase, s->nth - 1);
    assert_in_range(s->nth, 2, MOST - 1);
}

static dsvk_status sync_and_read(struct engine *e)
{
    dsvk_status status = sync_tokens(e);
    return status == DSVK_OK ? read_results(e) : status;
}

static void expect_results(void)
{
    dsvk_status status = sync_and_read(&engine);
    if (status != DSVK_OK)
        fail_msg("status %d where nothing fails, the last line is \"%s\"", (int)status,
                 engine.line);
}

/* Twice: into memory that the host sees, and through staging memory. */
void calls_may_fail_while_loading(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * N_SWEEPS; i++) {
        struct sweep s = sweeps[i / 2];
        open_both();
        engine.device->dev->unmapped = i % 2;
        unsigned survived            = 0;
        for (s.nth = 1; s.nth < MOST && fails(&s, load_model); s.nth++) {
            if (engine.survived) {
                survived++;
                assert_int_equal(new_session(&engine), DSVK_OK);
                expect_results();
                close_session(&engine);
                close_model(&engine);
                assert_int_equal(open_model(&engine), DSVK_OK);
            }
            find_again(load_model);
            assert_int_equal(dsvk_device_bytes(engine.device), 0);
            assert_int_equal(dsvk_model_weight_bytes(engine.model), 0);
        }
        assert_int_equal(
            survived, engine.host_memory > 0 && s.expected != DSVK_DEVICE_LOST ? SPARE_CALLS : 0);
        tell(i % 2 ? "staged load" : "load", &s);
        engine.device->dev->unmapped = false;
        assert_int_equal(new_session(&engine), DSVK_OK);
        expect_results();
        close_all();
    }
}

void calls_may_fail_while_making_a_session(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SWEEPS; i++) {
        struct sweep s = sweeps[i];
        open_both();
        assert_int_equal(load_model(&engine), DSVK_OK);
        uint64_t bytes = dsvk_device_bytes(engine.device);
        for (s.nth = 1; s.nth < MOST && fails(&s, new_session); s.nth++) {
            assert_null(engine.session);
            find_again(new_session);
            assert_int_equal(dsvk_device_bytes(engine.device), bytes);
        }
        tell("session", &s);
        expect_results();
        close_all();
    }
}

/* Two ways: with a new session for every failure, and with one that lives through them all; where
 * a phase is like one that was tried both ways, the second alone. */
static void sweep_passes(const char *what, dsvk_status (*phase)(struct engine *))
{
    for (size_t i = 0; i < 2 * N_SWEEPS; i++) {
        struct sweep s    = sweeps[i / 2];
        bool         keep = i % 2;
        if (!keep && phase == draw_tokens)
            continue;
        open_both();
        engine.device->dev->unmapped = engine.unmapped;
        assert_int_equal(load_model(&engine), DSVK_OK);
        assert_int_equal(new_session(&engine), DSVK_OK);
        uint32_t step = keep || !engine.sparse ? 1 : 5; /* what is new is compiled each time */
        for (s.nth = 1; s.nth < MOST && fails(&s, phase); s.nth += step) {
            find_again(phase);
            if (keep)
                continue;
            close_session(&engine);
            assert_int_equal(new_session(&engine), DSVK_OK);
        }
        s.nth = (s.nth - 1) / step + 1;
        tell(what, &s);
        expect_results();
        close_all();
    }
}

/* The original has its results all the while, without computing them again. */
void calls_may_fail_while_a_session_is_forked(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SWEEPS; i++) {
        struct sweep s = sweeps[i];
        open_both();
        assert_int_equal(load_model(&engine), DSVK_OK);
        assert_int_equal(new_session(&engine), DSVK_OK);
        expect_results();
        uint64_t bytes = dsvk_device_bytes(engine.device);
        for (s.nth = 1; s.nth < MOST && fails(&s, fork_session); s.nth++) {
            find_again(fork_session);
            assert_int_equal(dsvk_device_bytes(engine.device), bytes);
            assert_int_equal(read_results(&engine), DSVK_OK);
        }
        tell("fork", &s);
        close_all();
    }
}

/* Its pages are read, and written, through staging memory. */
void calls_may_fail_while_a_session_is_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SWEEPS; i++) {
        struct sweep s = sweeps[i];
        open_both();
        engine.device->dev->unmapped = true;
        assert_int_equal(load_model(&engine), DSVK_OK);
        assert_int_equal(new_session(&engine), DSVK_OK);
        expect_results();
        for (s.nth = 1; s.nth < MOST && fails(&s, save_session); s.nth++) {
            find_again(save_session);
            assert_int_equal(dsvk_session_tokens(engine.session), N_TOKENS);
        }
        tell("save", &s);
        for (s.nth = 1; s.nth < MOST && fails(&s, restore_session); s.nth++) {
            find_again(restore_session);
            if (s.nth % 2)
                assert_int_equal(read_results(&engine), DSVK_OK);
        }
        tell("restore", &s);
        expect_results();
        close_all();
    }
}

void calls_may_fail_in_a_pass(void **state)
{
    (void)state;
    sweep_passes("passes", sync_and_read);
}

void calls_may_fail_while_generating(void **state)
{
    (void)state;
    sweep_passes("generating", generate_tokens);
}

void calls_may_fail_while_the_device_draws(void **state)
{
    (void)state;
    sweep_passes("drawing", draw_tokens);
}

void calls_may_fail_while_layers_are_blamed(void **state)
{
    (void)state;
    sweep_passes("blame", blame_layers);
}

void calls_may_fail_while_scoring(void **state)
{
    (void)state;
    sweep_passes("score", score_tokens);
    engine.unmapped = true; /* rows of logits come through staging memory */
    sweep_passes("staged score", score_tokens);
    engine.unmapped = false;
}

/* One phase, with each of the other results by turns. */
static unsigned fail_by_turns(dsvk_status (*phase)(struct engine *))
{
    unsigned nth = 1;
    for (; nth < MOST; nth++) {
        struct sweep s = others[nth % N_OTHERS];
        s.nth          = nth;
        if (!fails(&s, phase))
            break;
        if (phase == generate_tokens)
            continue;
        assert_null(engine.session);
    }
    return nth - 1;
}

void calls_may_fail_in_other_ways(void **state)
{
    unsigned load, session, passes;
    (void)state;
    open_both();
    engine.device->dev->unmapped = true;
    load                         = fail_by_turns(load_model);
    session                      = fail_by_turns(new_session);
    passes                       = fail_by_turns(generate_tokens);
    print_message("  with other results: %u, %u and %u calls failed in turn\n", load, session,
                  passes);
    assert_true(load > 20 && session > 10 && passes > 10);
    expect_results();
    close_all();
}

/* A wait that times out: the device counts as hung, and what it may still use stays. Here its work
 * does end, so that it can be found again. */
void waits_may_last_too_long(void **state)
{
    unsigned nth, tried = 0;
    (void)state;
    open_both();
    struct dv_device *dev = engine.device->dev;
    assert_int_equal(load_model(&engine), DSVK_OK);
    assert_int_equal(new_session(&engine), DSVK_OK);
    fault_only("vkWaitSemaphores");
    for (nth = 1; nth < MOST; nth++, tried++) {
        arm_memory(&engine, 0, false);
        fault_arm(dev, nth, VK_TIMEOUT);
        dsvk_status status = generate_tokens(&engine);
        fault_disarm(dev);
        if (!fault_fired())
            break;
        if (status != DSVK_DEVICE_LOST || engine.errors != 1 || !dev->hung)
            fail_msg("wait %u: status %d, %u lines, the last is \"%s\"", nth, (int)status,
                     engine.errors, engine.line);
        dev->hung = false;
        dv_device_settle(dev);
        find_again(generate_tokens);
    }
    fault_only(NULL);
    print_message("  %u waits timed out\n", tried);
    assert_true(tried > 2);
    expect_results();
    close_all();
}

/* Experts in tiers, in memory that the host sees and through staging memory. */
void calls_may_fail_with_tiers(void **state)
{
    (void)state;
    engine_in_tiers(&engine, true);
    calls_may_fail_while_loading(state);
    for (int unmapped = 0; unmapped < 2; unmapped++) {
        engine.unmapped = unmapped;
        sweep_passes(unmapped ? "staged tiers" : "tiers", sync_and_read);
    }
    engine.unmapped = false;
    engine_in_tiers(&engine, false);
}
