/* SPDX-License-Identifier: MIT */
/* A run is checked in one place: each value that is in no range gets the same status and the same
 * sentence from loading, planning and a session, before a device is asked for anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/handles.h"
#include "planner/ledger.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

struct fault {
    dsvk_run    run;
    bool        of_session; /* a session chooses it, too */
    const char *says;
};

static const struct fault faults[] = {
    { { .math = (dsvk_math)3 }, false, "run: no such math" },
    { { .math = (dsvk_math)-1 }, false, "run: no such math" },
    { { .weights = (dsvk_weights)5 }, false, "run: no such format of weights" },
    { { .weights = (dsvk_weights)-1 }, false, "run: no such format of weights" },
    { { .head = (dsvk_head)3 }, false, "run: no such format of the head" },
    { { .head = (dsvk_head)-1 }, false, "run: no such format of the head" },
    { { .cache = (dsvk_cache)3 }, true, "run: no such cache format" },
    { { .cache = (dsvk_cache)-1 }, true, "run: no such cache format" },
    { { .context = 163841 },
      true,
      "run: a context of 163841 tokens, but the model's limit is 163840" },
    { { .context = UINT32_MAX },
      true,
      "run: a context of 4294967295 tokens, but the model's limit is 163840" },
    { { .chunk = 4097 }, true, "run: chunks of 4097 tokens, at most 4096" },
    { { .chunk = UINT32_MAX }, true, "run: chunks of 4294967295 tokens, at most 4096" },
    /* Of two faults the first is told. */
    { { .math = (dsvk_math)77, .chunk = 5000 }, false, "run: no such math" },
};

struct said {
    uint32_t n;
    char     line[200];
};

static void note(void *user, dsvk_log_level level, const char *line)
{
    struct said *said = user;
    assert_int_equal(level, DSVK_LOG_ERROR);
    said->n++;
    assert_true(strlen(line) < sizeof said->line);
    strcpy(said->line, line);
}

static void expect_fault(struct said *said, dsvk_status status, const struct fault *fault)
{
    assert_int_equal(status, DSVK_BAD_ARGUMENT);
    assert_int_equal(said->n, 1);
    assert_string_equal(said->line, fault->says);
    *said = (struct said){ 0 };
}

static void faults_are_told_alike_by_all(void **state)
{
    struct said       said   = { 0 };
    struct dv_device  dev    = { .caps = dv_ledger_usual_card };
    dsvk_device       device = { .dev = &dev };
    dsvk_model       *model;
    dsvk_model_params params = { .like = "v3", .log = { note, &said, DSVK_LOG_INFO } };
    (void)state;
    assert_int_equal(dsvk_model_open(&model, &params), DSVK_OK);
    for (size_t i = 0; i < COUNT(faults); i++) {
        const struct fault *f = &faults[i];
        dsvk_plan           plan;
        dsvk_session       *session;
        dsvk_plan_params    asked = { .run = f->run };
        expect_fault(&said, dsvk_model_plan(&plan, model, &device, &asked), f);
        asked.memory_limit = UINT64_C(1) << 40;
        expect_fault(&said, dsvk_model_plan(&plan, model, NULL, &asked), f);
        expect_fault(&said, dsvk_model_load(model, &device, &(dsvk_load_params){ .run = f->run }),
                     f);
        assert_null(model->weights);
        if (!f->of_session)
            continue;
        model->weights = (struct dv_weights *)&said; /* as if it were loaded: nobody looks */
        model->device  = &device;
        atomic_store(&model->loaded, true);
        expect_fault(&said,
                     dsvk_session_new(&session, model,
                                      &(dsvk_session_params){ .context = f->run.context,
                                                              .chunk   = f->run.chunk,
                                                              .cache   = f->run.cache }),
                     f);
        assert_null(session);
        model->weights = NULL;
        model->device  = NULL;
        atomic_store(&model->loaded, false);
    }
    dsvk_model_close(model);
}

/* The largest values that are in range, and what the smallest mean. */
static void what_is_asked_for_is_set_up(void **state)
{
    static const enum dv_cache_format caches[] = { [DSVK_CACHE_BF16] = DV_CACHE_BF16,
                                                   [DSVK_CACHE_F32]  = DV_CACHE_F32,
                                                   [DSVK_CACHE_FP8]  = DV_CACHE_FP8 };
    struct dv_config                  config   = { .max_context = 5000 };
    struct dv_context                 ctx      = { 0 };
    const struct dv_caps             *card     = &dv_ledger_usual_card;
    struct dv_caps                    plain    = { 0 };
    struct dv_setup                   setup;
    (void)state;
    for (int cache = DSVK_CACHE_BF16; cache <= DSVK_CACHE_FP8; cache++) {
        dsvk_run run = { .math    = DSVK_MATH_F16,
                         .no_fuse = true,
                         .context = 5000,
                         .chunk   = DSVK_MAX_CHUNK,
                         .cache   = (dsvk_cache)cache };
        assert_int_equal(dv_setup_make(&setup, &ctx, &config, &plain, &run), DSVK_OK);
        assert_true(setup.math_f16 && setup.round_f16 && setup.no_fuse);
        assert_int_equal(setup.context, 5000);
        assert_int_equal(setup.chunk, 4096);
        assert_int_equal(setup.cache, caches[cache]);
        run.context = 100;
        assert_int_equal(dv_setup_make(&setup, &ctx, &config, &plain, &run), DSVK_OK);
        assert_int_equal(setup.chunk, 100);
    }
    assert_int_equal(dv_setup_make(&setup, &ctx, &config, card, &(dsvk_run){ 0 }), DSVK_OK);
    assert_true(setup.math_f16 && !setup.round_f16 && !setup.no_fuse); /* it has matrix units */
    assert_int_equal(setup.context + setup.chunk, 0);
    assert_int_equal(dv_setup_make(&setup, &ctx, &config, &plain, &(dsvk_run){ 0 }), DSVK_OK);
    assert_false(setup.math_f16 || setup.round_f16);
    dsvk_run f32 = { .math = DSVK_MATH_F32 };
    assert_int_equal(dv_setup_make(&setup, &ctx, &config, card, &f32), DSVK_OK);
    assert_false(setup.math_f16 || setup.round_f16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_are_told_alike_by_all),
        cmocka_unit_test(what_is_asked_for_is_set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
