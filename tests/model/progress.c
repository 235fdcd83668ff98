/* SPDX-License-Identifier: MIT */
/* Progress of all that takes long: the first call has done nothing, the last one all, and none goes
 * back. Who refuses the first call is cancelled, who refuses the last is not. */
#include "model/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "support/device.h"

#define CONTEXT 256
#define N 200
#define NEVER UINT64_MAX

static struct subject subject;
static dsvk_model    *model;
static uint32_t       tokens[N];

struct told {
    uint64_t first, last, total, calls;
    bool     went_back, total_changed, ended; /* `ended`: a call with all done was not the last */
    bool     refuse_first, refuse_last;
};

static bool tell(void *user, uint64_t done, uint64_t total)
{
    struct told *t = user;
    assert_true(done <= total && total > 0);
    if (t->calls++ == 0)
        t->first = done;
    else
        t->went_back |= done < t->last;
    t->total_changed |= t->calls > 1 && total != t->total && t->last > 0;
    t->ended |= t->calls > 1 && t->last == t->total && done < total;
    t->last  = done;
    t->total = total;
    return !(t->refuse_first && done == 0) && !(t->refuse_last && done == total);
}

static void expect_whole(const struct told *t, uint64_t least_calls)
{
    assert_in_range(t->calls, least_calls, NEVER);
    assert_int_equal(t->first, 0);
    assert_int_equal(t->last, t->total);
    assert_false(t->went_back || t->total_changed || t->ended);
}

/* `work` is the same again each time. */
static void expect_progress(dsvk_status (*work)(const dsvk_progress *), uint64_t least_calls)
{
    struct told   t        = { 0 };
    dsvk_progress progress = { .report = tell, .user = &t };
    assert_int_equal(work(&progress), DSVK_OK);
    expect_whole(&t, least_calls);

    t = (struct told){ .refuse_last = true };
    assert_int_equal(work(&progress), DSVK_OK);
    expect_whole(&t, least_calls);

    t = (struct told){ .refuse_first = true };
    assert_int_equal(work(&progress), DSVK_CANCELLED);
    assert_int_equal(t.calls, 1);
    assert_int_equal(t.last, 0);
}

/* ---- a device of its own ---- */

static dsvk_device *open_device(uint64_t memory)
{
    dsvk_device       *device;
    dsvk_device_params params = { .which = getenv("DSVK_TEST_DEVICE"), .memory_limit = memory };
    assert_int_equal(dsvk_device_open(&device, &params), DSVK_OK);
    return device;
}

static dsvk_status load_on(dsvk_model **out, dsvk_device *device, const dsvk_progress *progress)
{
    dsvk_load_params params = { .run = { .context = CONTEXT } };
    if (progress)
        params.progress = *progress;
    assert_int_equal(dsvk_model_open(out, &(dsvk_model_params){ .folder = subject.folder.path }),
                     DSVK_OK);
    return dsvk_model_load(*out, device, &params);
}

/* ---- compiling ---- */

static bool at_once; /* as drivers do that compile while pipelines are made */

/* On a device that has no pipelines yet. */
static dsvk_status compile(const dsvk_progress *progress)
{
    dsvk_session       *s;
    dsvk_model         *m;
    dsvk_device        *device = open_device(0);
    dsvk_session_params params = { .context = CONTEXT, .chunk = 64 };
    if (progress)
        params.compiling = *progress;
    device->dev->caps.compiles_late &= !at_once;
    assert_int_equal(load_on(&m, device, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_new(&s, m, &params), DSVK_OK);
    dsvk_status status = dsvk_session_sync(s, tokens, 2, NULL);
    dsvk_session_free(s);
    dsvk_model_close(m);
    dsvk_device_close(device);
    return status;
}

static void compiling(void **state)
{
    (void)state;
    at_once = false;
    expect_progress(compile, 5);
    at_once = true;
    expect_progress(compile, 3);
}

/* ---- passes ---- */

static dsvk_status evaluate(const dsvk_progress *progress)
{
    dsvk_session *s      = session(model, CONTEXT, 32, DSVK_CACHE_BF16);
    dsvk_status   status = dsvk_session_sync(s, tokens, N, progress);
    dsvk_session_free(s);
    return status;
}

static dsvk_status evaluate_rest(const dsvk_progress *progress)
{
    dsvk_session *s = session(model, CONTEXT, 32, DSVK_CACHE_BF16);
    sync(s, tokens, N - 60);
    dsvk_status status = dsvk_session_sync(s, tokens, N, progress);
    dsvk_session_free(s);
    return status;
}

static dsvk_status evaluate_last(const dsvk_progress *progress)
{
    dsvk_session *s = session(model, CONTEXT, 32, DSVK_CACHE_BF16);
    sync(s, tokens, N);
    dsvk_status status = dsvk_session_sync(s, tokens, N, progress);
    dsvk_session_free(s);
    return status;
}

static dsvk_status score_all(const dsvk_progress *progress)
{
    dsvk_session *s      = session(model, CONTEXT, 32, DSVK_CACHE_BF16);
    dsvk_status   status = dsvk_session_score(s, tokens, N, NULL, progress);
    dsvk_session_free(s);
    return status;
}

static void evaluating(void **state)
{
    (void)state;
    expect_progress(evaluate, 8);
    expect_progress(evaluate_rest, 3);
    expect_progress(evaluate_last, 2);
    expect_progress(score_all, 8);
}

/* ---- files ---- */

static char kept[96];

static dsvk_status save(const dsvk_progress *progress)
{
    dsvk_session *s = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    sync(s, tokens, N);
    dsvk_status status = dsvk_session_save(s, kept, progress);
    dsvk_session_free(s);
    return status;
}

static dsvk_status load_kept(const dsvk_progress *progress)
{
    dsvk_session *s      = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    dsvk_status   status = dsvk_session_load(s, kept, NULL, 0, progress);
    dsvk_session_free(s);
    return status;
}

/* All that the file has is there already. */
static dsvk_status load_nothing(const dsvk_progress *progress)
{
    dsvk_session *s = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    sync(s, tokens, N);
    dsvk_status status = dsvk_session_load(s, kept, tokens, N, progress);
    dsvk_session_free(s);
    return status;
}

/* Nothing of it is wanted. */
static dsvk_status load_none(const dsvk_progress *progress)
{
    uint32_t      other[1] = { tokens[0] + 1 };
    dsvk_session *s        = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    dsvk_status   status   = dsvk_session_load(s, kept, other, 1, progress);
    dsvk_session_free(s);
    return status;
}

static void saving_and_loading_sessions(void **state)
{
    (void)state;
    expect_progress(save, 3);
    expect_progress(load_kept, 3);
    expect_progress(load_nothing, 2);
    expect_progress(load_none, 2);
    remove(kept);
}

/* ---- models ---- */

static dsvk_status load_model(uint64_t memory, const dsvk_progress *progress)
{
    dsvk_model  *m;
    dsvk_device *device = open_device(memory);
    dsvk_status  status = load_on(&m, device, progress);
    dsvk_model_close(m);
    dsvk_device_close(device);
    return status;
}

static dsvk_status load_all(const dsvk_progress *progress)
{
    return load_model(0, progress);
}

/* Some experts go to host memory. */
static dsvk_status load_in_tiers(const dsvk_progress *progress)
{
    dsvk_plan        plan;
    dsvk_plan_params params = { .run = { .context = CONTEXT } };
    assert_int_equal(dsvk_model_plan(&plan, model, device_under_test(), &params), DSVK_OK);
    uint64_t least = plan.least_bytes - plan.device_before;
    assert_true(least < plan.device_bytes);
    return load_model((least + plan.device_bytes) / 2, progress);
}

static void loading(void **state)
{
    (void)state;
    expect_progress(load_all, 2);
    expect_progress(load_in_tiers, 3);
}

/* Two models, that load one after the other. */
static dsvk_status recover(const dsvk_progress *progress)
{
    dsvk_model         *m[2];
    dsvk_device        *device = open_device(0);
    dsvk_recover_params params = { 0 };
    if (progress)
        params.progress = *progress;
    for (int i = 0; i < 2; i++)
        assert_int_equal(load_on(&m[i], device, NULL), DSVK_OK);
    device->dev->lost  = true;
    dsvk_status status = dsvk_device_recover(device, &params);
    for (int i = 0; i < 2; i++)
        dsvk_model_close(m[i]);
    dsvk_device_close(device);
    return status;
}

static void recovering(void **state)
{
    (void)state;
    expect_progress(recover, 3);
}

static dsvk_status quantize(const dsvk_progress *progress)
{
    struct dv_folder target;
    snprintf(target.path, sizeof target.path, "%.57s-int4", subject.folder.path);
    dsvk_status status = dsvk_model_quantize(model, target.path, DSVK_WEIGHTS_INT4, progress);
    if (status == DSVK_OK)
        dv_folder_done(&target);
    return status;
}

static void quantizing(void **state)
{
    (void)state;
    expect_progress(quantize, 3);
}

static int open_all(void **state)
{
    if (device_setup(state))
        return -1;
    subject_init(&subject, "v2lite");
    snprintf(kept, sizeof kept, "%s/kept", subject.folder.path);
    model = load(&subject, DSVK_MATH_F32, false);
    make_tokens(tokens, N, subject.vocab, 3);
    return 0;
}

static int close_all(void **state)
{
    dsvk_model_close(model);
    subject_done(&subject);
    return device_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluating), cmocka_unit_test(saving_and_loading_sessions),
        cmocka_unit_test(loading),    cmocka_unit_test(quantizing),
        cmocka_unit_test(recovering), cmocka_unit_test(compiling),
    };
    return test_result(cmocka_run_group_tests(tests, open_all, close_all));
}
