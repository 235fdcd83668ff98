/* SPDX-License-Identifier: MIT */
/* What is out of its range is refused by every call that takes it, in one sentence, and leaves all
 * as it was. */
#include "answer.h"
#include "demo.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct demo     demo;  /* loaded */
static dsvk_model     *other; /* not loaded */
static dsvk_session   *session;
static struct demo_log messages;
static char            line[512];

static void keep(void *user, dsvk_log_level level, const char *text)
{
    struct demo_log *log = user;
    log->errors += level == DSVK_LOG_ERROR;
    snprintf(line, sizeof line, "%s", text);
}

static int open_all(void **state)
{
    dsvk_log          log    = { .write = keep, .user = &messages, .level = DSVK_LOG_WARN };
    dsvk_model_params params = { .folder = DSVK_DEMO, .log = log };
    (void)state;
    assert_int_equal(dsvk_model_open(&demo.model, &params), DSVK_OK);
    assert_int_equal(dsvk_model_open(&other, &params), DSVK_OK);
    assert_int_equal(dsvk_device_open(&demo.device, &(dsvk_device_params){ .log = log }), DSVK_OK);
    assert_int_equal(dsvk_model_load(demo.model, demo.device, NULL), DSVK_OK);
    assert_int_equal(
        dsvk_session_new(&session, demo.model, &(dsvk_session_params){ .context = 64 }), DSVK_OK);
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    dsvk_session_free(session);
    dsvk_model_close(other);
    demo_close(&demo);
    return 0;
}

static void expect_refused(dsvk_status status, unsigned errors, const char *says)
{
    if (status != DSVK_BAD_ARGUMENT || messages.errors != errors + 1 || !strstr(line, says))
        fail_msg("status %d, %u sentences, the last is '%s', not '%s'", (int)status,
                 messages.errors - errors, line, says);
    assert_int_equal(dsvk_session_tokens(session), N_QUESTION);
}

/* ---- runs: loading, planning and sessions ---- */

static const struct {
    dsvk_run    run;
    const char *says;
} runs[] = {
    { { .math = (dsvk_math)77 }, "run: no such math" },
    { { .math = (dsvk_math)-1 }, "run: no such math" },
    { { .weights = (dsvk_weights)77 }, "run: no such format of weights" },
    { { .weights = (dsvk_weights)-1 }, "run: no such format of weights" },
    { { .head = (dsvk_head)77 }, "run: no such format of the head" },
    { { .cache = (dsvk_cache)77 }, "run: no such cache format" },
    { { .cache = (dsvk_cache)-1 }, "run: no such cache format" },
    { { .chunk = UINT32_MAX }, "run: chunks of 4294967295 tokens" },
    { { .chunk = DSVK_MAX_CHUNK + 1 }, "run: chunks of 4097 tokens" },
    { { .context = UINT32_MAX }, "run: a context of 4294967295 tokens" },
    { { .context = 2049 }, "run: a context of 2049 tokens" },
};

static void runs_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        const dsvk_run     *run    = &runs[i].run;
        dsvk_load_params    load   = { .run = *run };
        dsvk_plan_params    plan   = { .run = *run };
        dsvk_session_params params = { .context = run->context, run->chunk, run->cache };
        dsvk_session       *none   = (dsvk_session *)&params;
        dsvk_plan           made;
        unsigned            errors = messages.errors;
        expect_refused(dsvk_model_load(other, demo.device, &load), errors++, runs[i].says);
        assert_int_equal(dsvk_model_weight_bytes(other), 0);
        expect_refused(dsvk_model_plan(&made, other, demo.device, &plan), errors++, runs[i].says);
        if (run->math || run->weights || run->head)
            continue;
        expect_refused(dsvk_session_new(&none, demo.model, &params), errors++, runs[i].says);
        assert_null(none);
    }
}

/* ---- sampling ---- */

static const dsvk_bias biases[] = { { 0, NAN }, { 0, INFINITY }, { 0, 1001 }, { UINT32_MAX, 1 } };

static const struct {
    dsvk_sampling sampling;
    const char   *says;
} samplings[] = {
    { { .temperature = NAN }, "temperature" },
    { { .temperature = INFINITY }, "temperature" },
    { { .temperature = -INFINITY }, "temperature" },
    { { .top_p = NAN }, "top-p" },
    { { .top_p = -1 }, "top-p" },
    { { .top_p = 2 }, "top-p" },
    { { .top_p = 1.001f, .temperature = 1 }, "top-p" },
    { { .min_p = NAN }, "min-p" },
    { { .min_p = 5 }, "min-p" },
    { { .min_p = -0.1f }, "min-p" },
    { { .repetition_penalty = -1 }, "repetition" },
    { { .repetition_penalty = 101 }, "repetition" },
    { { .repetition_penalty = NAN }, "repetition" },
    { { .presence_penalty = 2.1f }, "presence" },
    { { .presence_penalty = NAN }, "presence" },
    { { .frequency_penalty = -2.1f }, "frequency" },
    { { .frequency_penalty = NAN }, "frequency" },
    { { .penalty_last = 65536 }, "the last 65536 tokens" },
    { { .n_logprobs = 21 }, "log-probabilities of 21 tokens" },
    { { .n_biases = 1 }, "1 biases are not there" },
    { { .biases = &biases[0], .n_biases = 1 }, "bias of token 0" },
    { { .biases = &biases[1], .n_biases = 1 }, "bias of token 0" },
    { { .biases = &biases[2], .n_biases = 1 }, "bias of token 0" },
    { { .biases = &biases[3], .n_biases = 1 }, "token 4294967295, outside" },
};

static void samplings_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samplings / sizeof *samplings; i++) {
        dsvk_generate_params params = { .sampling = samplings[i].sampling };
        unsigned             errors = messages.errors;
        uint32_t             token  = 7;
        dsvk_end             end    = DSVK_END_TAKER;
        expect_refused(dsvk_session_sample(session, &params.sampling, &token), errors++,
                       samplings[i].says);
        assert_int_equal(token, 0);
        expect_refused(dsvk_session_generate(session, &params, &end), errors++, samplings[i].says);
        assert_int_equal(end, DSVK_END_NONE);
    }
}

/* ---- the rest ---- */

static void ignore(void *user, const char *text, size_t bytes)
{
    (void)user;
    (void)text;
    (void)bytes;
    fail();
}

static void graphs_are_checked(void **state)
{
    const dsvk_graph_params wrong[] = {
        { .stage = (dsvk_graph_stage)77, .write = ignore },
        { .stage = (dsvk_graph_stage)-1, .write = ignore },
        { .format = (dsvk_graph_format)77, .write = ignore },
        { .tokens = UINT32_MAX, .write = ignore },
        { .chunk = UINT32_MAX, .write = ignore },
        { .tokens = 1 },
    };
    (void)state;
    expect_refused(dsvk_model_graph(other, NULL), messages.errors, "graph: ");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        unsigned errors = messages.errors;
        expect_refused(dsvk_model_graph(other, &wrong[i]), errors, "graph: ");
    }
}

static void other_choices_are_checked(void **state)
{
    static const char *const empty[]  = { "" };
    dsvk_generate_params     params   = { .stop_texts = empty, .n_stop_texts = 1 };
    dsvk_chat_params         chat     = { .think = (dsvk_think)77 };
    dsvk_quantize_params     quantize = { .weights = DSVK_WEIGHTS_FP8, .head = (dsvk_head)77 };
    dsvk_message turns[] = { { .role = "user", .text = "a" }, { .role = "nobody", .text = "b" } };
    unsigned     errors  = messages.errors;
    uint32_t    *ids;
    size_t       n;
    (void)state;
    expect_refused(dsvk_model_chat(other, turns, 1, &chat, &ids, &n), errors++, "thinking");
    expect_refused(dsvk_model_chat_next(other, "a", &chat, &ids, &n), errors++, "thinking");
    expect_refused(dsvk_model_chat(other, turns, 2, NULL, &ids, &n), errors++, "'nobody'");
    expect_refused(dsvk_model_chat(other, NULL, 2, NULL, &ids, &n), errors++, "no messages");
    expect_refused(dsvk_model_quantize(other, "x", (dsvk_weights)77, NULL), errors++, "quantize");
    expect_refused(dsvk_model_quantize_with(other, "x", &quantize), errors++, "quantize");
    expect_refused(dsvk_session_generate(session, &params, NULL), errors++, "stop text 0 is empty");
    params = (dsvk_generate_params){ .n_stop_texts = 1 };
    expect_refused(dsvk_session_generate(session, &params, NULL), errors++, "no stop texts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_are_checked),
        cmocka_unit_test(samplings_are_checked),
        cmocka_unit_test(graphs_are_checked),
        cmocka_unit_test(other_choices_are_checked),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
