/* SPDX-License-Identifier: MIT */
/* Weights, graphs and programs of a caller where each allocation and each Vulkan call fails in
 * turn: the right status, one line, nothing left behind, and the same results afterwards. Then the
 * device is lost for good at each submission, and recovered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "backend/reference.h"
#include "support/fault.h"

#define TOKENS 6
#define HIDDEN 32
#define WIDE 40
#define EXPERTS 4
#define TOP_K 2
#define MOST 5000

static struct life {
    struct fault_allocator memory;
    dsvk_device           *device;
    unsigned               errors;
    char                   line[512];
    struct matrix          gate, up, down, norm;
    float                  x[TOKENS * HIDDEN], y[TOKENS * HIDDEN];
    uint32_t               route[TOKENS * 2 * TOP_K];
    bool                   known; /* y */
    dsvk_weight           *weights[3];
    dsvk_program          *program, *attending; /* the latter is not run */
    dsvk_tensor            in, out, to;
} life;

static void take_line(void *user, dsvk_log_level level, const char *line)
{
    struct life *l = user;
    l->errors += level == DSVK_LOG_ERROR;
    snprintf(l->line, sizeof l->line, "%s", line);
    if (getenv("DSVK_TEST_VERBOSE"))
        print_message("%s\n", line);
}

/* ---- what may fail ---- */

static dsvk_status make_weights(void)
{
    dsvk_status status;
    TRY(dsvk_weight_new(&life.weights[0], life.device, &life.norm.m, NULL));
    TRY(dsvk_weight_new(&life.weights[1], life.device, &life.gate.m, &life.up.m));
    return dsvk_weight_new(&life.weights[2], life.device, &life.down.m, NULL);
}

static dsvk_status make_program(void)
{
    dsvk_status status;
    dsvk_graph *g;
    TRY(dsvk_graph_new(&g, life.device, &(dsvk_pass){ .tokens = TOKENS, .math = DSVK_MATH_F32 }));
    life.in       = dsvk_graph_input(g, TOKENS, HIDDEN);
    life.to       = dsvk_graph_input(g, TOKENS, 2 * TOP_K);
    dsvk_tensor h = dsvk_graph_rms_norm(g, life.weights[0], life.in, 1e-6f);
    life.out      = dsvk_graph_experts(g, life.weights[1], life.weights[2], h, life.to);
    return dsvk_graph_compile(&life.program, g, &life.out, 1);
}

static dsvk_status make_attending(void)
{
    dsvk_status  status;
    dsvk_graph  *g;
    dsvk_latents latents = { DSVK_CACHE_FP8, 16, 16, 0 };
    dsvk_pass    pass    = { .tokens = 2, .context = 64 };
    TRY(dsvk_graph_new(&g, life.device, &pass));
    dsvk_tensor latent = dsvk_graph_input(g, 2, 16), q = dsvk_graph_input(g, 2, 32);
    dsvk_graph_latents_write(g, &latents, latent, latent);
    dsvk_tensor y = dsvk_graph_attend(g, &latents, q, q, 2, 1);
    return dsvk_graph_compile(&life.attending, g, &y, 1);
}

static dsvk_status run(void)
{
    dsvk_status status;
    float       y[TOKENS * HIDDEN];
    TRY(dsvk_program_set(life.program, life.in, life.x));
    TRY(dsvk_program_set(life.program, life.to, life.route));
    TRY(dsvk_program_submit(life.program, NULL));
    TRY(dsvk_program_wait(life.program));
    TRY(dsvk_program_get(life.program, life.out, y));
    if (life.known)
        assert_memory_equal(y, life.y, sizeof y);
    memcpy(life.y, y, sizeof y);
    life.known = true;
    return DSVK_OK;
}

static void free_all(void)
{
    dsvk_program_free(life.program);
    dsvk_program_free(life.attending);
    for (size_t i = 0; i < 3; i++) {
        dsvk_weight_free(life.weights[i]);
        life.weights[i] = NULL;
    }
    life.program = life.attending = NULL;
    assert_int_equal(dsvk_device_bytes(life.device), 0);
}

static dsvk_status all(void)
{
    dsvk_status status = make_weights();
    if (status == DSVK_OK)
        status = make_program();
    if (status == DSVK_OK)
        status = make_attending();
    if (status == DSVK_OK)
        status = run();
    return status;
}

/* ---- one at a time ---- */

static void open_device(void)
{
    dsvk_allocator     allocator = fault_allocator(&life.memory, 0);
    dsvk_device_params params    = { .which     = getenv("DSVK_TEST_DEVICE"),
                                     .log       = { take_line, &life, DSVK_LOG_ERROR },
                                     .allocator = allocator };
    assert_int_equal(dsvk_device_open(&life.device, &params), DSVK_OK);
    life.errors = 0;
}

static void close_device(void)
{
    dsvk_device_close(life.device);
    assert_int_equal(life.memory.live, 0);
}

static void expect(dsvk_status got, dsvk_status wanted, unsigned nth)
{
    if (got != wanted || life.errors != (wanted != DSVK_OK))
        fail_msg("failure %u in %s: status %d, not %d, %u lines, the last is \"%s\"", nth,
                 fault_call(), (int)got, (int)wanted, life.errors, life.line);
    life.errors = 0;
}

static void memory_may_end(void **state)
{
    size_t nth = 0;
    (void)state;
    open_device();
    do {
        life.memory.calls   = 0;
        life.memory.fired   = false;
        life.memory.fail_at = ++nth;
        dsvk_status status  = all();
        life.memory.fail_at = 0;
        expect(status, life.memory.fired ? DSVK_NO_MEMORY : DSVK_OK, (unsigned)nth);
        free_all();
    } while (life.memory.fired && nth < MOST);
    print_message("  %zu allocations failed in turn\n", nth - 1);
    assert_in_range(nth, 50, MOST - 1);
    close_device();
}

static const struct sweep {
    VkResult    result;
    dsvk_status expected;
} sweeps[] = {
    { VK_ERROR_OUT_OF_DEVICE_MEMORY, DSVK_NO_VRAM },
    { VK_ERROR_OUT_OF_HOST_MEMORY, DSVK_NO_MEMORY },
    { VK_ERROR_DEVICE_LOST, DSVK_DEVICE_LOST },
};

/* The loss is only said, so that taking it back lets the sweep go on. */
static void sweep(const struct sweep *s, bool staged)
{
    unsigned nth = 0;
    open_device();
    struct dv_device *dev = life.device->dev;
    dev->unmapped         = staged;
    do {
        fault_arm(dev, ++nth, s->result);
        dsvk_status status = all();
        fault_disarm(dev);
        expect(status, fault_fired() ? s->expected : DSVK_OK, nth);
        assert_int_equal(dev->lost, status == DSVK_DEVICE_LOST);
        if (dev->lost && life.program) {
            assert_int_equal(dsvk_program_submit(life.program, NULL), DSVK_DEVICE_LOST);
            life.errors = 0;
        }
        free_all();
        dev->lost = false;
    } while (fault_fired() && nth < MOST);
    print_message("  %u calls failed in turn\n", nth - 1);
    assert_in_range(nth, 20, MOST - 1);
    close_device();
}

static void calls_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sweeps / sizeof *sweeps; i++) {
        sweep(&sweeps[i], false);
        sweep(&sweeps[i], true);
    }
}

/* ---- lost for good ---- */

/* What was on the device answers so, whether it has been recovered or not. */
static void expect_lost(void)
{
    dsvk_graph   *g;
    dsvk_program *other = NULL;
    if (life.program) {
        float y[TOKENS * HIDDEN];
        assert_int_equal(dsvk_program_submit(life.program, NULL), DSVK_DEVICE_LOST);
        assert_int_equal(dsvk_program_wait(life.program), DSVK_DEVICE_LOST);
        assert_int_equal(dsvk_program_get(life.program, life.out, y), DSVK_DEVICE_LOST);
        assert_int_equal(life.errors, 3);
    }
    life.errors = 0;
    if (!life.weights[0])
        return;
    assert_int_equal(dsvk_graph_new(&g, life.device, NULL), DSVK_OK);
    dsvk_tensor y = dsvk_graph_rms_norm(g, life.weights[0], dsvk_graph_input(g, 1, HIDDEN), 1e-6f);
    assert_int_equal(dsvk_graph_compile(&other, g, &y, 1), DSVK_DEVICE_LOST);
    assert_int_equal(life.errors, 1);
    life.errors = 0;
}

static bool lose_at(unsigned nth, bool late)
{
    open_device();
    life.device->dev->unmapped = true; /* more is submitted */
    fault_lose(life.device->dev, nth, late);
    dsvk_status status = all();
    bool        lost   = dsvk_device_is_lost(life.device);
    expect(status, lost ? DSVK_DEVICE_LOST : DSVK_OK, nth);
    if (lost) {
        expect_lost();
        if (nth % 2)
            free_all();
        assert_int_equal(dsvk_device_recover(life.device, NULL), DSVK_OK);
        expect_lost();
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(dsvk_weight_bytes(life.weights[i]), 0);
    }
    free_all();
    if (lost)
        expect(all(), DSVK_OK, nth);
    free_all();
    close_device();
    return lost;
}

static void a_lost_device_goes_on(void **state)
{
    unsigned nth = 1;
    (void)state;
    while (lose_at(nth, nth % 2) && nth < MOST)
        nth++;
    print_message("  lost at %u submissions in turn\n", nth - 1);
    assert_in_range(nth, 5, MOST - 1);
}

static int begin(void **state)
{
    (void)state;
    life.gate = matrix("F8_E4M3", WIDE, HIDDEN, EXPERTS, 0);
    life.up   = matrix("F8_E4M3", WIDE, HIDDEN, EXPERTS, 0);
    life.down = matrix("BF16", HIDDEN, WIDE, EXPERTS, 0);
    life.norm = matrix("F32", 0, HIDDEN, 0, 0);
    random_values(life.x, TOKENS * HIDDEN);
    for (uint32_t t = 0; t < TOKENS; t++) {
        float weights[TOP_K]          = { 0.75f, 0.25f };
        life.route[t * 2 * TOP_K]     = t % 2;
        life.route[t * 2 * TOP_K + 1] = 2 + t % 2;
        memcpy(&life.route[t * 2 * TOP_K + 2], weights, sizeof weights);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    matrix_done(&life.gate);
    matrix_done(&life.up);
    matrix_done(&life.down);
    matrix_done(&life.norm);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(memory_may_end),
                                        cmocka_unit_test(calls_may_fail),
                                        cmocka_unit_test(a_lost_device_goes_on) };
    return cmocka_run_group_tests_name("backend faults", tests, begin, end);
}
