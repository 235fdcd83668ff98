/* SPDX-License-Identifier: MIT */
/* Dispatches, barriers, copies and fills, by what they leave in memory: an order that is not kept
 * would show as a wrong number. */
#include "test.h"

#include "modules.h"
#include "support/device.h"

#define N 5000u

static struct test_device  t;
static struct dv_buffer   *x, *y, *read; /* N words each; read is mapped */
static struct dv_commands *commands;

static int open_device(void **state)
{
    (void)state;
    if (!test_device_open(&t))
        return -1;
    return dv_buffer_new(&x, t.dev, N * 4, DV_MEMORY_DEVICE, "x") ||
           dv_buffer_new(&y, t.dev, N * 4, DV_MEMORY_DEVICE, "y") ||
           dv_buffer_new(&read, t.dev, N * 4, DV_MEMORY_READBACK, "read") ||
           dv_commands_new(&commands, t.dev);
}

static int close_device(void **state)
{
    (void)state;
    dv_commands_free(commands);
    dv_buffer_free(x);
    dv_buffer_free(y);
    dv_buffer_free(read);
    return test_teardown(test_device_close(&t));
}

static struct dv_pipeline *get_scale(const struct dv_spirv *module, uint32_t factor)
{
    struct dv_pipeline *pipeline = NULL;
    assert_int_equal(
        dv_pipeline_get(&pipeline, t.dev,
                        &(struct dv_pipeline_params){ .module     = module,
                                                      .spec       = { 64, factor },
                                                      .push_bytes = sizeof(struct scale_push) }),
        DSVK_OK);
    return pipeline;
}

/* Ends the recording with y copied to `read`, runs it and waits. */
static const uint32_t *run_and_read(void)
{
    uint64_t value;
    dv_commands_barrier_all(commands);
    dv_commands_copy(commands, y, 0, read, 0, N * 4);
    dv_commands_barrier_all(commands);
    assert_int_equal(dv_commands_end(commands), DSVK_OK);
    assert_int_equal(dv_stream_submit(t.stream, commands, &value), DSVK_OK);
    assert_int_equal(dv_stream_wait(t.stream, value, 0), DSVK_OK);
    return read->mapped;
}

static void check_scale(const struct dv_spirv *module)
{
    static uint32_t     data[N];
    struct scale_push   push     = { x->address, y->address, N, 7 };
    struct dv_pipeline *pipeline = get_scale(module, 5);
    for (uint32_t i = 0; i < N; i++)
        data[i] = i * 17;
    assert_int_equal(dv_stream_upload(t.stream, x, 0, data, sizeof data), DSVK_OK);
    assert_int_equal(dv_commands_begin(commands), DSVK_OK);
    fill(commands, y, 0, N * 4, 0xdeadbeef);
    dv_commands_barrier_all(commands);
    push.n = N - 3;
    dv_commands_dispatch(commands, pipeline, &push, 9, 1, 1);
    const uint32_t *result = run_and_read();
    for (uint32_t i = 0; i < N - 3; i++)
        assert_int_equal(result[i], i * 17 * 5 + 7);
    for (uint32_t i = N - 3; i < N; i++)
        assert_int_equal(result[i], 0xdeadbeef);
    assert_int_equal(commands->n_dispatches, 1);
    assert_int_equal(commands->n_barriers, 3);
}

static void dispatch_with_two_word_addresses(void **state)
{
    (void)state;
    check_scale(&module_scale);
}

static void dispatch_with_64_bit_addresses(void **state)
{
    (void)state;
    if (t.dev->caps.int64)
        check_scale(&module_scale_i64);
}

static void constants_are_found_by_their_ids(void **state)
{
    struct scale_push   push = { x->address, y->address, N, 0 };
    struct dv_pipeline *pipeline;
    (void)state;
    struct dv_pipeline_params params = { .module     = &module_scale,
                                         .spec       = { 32, 3 },
                                         .push_bytes = sizeof push };
    assert_int_equal(dv_pipeline_get(&pipeline, t.dev, &params), DSVK_OK);
    assert_int_equal(dv_commands_begin(commands), DSVK_OK);
    fill(commands, x, 0, N * 4, 11);
    dv_commands_barrier_all(commands);
    dv_commands_dispatch(commands, pipeline, &push, 4, 1, 1);
    assert_int_equal(run_and_read()[N - 1], 33);

    params.spec[5] = 100; /* EXTRA; ids 2 to 4 do not exist */
    params.spec[1] = 2;
    assert_int_equal(dv_pipeline_get(&pipeline, t.dev, &params), DSVK_OK);
    assert_int_equal(dv_commands_begin(commands), DSVK_OK);
    dv_commands_dispatch(commands, pipeline, &push, 4, 1, 1);
    assert_int_equal(run_and_read()[N - 1], 122);
}

static void barrier_orders_dispatches(void **state)
{
    struct scale_push   push     = { y->address, y->address, N, 1 };
    struct dv_pipeline *pipeline = get_scale(&module_scale, 2);
    uint32_t            expected = 1;
    (void)state;
    assert_int_equal(dv_commands_begin(commands), DSVK_OK);
    fill(commands, y, 0, N * 4, 1);
    dv_commands_barrier_all(commands);
    for (int i = 0; i < 40; i++) {
        push.add = (uint32_t)i;
        expected = expected * 2 + (uint32_t)i;
        dv_commands_dispatch(commands, pipeline, &push, 1 + (uint32_t)i % 7, 1, 1);
        dv_commands_barrier(commands);
    }
    const uint32_t *result = run_and_read();
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(result[i], expected);
    assert_int_equal(commands->n_dispatches, 40);
}

/* The second dispatch has as many groups as the first one wrote. */
static void indirect_dispatch_reads_what_a_kernel_wrote(void **state)
{
    struct dv_buffer   *counts;
    struct dv_pipeline *once = get_scale(&module_scale, 1);
    struct dv_pipeline *grow = once;
    (void)state;
    assert_int_equal(dv_buffer_new(&counts, t.dev, 64, DV_MEMORY_DEVICE, "counts"), DSVK_OK);
    struct scale_push write = { x->address, counts->address + 16, 3, 1 };
    struct scale_push use   = { x->address, y->address, N, 9 };
    assert_int_equal(dv_commands_begin(commands), DSVK_OK);
    fill(commands, x, 0, N * 4, 0);
    fill(commands, counts, 0, 64, 0);
    dv_commands_barrier_all(commands);
    dv_commands_dispatch(commands, once, &write, 1, 1, 1);
    dv_commands_barrier_all(commands);
    dv_commands_dispatch_indirect(commands, grow, &use, counts, 16);
    const uint32_t *result = run_and_read();
    assert_int_equal(result[0], 9);
    assert_int_equal(result[N - 1], 9);

    assert_int_equal(dv_commands_begin(commands), DSVK_OK);
    fill(commands, y, 0, N * 4, 1);
    dv_commands_barrier_all(commands);
    dv_commands_dispatch_indirect(commands, grow, &use, counts, 32); /* 0 groups */
    assert_int_equal(run_and_read()[0], 1);
    dv_buffer_free(counts);
}

static void submission_sees_earlier_ones(void **state)
{
    struct scale_push   push     = { y->address, y->address, N, 1 };
    struct dv_pipeline *pipeline = get_scale(&module_scale, 1);
    struct dv_commands *again;
    (void)state;
    assert_int_equal(dv_commands_new(&again, t.dev), DSVK_OK);
    assert_int_equal(dv_commands_begin(again), DSVK_OK);
    dv_commands_dispatch(again, pipeline, &push, 3, 1, 1);
    assert_int_equal(dv_commands_end(again), DSVK_OK);

    assert_int_equal(dv_commands_begin(commands), DSVK_OK);
    fill(commands, y, 0, N * 4, 100);
    assert_int_equal(dv_commands_end(commands), DSVK_OK);
    assert_int_equal(dv_stream_submit(t.stream, commands, NULL), DSVK_OK);
    for (int i = 0; i < 10; i++) /* recorded once, queued ten times */
        assert_int_equal(dv_stream_submit(t.stream, again, NULL), DSVK_OK);
    assert_int_equal(dv_stream_wait(t.stream, t.stream->submitted, 0), DSVK_OK);
    assert_int_equal(dv_commands_begin(commands), DSVK_OK);
    assert_int_equal(run_and_read()[N - 1], 110);
    dv_commands_free(again);
}

static void subgroup_sizes_are_what_was_asked(void **state)
{
    const struct dv_caps *caps = &t.dev->caps;
    (void)state;
    for (uint32_t size = caps->subgroup_min; size <= caps->subgroup_max; size *= 2) {
        struct dv_pipeline       *pipeline;
        struct dv_pipeline_params params = {
            .module = &module_subgroup, .spec = { 64 }, .push_bytes = 8, .subgroup = size
        };
        assert_int_equal(dv_pipeline_get(&pipeline, t.dev, &params), DSVK_OK);
        assert_int_equal(dv_commands_begin(commands), DSVK_OK);
        dv_commands_dispatch(commands, pipeline, &y->address, 2, 1, 1);
        const uint32_t *result = run_and_read();
        for (uint32_t i = 0; i < 128; i++)
            assert_int_equal(result[i], size);
    }
}

static void timestamps_grow(void **state)
{
    uint64_t            ns[3];
    struct scale_push   push     = { x->address, y->address, N, 1 };
    struct dv_pipeline *pipeline = get_scale(&module_scale, 1);
    (void)state;
    for (int round = 0; round < 2; round++) { /* the pool is used again */
        assert_int_equal(dv_commands_begin(commands), DSVK_OK);
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_equal(dv_commands_timestamp(commands, 3, i), DSVK_OK);
            dv_commands_dispatch(commands, pipeline, &push, 9, 1, 1);
            dv_commands_barrier(commands);
        }
        run_and_read();
        assert_int_equal(dv_commands_read_timestamps(commands, 3, ns), DSVK_OK);
        assert_true(t.dev->caps.timestamp_ns <= 0 || (ns[0] < ns[1] && ns[1] < ns[2]));
    }
    if (t.dev->caps.timestamp_ns <= 0)
        return;
    test_device_expect(&t);
    assert_int_equal(dv_commands_read_timestamps(commands, 4, (uint64_t[4]){ 0 }),
                     DSVK_BAD_ARGUMENT);
    assert_int_equal(test_device_expected(&t), 1);
}

int test_commands(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dispatch_with_two_word_addresses),
        cmocka_unit_test(dispatch_with_64_bit_addresses),
        cmocka_unit_test(constants_are_found_by_their_ids),
        cmocka_unit_test(barrier_orders_dispatches),
        cmocka_unit_test(indirect_dispatch_reads_what_a_kernel_wrote),
        cmocka_unit_test(submission_sees_earlier_ones),
        cmocka_unit_test(subgroup_sizes_are_what_was_asked),
        cmocka_unit_test(timestamps_grow),
    };
    return cmocka_run_group_tests_name("commands", tests, open_device, close_device);
}
