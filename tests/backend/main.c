/* SPDX-License-Identifier: MIT */
/* Operations of ours in another engine: on its device, its buffers and between its semaphores,
 * against the references of src/ref. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"

static void what_runs_is_told(void **state)
{
    struct lent             *l       = *state;
    static const char *const of[]    = { "F32", "F16", "BF16", "F8_E4M3", "INT4", "FP4" };
    static const char *const plain[] = { "rms_norm", "swiglu", "add", "router" };
    const dsvk_device       *d       = l->device;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        assert_true(dsvk_device_can(d, "matmul", of[i]) && dsvk_device_can(d, "experts", of[i]));
        assert_int_equal(dsvk_device_can(d, "rms_norm", of[i]), i == 0);
        assert_int_equal(dsvk_device_can(d, "attend", of[i]), i == 0 || i == 2);
    }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        assert_true(dsvk_device_can(d, plain[i], NULL) && !dsvk_device_can(d, plain[i], "FP8"));
    assert_true(dsvk_device_can(d, "attend", "FP8") && dsvk_device_can(d, "latents_write", NULL));
    assert_false(dsvk_device_can(d, "matmul", "I8") || dsvk_device_can(d, "matmul", "FP8") ||
                 dsvk_device_can(d, "conv", NULL) || dsvk_device_can(d, NULL, "F32") ||
                 dsvk_device_can(NULL, "matmul", "F32"));
}

/* ---- products on the engine's buffers ---- */

static const struct product {
    const char *dtype;
    uint32_t    tokens, rows, cols, block;
    bool        gated;
} products[] = {
    { "F32", 3, 40, 36, 0, false },       { "F16", 7, 100, 100, 0, false },
    { "BF16", 2, 203, 72, 0, false },     { "F8_E4M3", 1, 64, 256, 0, false },
    { "F8_E4M3", 9, 200, 200, 0, false }, { "F8_E4M3", 5, 72, 320, 16, false },
    { "F8_E4M3", 4, 36, 100, 12, false }, /* becomes F32 */
    { "INT4", 1, 64, 256, 0, false },     { "INT4", 7, 203, 200, 0, false },
    { "FP4", 4, 100, 320, 0, false },     { "F8_E4M3", 1, 64, 256, 0, true },
    { "INT4", 6, 72, 128, 0, true },
};

/* Between guards, in rows that are further apart than they are wide. */
struct spread {
    struct lent_buffer buffer;
    uint32_t           rows, cols, stride;
    uint64_t           offset;
};

static struct spread spread(struct lent *l, uint32_t rows, uint32_t cols, uint32_t apart)
{
    struct spread s = { .rows = rows, .cols = cols, .stride = (cols + 3) / 4 * 4 + apart };
    s.offset        = 64;
    s.buffer        = lent_buffer(l, 128 + (uint64_t)rows * s.stride * 4);
    return s;
}

static dsvk_place place_of(const struct spread *s, bool by_address)
{
    dsvk_place p = { .bytes = s->buffer.bytes - 64, .stride = s->stride };
    if (by_address)
        p.address = s->buffer.address + s->offset;
    else
        p.buffer = s->buffer.handle, p.offset = s->offset;
    return p;
}

/* What no row's groups of four have is NaN still. */
static void expect_guards(const struct spread *s)
{
    for (uint64_t i = 0; i < s->buffer.bytes / 4; i++) {
        uint64_t at     = i - s->offset / 4;
        bool     inside = i >= s->offset / 4 && at / s->stride < s->rows &&
                      at % s->stride < (s->cols + 3) / 4 * 4;
        if (!inside && !isnan(s->buffer.mapped[i]))
            fail_msg("word %llu was written", (unsigned long long)i);
    }
}

static void compare_product(const struct product *p, const struct matrix *m,
                            const struct matrix *up, const float *x, const struct spread *out)
{
    struct reference r;
    reference_begin(&r, p->tokens);
    dv_tensor rx = reference_input(&r, p->tokens, p->cols, x);
    dv_weight rw = reference_weight(&r, m, p->gated ? up : NULL);
    dv_tensor ry = p->gated ? dv_gated(r.g, rw, rx) : dv_matmul(r.g, rw, rx, 0);
    reference_run(&r);
    expect_close(&r, ry, out->buffer.mapped + 16, out->stride,
                 tolerance_of(p->cols) * (p->gated ? 2 : 1));
    reference_end(&r);
}

static dsvk_program *spread_product(struct lent *l, const struct product *p, dsvk_weight *w,
                                    const struct spread *in, const struct spread *out)
{
    dsvk_graph   *g;
    dsvk_program *program;
    assert_int_equal(
        dsvk_graph_new(&g, l->device, &(dsvk_pass){ .tokens = p->tokens, .math = DSVK_MATH_F32 }),
        DSVK_OK);
    dsvk_tensor a = dsvk_graph_input(g, p->tokens, p->cols), b = dsvk_graph_matmul(g, w, a);
    dsvk_place  from = place_of(in, false), to = place_of(out, true);
    dsvk_graph_place(g, a, &from);
    dsvk_graph_place(g, b, &to);
    assert_int_equal(dsvk_graph_compile(&program, g, NULL, 0), DSVK_OK);
    return program;
}

static void check_product(struct lent *l, const struct product *p)
{
    struct matrix m = matrix(p->dtype, p->rows, p->cols, 0, p->block), up = { 0 };
    struct spread in = spread(l, p->tokens, p->cols, 8), out = spread(l, p->tokens, p->rows, 4);
    dsvk_weight  *w;
    float        *x = calloc((size_t)p->tokens * p->cols, sizeof *x);
    if (p->gated)
        up = matrix(p->dtype, p->rows, p->cols, 0, p->block);
    assert_int_equal(dsvk_weight_new(&w, l->device, &m.m, p->gated ? &up.m : NULL), DSVK_OK);
    dsvk_program *program = spread_product(l, p, w, &in, &out);
    random_values(x, (size_t)p->tokens * p->cols);
    for (uint32_t t = 0; t < p->tokens; t++)
        memcpy(in.buffer.mapped + 16 + (size_t)t * in.stride, x + (size_t)t * p->cols, p->cols * 4);
    assert_int_equal(dsvk_program_submit(program, NULL), DSVK_OK);
    assert_int_equal(dsvk_program_wait(program), DSVK_OK);
    compare_product(p, &m, &up, x, &out);
    expect_guards(&in);
    expect_guards(&out);
    lent_expect(l, NULL);
    dsvk_program_free(program);
    dsvk_weight_free(w);
    lent_buffer_free(l, &in.buffer);
    lent_buffer_free(l, &out.buffer);
    matrix_done(&m);
    matrix_done(&up);
    free(x);
}

static void products_are_right(void **state)
{
    for (size_t i = 0; i < sizeof products / sizeof *products; i++)
        check_product(*state, &products[i]);
    assert_int_equal(dsvk_device_bytes(((struct lent *)*state)->device), 0);
}

/* ---- between semaphores ---- */

#define TOKENS 5
#define WIDE 96
#define HIGH 64

/* The engine's buffers: on the way in, for the product, on the way out. */
struct way {
    struct lent_buffer x, in, out, y;
    struct lent_copy   first, last;
};

static void submit_between(struct lent *l, dsvk_program *program, uint64_t wait, uint64_t signal)
{
    dsvk_semaphore  before = { l->timeline, wait }, after = { l->timeline, signal };
    dsvk_semaphores both = { &before, 1, &after, 1 };
    assert_int_equal(dsvk_program_submit(program, &both), DSVK_OK);
}

/* All is queued, and nothing of it may begin yet: what is first waits as well. */
static void queue_all(struct lent *l, struct way *w, dsvk_program *program)
{
    unsigned locks = l->app.locks;
    submit_between(l, program, 1, 2); /* of what is in the buffer before */
    lent_copy(l, &w->first);
    submit_between(l, program, 3, 4);
    lent_copy(l, &w->last);
    assert_int_equal(l->app.locks - locks, 4);
    VkSemaphoreWaitInfo ends = { .sType          = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                 .semaphoreCount = 1,
                                 .pSemaphores    = &l->timeline,
                                 .pValues        = &(uint64_t){ 2 } };
    /* However long: one that did not wait would have ended by then. */
    assert_int_equal(l->WaitSemaphores(l->app.device, &ends, 200000000), VK_TIMEOUT);
    assert_true(isnan(w->in.mapped[0]));
}

static void compare_way(const struct way *w, const struct matrix *m)
{
    struct reference r;
    reference_begin(&r, TOKENS);
    dv_tensor rx = reference_input(&r, TOKENS, WIDE, w->x.mapped);
    dv_tensor ry = dv_matmul(r.g, reference_weight(&r, m, NULL), rx, 0);
    reference_run(&r);
    expect_close(&r, ry, w->y.mapped, HIGH, tolerance_of(WIDE));
    reference_end(&r);
}

/* The engine copies x in, ours multiplies twice, the engine copies y out: the host waits once, at
 * the end. */
static void the_host_waits_once(void **state)
{
    struct lent  *l = *state;
    struct matrix m = matrix("F8_E4M3", HIGH, WIDE, 0, 0);
    struct way    w = { .x   = lent_buffer(l, TOKENS * WIDE * 4),
                        .in  = lent_buffer(l, TOKENS * WIDE * 4),
                        .out = lent_buffer(l, TOKENS * HIGH * 4),
                        .y   = lent_buffer(l, TOKENS * HIGH * 4) };
    dsvk_weight  *weight;
    w.first = (struct lent_copy){ &w.x, &w.in, w.x.bytes, .wait = 2, .signal = 3 };
    w.last  = (struct lent_copy){ &w.out, &w.y, w.y.bytes, .wait = 4, .signal = 5 };
    random_values(w.x.mapped, TOKENS * WIDE);
    assert_int_equal(dsvk_weight_new(&weight, l->device, &m.m, NULL), DSVK_OK);
    dsvk_program *program = backend_product(l, weight, TOKENS, WIDE, &w.in, &w.out);
    queue_all(l, &w, program);
    VkSemaphoreSignalInfo begins = { .sType     = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
                                     .semaphore = l->timeline,
                                     .value     = 1 };
    assert_int_equal(l->SignalSemaphore(l->app.device, &begins), VK_SUCCESS);
    lent_wait(l, 5);
    compare_way(&w, &m);
    dsvk_program_free(program);
    dsvk_weight_free(weight);
    lent_copy_free(l, &w.first);
    lent_copy_free(l, &w.last);
    struct lent_buffer *all[] = { &w.x, &w.in, &w.out, &w.y };
    for (size_t i = 0; i < 4; i++)
        lent_buffer_free(l, all[i]);
    matrix_done(&m);
}

dsvk_program *backend_product(struct lent *l, dsvk_weight *w, uint32_t tokens, uint32_t cols,
                              const struct lent_buffer *in, const struct lent_buffer *out)
{
    dsvk_graph   *g;
    dsvk_program *program;
    assert_int_equal(
        dsvk_graph_new(&g, l->device, &(dsvk_pass){ .tokens = tokens, .math = DSVK_MATH_F32 }),
        DSVK_OK);
    dsvk_tensor x = dsvk_graph_input(g, tokens, cols), y = dsvk_graph_matmul(g, w, x);
    dsvk_graph_place(g, x, &(dsvk_place){ .buffer = in->handle, .bytes = in->bytes });
    dsvk_graph_place(g, y, &(dsvk_place){ .buffer = out->handle, .bytes = out->bytes });
    assert_int_equal(dsvk_graph_compile(&program, g, NULL, 0), DSVK_OK);
    return program;
}

static int begin(void **state)
{
    static struct lent l;
    lent_open(&l, NULL);
    *state = &l;
    return 0;
}

static int end(void **state)
{
    lent_close(*state);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(what_runs_is_told),    TEST(products_are_right),        TEST(the_host_waits_once),
        TEST(experts_are_right),    TEST(graphs_are_right),          TEST(attention_is_right),
        TEST(threads_take_turns),   TEST(bad_weights_are_refused),   TEST(bad_graphs_are_refused),
        TEST(bad_runs_are_refused), TEST(all_is_freed_in_any_order),
    };
    return cmocka_run_group_tests_name("backend", tests, NULL, NULL);
}
