/* SPDX-License-Identifier: MIT */
/* A session's edges: cancelling, a full context, bad tokens, two sessions at once, sampling. */
#include "model/support.h"

#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "support/device.h"

#define N 60

static struct subject subject;
static dsvk_model    *model;
static uint32_t       tokens[N];
static float         *expected; /* of the last of the tokens */

static int open_model(void **state)
{
    if (device_setup(state))
        return -1;
    subject_init(&subject, "moonlight");
    model = load(&subject, DSVK_MATH_F32, false);
    make_tokens(tokens, N, subject.vocab, 3);
    dsvk_session *s = session(model, N, 16, DSVK_CACHE_BF16);
    sync(s, tokens, N);
    expected = logits(s, subject.vocab);
    dsvk_session_free(s);
    return 0;
}

static int close_model(void **state)
{
    free(expected);
    dsvk_model_close(model);
    subject_done(&subject);
    return device_teardown(state);
}

static void expect_results(dsvk_session *s)
{
    float *row = logits(s, subject.vocab);
    assert_int_equal(dsvk_session_tokens(s), N);
    assert_memory_equal(row, expected, subject.vocab * sizeof *row);
    free(row);
}

struct progress {
    unsigned calls, cancel_at; /* from 1 */
    uint64_t done, total;
};

static bool report(void *user, uint64_t done, uint64_t total)
{
    struct progress *p = user;
    assert_true(p->calls ? done > p->done && total == p->total : done == 0);
    assert_true(done <= total);
    p->done  = done;
    p->total = total;
    return ++p->calls != p->cancel_at;
}

static void cancelled_sync_goes_on_where_it_was(void **state)
{
    (void)state;
    for (unsigned at = 1; at <= 4; at++) {
        struct progress p        = { .cancel_at = at };
        dsvk_progress   progress = { .report = report, .user = &p };
        dsvk_session   *s        = session(model, N, 16, DSVK_CACHE_BF16);
        expect_lines();
        assert_int_equal(dsvk_session_sync(s, tokens, N, &progress), DSVK_CANCELLED);
        assert_int_equal(expected_lines(), 0); /* somebody asked for it */
        assert_int_equal(p.total, N);
        assert_int_equal(dsvk_session_tokens(s), 16 * (at - 1));
        p = (struct progress){ 0 };
        assert_int_equal(dsvk_session_sync(s, tokens, N, &progress), DSVK_OK);
        assert_int_equal(p.calls, 6 - at); /* only what was left */
        assert_true(p.done == p.total && p.total == N - 16 * (at - 1));
        expect_results(s);
        dsvk_session_free(s);
    }
}

static void cancelled_load_can_be_repeated(void **state)
{
    dsvk_model *other;
    (void)state;
    assert_int_equal(dsvk_model_open(&other, &(dsvk_model_params){ .folder = subject.folder.path }),
                     DSVK_OK);
    uint64_t before = dsvk_device_bytes(device_under_test());
    for (unsigned at = 1; at <= 2; at++) {
        struct progress  p      = { .cancel_at = at };
        dsvk_load_params params = { .run.math = DSVK_MATH_F32,
                                    .progress = { .report = report, .user = &p } };
        expect_lines();
        dsvk_status status = dsvk_model_load(other, device_under_test(), &params);
        assert_int_equal(expected_lines(), 0);
        if (status == DSVK_OK)
            break; /* so small that it is not asked so often */
        assert_int_equal(status, DSVK_CANCELLED);
        assert_int_equal(dsvk_device_bytes(device_under_test()), before);
        assert_int_equal(dsvk_model_weight_bytes(other), 0);
    }
    if (dsvk_model_weight_bytes(other) == 0)
        assert_int_equal(dsvk_model_load(other, device_under_test(),
                                         &(dsvk_load_params){ .run.math = DSVK_MATH_F32 }),
                         DSVK_OK);
    dsvk_session *s = session(other, N, 16, DSVK_CACHE_BF16);
    sync(s, tokens, N);
    expect_results(s);
    dsvk_session_free(s);
    dsvk_model_close(other);
    assert_int_equal(dsvk_device_bytes(device_under_test()), before);
}

static void a_full_context_is_used_to_its_end(void **state)
{
    uint32_t      longer[N + 1] = { 0 };
    dsvk_session *s             = session(model, N, 16, DSVK_CACHE_BF16);
    (void)state;
    memcpy(longer, tokens, sizeof tokens);
    assert_int_equal(dsvk_session_context(s), N);
    sync(s, tokens, N);
    expect_lines();
    assert_int_equal(dsvk_session_sync(s, longer, N + 1, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(expected_lines(), 1);
    expect_results(s); /* still there */
    sync(s, tokens, N);
    expect_results(s);
    dsvk_session_free(s);
}

static void bad_tokens_change_nothing(void **state)
{
    uint32_t      bad[N];
    dsvk_session *s = session(model, N, 16, DSVK_CACHE_BF16);
    (void)state;
    sync(s, tokens, N);
    memcpy(bad, tokens, sizeof bad);
    for (unsigned i = 0; i < 3; i++) {
        bad[N / 2] = i == 0 ? subject.vocab : i == 1 ? UINT32_MAX : UINT32_MAX / 2 + 1;
        expect_lines();
        assert_int_equal(dsvk_session_sync(s, bad, N, NULL), DSVK_BAD_ARGUMENT);
        assert_int_equal(expected_lines(), 1);
        expect_results(s);
    }
    expect_lines();
    assert_int_equal(dsvk_session_sync(s, tokens, 0, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(expected_lines(), 1);
    expect_results(s);
    dsvk_session_free(s);
}

static void nothing_computed_has_no_results(void **state)
{
    dsvk_session *s   = session(model, N, 16, DSVK_CACHE_BF16);
    float        *row = malloc(subject.vocab * sizeof *row);
    uint32_t      token;
    (void)state;
    expect_lines();
    assert_int_equal(dsvk_session_argmax(s, &token), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_session_logits(s, row), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_session_sample(s, &(dsvk_sampling){ .temperature = 1 }, &token),
                     DSVK_BAD_ARGUMENT);
    assert_int_equal(expected_lines(), 3);
    free(row);
    dsvk_session_free(s);
}

static void sessions_of_one_model_do_not_meet(void **state)
{
    uint32_t      other[N];
    dsvk_session *a = session(model, N, 16, DSVK_CACHE_BF16);
    dsvk_session *b = session(model, N, 7, DSVK_CACHE_F32);
    dsvk_session *c = session(model, N, 7, DSVK_CACHE_F32);
    (void)state;
    make_tokens(other, N, subject.vocab, 4);
    for (size_t n = 4; n <= N; n += 8) {
        sync(a, tokens, n);
        sync(b, other, n);
    }
    sync(c, other, N);
    expect_results(a);
    float *of_b = logits(b, subject.vocab), *of_c = logits(c, subject.vocab);
    assert_memory_equal(of_b, of_c, subject.vocab * sizeof *of_b);
    expect_results(a);
    free(of_b);
    free(of_c);
    dsvk_session_free(b);
    expect_results(a);
    dsvk_session_free(a);
    dsvk_session_free(c);
}

static void generate(uint32_t *out, dsvk_session *s, const dsvk_sampling *sampling)
{
    memcpy(out, tokens, 10 * sizeof *out);
    for (size_t n = 10; n < N; n++) {
        sync(s, out, n);
        assert_int_equal(dsvk_session_sample(s, sampling, &out[n]), DSVK_OK);
        assert_true(out[n] < subject.vocab);
    }
}

static void sampling_can_be_repeated(void **state)
{
    uint32_t      first[N], again[N], other[N], greedy[N], argmax;
    dsvk_session *s = session(model, N, 16, DSVK_CACHE_BF16);
    (void)state;
    generate(first, s, &(dsvk_sampling){ .temperature = 0.8f, .top_p = 0.95f, .seed = 5 });
    generate(other, s, &(dsvk_sampling){ .temperature = 0.8f, .top_p = 0.95f, .seed = 6 });
    generate(again, s, &(dsvk_sampling){ .temperature = 0.8f, .top_p = 0.95f, .seed = 5 });
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    generate(greedy, s, &(dsvk_sampling){ .temperature = 1, .top_k = 1, .seed = 7 });
    for (size_t n = 10; n < N; n++) {
        sync(s, greedy, n);
        assert_int_equal(dsvk_session_argmax(s, &argmax), DSVK_OK);
        assert_int_equal(argmax, greedy[n]);
    }
    dsvk_session_free(s);
}

static void expect_chunk(dsvk_model *loaded, uint32_t context, uint32_t chunk)
{
    dsvk_session *s = session(loaded, context, 0, DSVK_CACHE_BF16);
    assert_int_equal(dsvk_session_chunk(s), chunk);
    dsvk_session_free(s);
}

/* 2,048 tokens with matrix units and f16 products, a context at most, and fewer where activations
 * took more than a quarter of the memory that is left. */
static void chunks_follow_the_device(void **state)
{
    struct dv_device *dev   = device_under_test()->dev;
    dsvk_model       *f16   = load(&subject, DSVK_MATH_F16, false);
    uint64_t          limit = dev->bytes_limit;
    (void)state;
    if (dev->caps.is_software)
        expect_chunk(f16, 4096, 256);
    device_as_hardware(true);
    expect_chunk(model, 4096, 256);
    expect_chunk(f16, 4096, device_has_matrix_units() ? 2048 : 256);
    expect_chunk(f16, 100, 100);
    if (device_has_matrix_units()) {
        expect_chunk(f16, 1000, 1000);
        dev->bytes_limit = dev->bytes_used + (UINT64_C(12) << 20);
        dsvk_session *s  = session(f16, 4096, 0, DSVK_CACHE_BF16);
        assert_in_range(dsvk_session_chunk(s), 256, 1024);
        dsvk_session_free(s);
        dev->bytes_limit = limit;
    }
    device_as_hardware(false);
    dsvk_model_close(f16);
}

static uint64_t played_budget;

static VKAPI_ATTR void VKAPI_CALL play_budget(VkPhysicalDevice                   physical,
                                              VkPhysicalDeviceMemoryProperties2 *memory)
{
    VkPhysicalDeviceMemoryBudgetPropertiesEXT *budget = memory->pNext;
    (void)physical;
    for (uint32_t i = 0; i < VK_MAX_MEMORY_HEAPS; i++)
        budget->heapBudget[i] = played_budget;
}

/* Planning says so, loading and a further session are refused with one line each. */
static void expect_no_room(dsvk_model *other, dsvk_device *device)
{
    dsvk_session *more;
    dsvk_plan     plan;

    played_budget = 4096;
    assert_int_equal(
        dsvk_model_plan(&plan, other, device, &(dsvk_plan_params){ .memory_limit = 0 }), DSVK_OK);
    assert_false(plan.fits);
    assert_int_equal(plan.device_limit, device->dev->bytes_used + 4096);
    expect_lines();
    assert_int_equal(dsvk_model_load(other, device, &(dsvk_load_params){ .run = { .chunk = 0 } }),
                     DSVK_NO_VRAM);
    assert_int_equal(expected_lines(), 1);
    expect_lines();
    assert_int_equal(dsvk_session_new(&more, model, &(dsvk_session_params){ .context = N }),
                     DSVK_NO_VRAM);
    assert_int_equal(expected_lines(), 1);
}

/* Other programs take memory while the device is open: what comes next is refused with a sentence,
 * what is there goes on, and all is well when they give it back. */
static void a_budget_that_shrinks_is_seen(void **state)
{
    dsvk_device             *device = device_under_test();
    struct dv_device        *dev    = device->dev;
    struct dv_device         kept   = *dev;
    struct dv_instance_table real   = dev->instance->vk;
    dsvk_session            *s      = session(model, N, 16, DSVK_CACHE_BF16);
    dsvk_model              *other;
    (void)state;
    assert_int_equal(dsvk_model_open(&other, &(dsvk_model_params){ .folder = subject.folder.path }),
                     DSVK_OK);
    dev->caps.memory_budget                                = true;
    dev->bytes_limit                                       = dev->bytes_budget;
    dev->instance->vk.vkGetPhysicalDeviceMemoryProperties2 = play_budget;

    expect_no_room(other, device);
    sync(s, tokens, N);
    expect_results(s);

    played_budget = UINT64_C(1) << 30;
    dsvk_session_free(s);
    s = session(model, N, 16, DSVK_CACHE_BF16);
    sync(s, tokens, N);
    expect_results(s);
    dsvk_session_free(s);
    assert_int_equal(dsvk_model_load(other, device, &(dsvk_load_params){ .run = { .chunk = 0 } }),
                     DSVK_OK);
    dsvk_model_close(other);
    dev->caps         = kept.caps;
    dev->bytes_limit  = kept.bytes_limit;
    dev->bytes_budget = kept.bytes_budget;
    dev->instance->vk = real;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancelled_sync_goes_on_where_it_was),
        cmocka_unit_test(cancelled_load_can_be_repeated),
        cmocka_unit_test(a_budget_that_shrinks_is_seen),
        cmocka_unit_test(a_full_context_is_used_to_its_end),
        cmocka_unit_test(bad_tokens_change_nothing),
        cmocka_unit_test(nothing_computed_has_no_results),
        cmocka_unit_test(sessions_of_one_model_do_not_meet),
        cmocka_unit_test(sampling_can_be_repeated),
        cmocka_unit_test(chunks_follow_the_device),
    };
    return test_result(cmocka_run_group_tests(tests, open_model, close_model));
}
