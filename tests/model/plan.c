/* SPDX-License-Identifier: MIT */
/* What is predicted from headers is what is allocated: for every made checkpoint, with all settings
 * that change it; and the least memory and the longest context that a plan names do work. */
#include "model/support.h"

#include <string.h>

#include "api/handles.h"

static dsvk_device *device(void)
{
    return device_under_test();
}

static dsvk_plan plan(const dsvk_model *model, const dsvk_plan_params *params)
{
    dsvk_plan made;
    assert_int_equal(dsvk_model_plan(&made, model, device(), params), DSVK_OK);
    return made;
}

static dsvk_model *open_only(const struct subject *subject)
{
    dsvk_model       *model;
    dsvk_model_params params = { .folder = subject->folder.path };
    assert_int_equal(dsvk_model_open(&model, &params), DSVK_OK);
    return model;
}

static uint64_t sum(const dsvk_plan_bytes *b)
{
    return b->attention + b->dense_ffn + b->shared_experts + b->routed_experts + b->embedding_head +
           b->norms_routers + b->alignment + b->expert_tables + b->latent_cache + b->activations +
           b->rope_table + b->arguments;
}

static dsvk_session *new_session(dsvk_model *model, const dsvk_run *run)
{
    dsvk_session       *s;
    dsvk_session_params params = { .context = run->context,
                                   .chunk   = run->chunk,
                                   .cache   = run->cache };
    assert_int_equal(dsvk_session_new(&s, model, &params), DSVK_OK);
    return s;
}

/* ---- equality ---- */

static const uint32_t   contexts[] = { 0, 1, 64, 65, 300 };
static const uint32_t   chunks[]   = { 0, 1, 7, 64 };
static const dsvk_cache caches[]   = { DSVK_CACHE_BF16, DSVK_CACHE_F32, DSVK_CACHE_FP8 };

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* `predicted` was made while the model was not loaded, `before` bytes were allocated then. */
static void expect_bytes(dsvk_model *model, const dsvk_run *run, const dsvk_plan *predicted,
                         uint64_t before)
{
    dsvk_session      *s = new_session(model, run);
    dsvk_session_stats stats;
    dsvk_session_stats_get(s, &stats);
    assert_int_equal(sum(&predicted->device), predicted->device_bytes);
    assert_int_equal(dsvk_session_context(s), predicted->context);
    assert_int_equal(dsvk_session_chunk(s), predicted->chunk);
    assert_int_equal(stats.cache_bytes, predicted->device.latent_cache);
    assert_int_equal(stats.arena_bytes, predicted->device.activations);
    assert_int_equal(dsvk_device_bytes(device()) - before, predicted->device_bytes);
    uint64_t              host  = 0;
    const struct dv_lane *lanes = s->session->runner->lanes;
    for (int i = 0; i < DV_N_LANES; i++)
        host += lanes[i].step->bytes + lanes[i].result->bytes;
    assert_int_equal(host, predicted->host_session);
    dsvk_session_free(s);
}

static void compare(const struct subject *subject, dsvk_math math, bool no_fuse)
{
    dsvk_plan made[COUNT(contexts)][COUNT(chunks)][COUNT(caches)];
    uint64_t  before = dsvk_device_bytes(device());
    /* All plans first: planning allocates nothing. */
    dsvk_model *model = open_only(subject);
    for (size_t i = 0; i < COUNT(contexts); i++)
        for (size_t j = 0; j < COUNT(chunks); j++)
            for (size_t k = 0; k < COUNT(caches); k++)
                made[i][j][k] = plan(model, &(dsvk_plan_params){ .run = { .math    = math,
                                                                          .no_fuse = no_fuse,
                                                                          .context = contexts[i],
                                                                          .chunk   = chunks[j],
                                                                          .cache   = caches[k] } });
    assert_int_equal(dsvk_device_bytes(device()), before);
    dsvk_model_close(model);
    model = load(subject, math, no_fuse);
    for (size_t i = 0; i < COUNT(contexts); i++)
        for (size_t j = 0; j < COUNT(chunks); j++)
            for (size_t k = 0; k < COUNT(caches); k++)
                expect_bytes(
                    model,
                    &(dsvk_run){ .context = contexts[i], .chunk = chunks[j], .cache = caches[k] },
                    &made[i][j][k], before);
    dsvk_model_close(model);
    assert_int_equal(dsvk_device_bytes(device()), before);
}

static void predicted_bytes_are_allocated(const struct subject *subject)
{
    compare(subject, DSVK_MATH_F32, false);
    compare(subject, DSVK_MATH_F16, false);
    compare(subject, DSVK_MATH_F32, true);
    device_as_hardware(true);
    compare(subject, DSVK_MATH_AUTO, false);
    device_as_hardware(false);
}

/* Passes of all kinds allocate nothing more. */
static void a_run_allocates_no_more(const struct subject *subject)
{
    uint32_t         tokens[150];
    uint64_t         before = dsvk_device_bytes(device());
    dsvk_plan_params params = { .run = { .math = DSVK_MATH_F32, .context = 200, .chunk = 64 } };
    dsvk_model      *model  = load(subject, params.run.math, false);
    dsvk_plan        made;
    dsvk_session    *s = new_session(model, &params.run);
    make_tokens(tokens, 150, subject->vocab, 5);
    for (size_t n = 0; n < 4; n++) {
        static const size_t ends[] = { 3, 5, 100, 101 };
        sync(s, tokens, ends[n]);
    }
    assert_int_equal(dsvk_model_plan(&made, model, device(), &params), DSVK_OK);
    assert_int_equal(dsvk_device_bytes(device()) - before, made.device_bytes);
    assert_int_equal(made.device_before, dsvk_device_bytes(device()));
    dsvk_session_free(s);
    dsvk_model_close(model);
}

/* ---- bounds ---- */

/* Loads and makes a session with this limit; OK only when the bytes are those of `predicted`. */
static dsvk_status try(const struct subject *subject, const dsvk_plan_params *params,
                       const dsvk_plan *predicted, uint64_t limit)
{
    struct dv_device *dev  = device()->dev;
    uint64_t          kept = dev->bytes_limit, before = dev->bytes_used;
    dsvk_model       *model = open_only(subject);
    dsvk_session     *s     = NULL;

    dsvk_session_params p = { .context = params->run.context,
                              .chunk   = params->run.chunk,
                              .cache   = params->run.cache };
    dsvk_session_stats  stats;
    dev->bytes_limit = limit;
    dsvk_status status =
        dsvk_model_load(model, device(), &(dsvk_load_params){ .run = params->run });
    if (status == DSVK_OK)
        status = dsvk_session_new(&s, model, &p);
    if (s) {
        dsvk_session_stats_get(s, &stats);
        assert_int_equal(dsvk_device_bytes(device()) - before, predicted->device_bytes);
        assert_int_equal(dsvk_session_context(s), predicted->context);
        assert_int_equal(dsvk_session_chunk(s), predicted->chunk);
        assert_int_equal(stats.arena_bytes, predicted->device.activations);
        if (predicted->experts_device < predicted->experts) {
            assert_int_equal(stats.expert_slots, predicted->experts_device);
            assert_int_equal(stats.host_experts, predicted->experts_host);
            assert_int_equal(stats.host_bytes, predicted->host_experts);
        } else {
            assert_int_equal(stats.expert_slots, 0);
        }
    }
    dsvk_session_free(s);
    dsvk_model_close(model);
    dev->bytes_limit = kept;
    return status;
}

static void expect_least(const struct subject *subject, const dsvk_plan_params *params)
{
    dsvk_model      *model = open_only(subject);
    dsvk_plan_params with  = *params;
    uint64_t         least = plan(model, params).least_bytes;
    with.memory_limit      = least;
    dsvk_plan made         = plan(model, &with);
    assert_true(made.fits);
    assert_true(made.device_before + made.device_bytes <= least);
    assert_int_equal(try(subject, &with, &made, least), DSVK_OK);
    with.memory_limit = least - 1;
    made              = plan(model, &with);
    assert_false(made.fits);
    assert_int_equal(made.least_bytes, least);
    expect_lines();
    assert_int_equal(try(subject, &with, &made, least - 1), DSVK_NO_VRAM);
    assert_int_equal(expected_lines(), 1);
    dsvk_model_close(model);
}

static void expect_layers(const dsvk_model *model, const dsvk_plan *made)
{
    dsvk_plan_layer layer;
    uint32_t        n = 0, device = 0, host = 0, disk = 0, moe = 0;
    for (; dsvk_model_plan_layer(&layer, model, made, n); n++) {
        device += layer.experts_device;
        host += layer.experts_host;
        disk += layer.experts_disk;
        moe += layer.moe;
        assert_true(layer.moe || layer.experts_device == 0);
    }
    assert_int_equal(n, made->layers);
    assert_int_equal(n - moe, made->dense_layers);
    assert_int_equal(device, made->experts_device);
    assert_int_equal(host, made->experts_host);
    assert_int_equal(disk, made->experts_disk);
}

/* Whatever the memory, what is chosen fits and is what a run takes, with experts in all places. */
static void expect_choices_that_fit(const struct subject *subject)
{
    dsvk_model *model = open_only(subject);
    uint64_t    least = plan(model, &(dsvk_plan_params){ 0 }).least_bytes;
    for (uint64_t more = 0; more < UINT64_C(32) << 20; more = more * 3 / 2 + 40000) {
        dsvk_plan_params params = { .memory_limit = least + more, .run.host_memory = more + 1 };
        dsvk_plan        made   = plan(model, &params);
        assert_true(made.fits);
        assert_int_equal(sum(&made.device), made.device_bytes);
        assert_true(made.device_before + made.device_bytes <= params.memory_limit);
        assert_int_equal(made.experts_device + made.experts_host + made.experts_disk, made.experts);
        expect_layers(model, &made);
        assert_int_equal(try(subject, &params, &made, params.memory_limit), DSVK_OK);
        if (made.largest_context == 0)
            continue; /* only with passes shorter than usual */
        params.run.context = made.largest_context;
        assert_true(plan(model, &params).fits);
    }
    dsvk_model_close(model);
}

static void bounds_are_exact(const struct subject *subject)
{
    expect_least(subject, &(dsvk_plan_params){ 0 });
    expect_least(subject,
                 &(dsvk_plan_params){ .run = { .context = 300, .cache = DSVK_CACHE_F32 } });
    expect_least(subject, &(dsvk_plan_params){ .run = { .context = 300, .chunk = 64 } });
    expect_choices_that_fit(subject);
}

static void plans_are_kept(void **state)
{
    struct subject subject;
    subject_init(&subject, *state);
    predicted_bytes_are_allocated(&subject);
    a_run_allocates_no_more(&subject);
    bounds_are_exact(&subject);
    subject_done(&subject);
}

int main(int argc, char **argv)
{
    return for_each_checkpoint(argc, argv, "plan", plans_are_kept);
}
