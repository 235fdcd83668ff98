/* SPDX-License-Identifier: MIT */
/* Pipelines: what is refused before the driver sees it, which variant is chosen, and that each
 * compiles at every subgroup size. */
#include "test.h"

#include "base/size.h"
#include "kernel/coop.h"
#include "modules.h"
#include "support/device.h"
#include "support/fault.h"

static struct test_device t;

static int open_device(void **state)
{
    (void)state;
    return test_device_open(&t) ? 0 : -1;
}

static int close_device(void **state)
{
    (void)state;
    return test_teardown(test_device_close(&t));
}

static const struct dv_pipeline_params scale = { .module     = &module_scale,
                                                 .spec       = { 64, 3 },
                                                 .push_bytes = sizeof(struct scale_push) };

static void pipeline_is_made_once(void **state)
{
    struct dv_pipeline       *a, *b;
    struct dv_pipeline_params other = scale;
    (void)state;
    assert_int_equal(dv_pipeline_get(&a, t.dev, &scale), DSVK_OK);
    assert_int_equal(dv_pipeline_get(&b, t.dev, &scale), DSVK_OK);
    assert_ptr_equal(a, b);
    other.spec[1] = 4;
    assert_int_equal(dv_pipeline_get(&b, t.dev, &other), DSVK_OK);
    assert_ptr_not_equal(a, b);
}

static void expect_refusal(const struct dv_pipeline_params *params, dsvk_status status)
{
    struct dv_pipeline *pipeline;
    test_device_expect(&t);
    assert_int_equal(dv_pipeline_get(&pipeline, t.dev, params), status);
    assert_null(pipeline);
    assert_int_equal(test_device_expected(&t), 1);
}

static void pipeline_refuses_what_cannot_work(void **state)
{
    struct dv_pipeline_params params = scale;
    (void)state;
    params.push_bytes -= 4;
    expect_refusal(&params, DSVK_UNSUPPORTED);
    assert_string_equal(t.line,
                        "pipeline: scale: 20 bytes of push constants, its module declares 24");
    params         = scale;
    params.spec[0] = t.dev->caps.max_workgroup + 1;
    expect_refusal(&params, DSVK_UNSUPPORTED);
    params.spec[0] = 0;
    expect_refusal(&params, DSVK_BAD_ARGUMENT);
    params         = scale;
    params.spec[2] = 7;
    expect_refusal(&params, DSVK_BAD_ARGUMENT);
    assert_string_equal(t.line, "pipeline: scale: constant 2 is 7, its module has none of this id");
    params          = scale;
    params.subgroup = 3;
    expect_refusal(&params, DSVK_UNSUPPORTED);
    params.subgroup = 2 * t.dev->caps.subgroup_max;
    expect_refusal(&params, DSVK_UNSUPPORTED);
    params = (struct dv_pipeline_params){ .kernel = "no_such_kernel" };
    expect_refusal(&params, DSVK_UNSUPPORTED);
    params = (struct dv_pipeline_params){ 0 };
    expect_refusal(&params, DSVK_BAD_ARGUMENT);
}

static void pipeline_with_int64_needs_int64(void **state)
{
    struct dv_pipeline_params params = scale;
    struct dv_pipeline       *pipeline;
    bool                      int64 = t.dev->caps.int64;
    (void)state;
    params.module     = &module_scale_i64;
    t.dev->caps.int64 = false;
    expect_refusal(&params, DSVK_UNSUPPORTED);
    t.dev->caps.int64 = int64;
    if (int64)
        assert_int_equal(dv_pipeline_get(&pipeline, t.dev, &params), DSVK_OK);
}

/* The numbers that the shader declares: as those that its C file sets, small ones that fit.
 * The constant of local_size_x_id is 1 beside WORKGROUP, which has the same id and counts: with 1,
 * attend_heads would divide by 0, and such a module may end the driver's process. */
static void set_defaults(struct dv_pipeline_params *params)
{
    enum { OP_SPEC_CONSTANT = 50, OP_DECORATE = 71, SPEC_ID = 1, HEADER = 5 };
    const struct dv_spirv *m          = params->module;
    uint32_t               ids[65536] = { 0 }; /* 1 + the constant's id, by result */
    for (size_t at = HEADER; at < m->n_words; at += m->words[at] >> 16) {
        const uint32_t *i = m->words + at, op = i[0] & 0xffffu;
        if (op == OP_DECORATE && i[2] == SPEC_ID)
            ids[i[1]] = 1 + i[3];
        if (op == OP_SPEC_CONSTANT && ids[i[2]]) {
            uint32_t *value = &params->spec[ids[i[2]] - 1];
            *value          = dv_max(*value, i[3]);
        }
    }
}

/* What the n-th variant of a kernel is: all that the device can run, in the order of the table. */
static void variants_are_chosen_by_what_the_device_offers(void **state)
{
    struct dv_caps caps       = t.dev->caps;
    const char    *names[][2] = { { "attend_heads", "attend_heads" },
                                  { "attend_heads_i64", "attend_heads" } };
    (void)state;
    for (int int64 = 0; int64 <= (caps.int64 ? 1 : 0); int64++)
        for (uint32_t rank = 0; rank < 3; rank++) {
            struct dv_pipeline       *pipeline;
            struct dv_spirv_facts     facts;
            struct dv_pipeline_params params = { .module = find_module("attend_heads") };
            assert_true(dv_spirv_read(&facts, params.module->words, params.module->n_words));
            set_defaults(&params);
            params.module      = NULL;
            params.kernel      = "attend_heads";
            params.push_bytes  = facts.push_bytes;
            t.dev->caps.int64  = int64;
            t.dev->variant     = rank;
            dsvk_status status = dv_pipeline_get(&pipeline, t.dev, &params);
            t.dev->caps        = caps;
            t.dev->variant     = 0;
            assert_int_equal(status, DSVK_OK);
            assert_string_equal(pipeline->params.kernel, names[int64][rank < 1 ? 0 : 1]);
        }
}

static void every_subgroup_size_compiles(void **state)
{
    const struct dv_caps *caps = &t.dev->caps;
    (void)state;
    for (uint32_t size = caps->subgroup_min; size <= caps->subgroup_max; size *= 2) {
        struct dv_pipeline       *pipeline;
        struct dv_pipeline_params params = {
            .module = &module_subgroup, .spec = { 64 }, .push_bytes = 8, .subgroup = size
        };
        assert_int_equal(dv_pipeline_get(&pipeline, t.dev, &params), DSVK_OK);
    }
}

static void statistics_where_the_driver_has_them(void **state)
{
    struct dv_statistic *list;
    uint32_t             n;
    (void)state;
    assert_int_equal(dv_pipeline_statistics(&list, &n, t.dev, &scale), DSVK_OK);
    assert_true(t.dev->caps.executable_statistics == (n > 0));
    for (uint32_t i = 0; i < n; i++) {
        assert_true(list[i].name[0] != 0);
        print_message("  %s = %llu\n", list[i].name, (unsigned long long)list[i].value);
    }
    dv_free(&t.ctx, list);
}

/* Here and not in fault.c, since devices with statistics are those that only compile. */
static void statistics_may_fail_at_every_call(void **state)
{
    (void)state;
    for (unsigned nth = 1; nth < 50; nth++) {
        struct dv_statistic *list;
        uint32_t             n;
        test_device_expect(&t);
        fault_arm(t.dev, nth, VK_ERROR_OUT_OF_HOST_MEMORY);
        dsvk_status status = dv_pipeline_statistics(&list, &n, t.dev, &scale);
        bool        fired  = fault_fired();
        fault_disarm(t.dev);
        assert_int_equal(status, fired ? DSVK_NO_MEMORY : DSVK_OK);
        assert_int_equal(test_device_expected(&t), fired ? 1 : 0);
        assert_true(status == DSVK_OK || (list == NULL && n == 0));
        dv_free(&t.ctx, list);
        if (!fired)
            return;
    }
    fail();
}

static bool coop_params(struct dv_pipeline_params *params, const struct dv_caps *caps,
                        const char *kernel)
{
    struct dv_node latent = { .op = DV_OP_attend }, materialised = { .op = DV_OP_attend_heads };
    struct dv_coop_attend       attend;
    struct dv_coop_attend_heads heads;
    struct dv_coop_tile         tile;
    latent.attend.heads = 16, latent.attend.kv = 512, latent.attend.rope = 64;
    latent.attend.splits            = 1;
    materialised.attend_heads.heads = 16;
    materialised.attend_heads.nope = materialised.attend_heads.v_head = 128;
    materialised.attend_heads.rope                                    = 64;
    if (strcmp(kernel, "attend_coop") == 0) {
        if (!dv_coop_attend_of(&attend, caps, &latent, 64))
            return false;
        dv_coop_attend_pipeline(params, caps, &attend, DV_CACHE_BF16, &latent);
        return true;
    }
    if (strcmp(kernel, "attend_heads_coop") == 0) {
        if (!dv_coop_attend_heads_of(&heads, caps, &materialised, 64))
            return false;
        dv_coop_attend_heads_pipeline(params, caps, &heads, &materialised);
        return true;
    }
    if (!dv_coop_tile_of(&tile, caps, &(struct dv_coop_size){ 64, 64, 1 }))
        return false;
    dv_coop_pipeline(params, caps, kernel, &tile, DV_FORMAT_E4M3, false);
    return true;
}

/* Cooperative matrices must have a size that the device offers; false: it has none that is used. */
static bool set_coop(struct dv_pipeline_params *params)
{
    struct dv_pipeline_params sized;
    struct dv_caps            caps = t.dev->caps;
    caps.is_software               = false;
    if (!coop_params(&sized, &caps, params->module->name))
        return false;
    sized.module     = params->module;
    sized.push_bytes = params->push_bytes;
    *params          = sized;
    return true;
}

static void every_kernel_of_the_library_compiles(void **state)
{
    (void)state;
    for (const struct dv_spirv *module = dv_kernel_spirv; module->name; module++) {
        struct dv_spirv_facts facts;
        struct dv_pipeline   *pipeline;
        assert_true(dv_spirv_read(&facts, module->words, module->n_words));
        if (facts.needs & ~dv_caps_offers(&t.dev->caps))
            continue;
        struct dv_pipeline_params params = { .module = module, .push_bytes = facts.push_bytes };
        set_defaults(&params);
        if ((facts.needs & DV_NEED_COOPERATIVE_MATRIX) && !set_coop(&params))
            continue;
        assert_int_equal(dv_pipeline_get(&pipeline, t.dev, &params), DSVK_OK);
    }
}

static uint32_t count_pipelines(void)
{
    uint32_t n = 0;
    for (const struct dv_pipeline *p = t.dev->pipelines; p; p = p->next)
        n++;
    return n;
}

#define N_BATCH 9

/* Each twice but the last, none of them made before; `first` keeps batches apart. */
static void fill_batch(struct dv_pipeline_params params[N_BATCH], uint32_t first)
{
    for (uint32_t i = 0; i < N_BATCH; i++) {
        params[i]         = scale;
        params[i].spec[1] = first + i / 2;
    }
}

static void many_are_made_at_once(void **state)
{
    struct dv_pipeline_params params[N_BATCH];
    struct dv_pipeline       *pipeline;
    (void)state;
    fill_batch(params, 100);
    assert_int_equal(dv_pipeline_get(&pipeline, t.dev, &params[2]), DSVK_OK);
    uint32_t before = count_pipelines();
    assert_int_equal(dv_pipeline_make_all(t.dev, params, sizeof *params, N_BATCH, NULL), DSVK_OK);
    assert_int_equal(count_pipelines(), before + N_BATCH / 2);
    for (uint32_t i = 0; i < N_BATCH; i++)
        assert_int_equal(dv_pipeline_get(&pipeline, t.dev, &params[i]), DSVK_OK);
    assert_int_equal(dv_pipeline_make_all(t.dev, params, sizeof *params, 0, NULL), DSVK_OK);
    assert_int_equal(count_pipelines(), before + N_BATCH / 2);
}

static void one_of_many_may_be_impossible(void **state)
{
    struct dv_pipeline_params params[N_BATCH];
    (void)state;
    fill_batch(params, 200);
    params[5].push_bytes += 4;
    uint32_t before = count_pipelines();
    test_device_expect(&t);
    assert_int_equal(dv_pipeline_make_all(t.dev, params, sizeof *params, N_BATCH, NULL),
                     DSVK_UNSUPPORTED);
    assert_int_equal(test_device_expected(&t), 1);
    assert_int_equal(count_pipelines(), before);
}

/* On several threads, one line all the same; and the rest can be made afterwards. */
static void many_may_fail_at_every_call(void **state)
{
    unsigned nth;
    bool     fired = true;
    (void)state;
    for (nth = 1; fired && nth < 50; nth++) {
        struct dv_pipeline_params params[N_BATCH];
        fill_batch(params, 1000 * nth);
        test_device_expect(&t);
        fault_arm(t.dev, nth, VK_ERROR_OUT_OF_DEVICE_MEMORY);
        dsvk_status status = dv_pipeline_make_all(t.dev, params, sizeof *params, N_BATCH, NULL);
        fired              = fault_fired();
        fault_disarm(t.dev);
        assert_int_equal(status, fired ? DSVK_NO_VRAM : DSVK_OK);
        assert_int_equal(test_device_expected(&t), fired ? 1 : 0);
        assert_int_equal(dv_pipeline_make_all(t.dev, params, sizeof *params, N_BATCH, NULL),
                         DSVK_OK);
    }
    assert_int_equal(nth - 1, 2 * (N_BATCH / 2 + 1) + 1); /* a module and a pipeline of each */
}

int test_pipeline(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipeline_is_made_once),
        cmocka_unit_test(pipeline_refuses_what_cannot_work),
        cmocka_unit_test(pipeline_with_int64_needs_int64),
        cmocka_unit_test(variants_are_chosen_by_what_the_device_offers),
        cmocka_unit_test(every_subgroup_size_compiles),
        cmocka_unit_test(statistics_where_the_driver_has_them),
        cmocka_unit_test(statistics_may_fail_at_every_call),
        cmocka_unit_test(many_are_made_at_once),
        cmocka_unit_test(one_of_many_may_be_impossible),
        cmocka_unit_test(many_may_fail_at_every_call),
        cmocka_unit_test(every_kernel_of_the_library_compiles),
    };
    return cmocka_run_group_tests_name("pipeline", tests, open_device, close_device);
}
