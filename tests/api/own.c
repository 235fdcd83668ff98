/* SPDX-License-Identifier: MIT */
/* Sessions that need a device of their own: one that has compiled nothing, and a model of another
 * shape than the demonstration model. */
#include "answer.h"
#include "demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct demo_log demo_messages;

struct told {
    unsigned cancel_at, calls; /* from 1; 0: never */
    uint64_t done, total;
};

static bool tell(void *user, uint64_t done, uint64_t total)
{
    struct told *told = user;
    assert_true(done <= total);
    told->done  = done;
    told->total = total;
    return ++told->calls != told->cancel_at;
}

/* On a device of its own, which has compiled nothing. */
static void compiling_can_be_cancelled_and_repeated(void **state)
{
    struct demo          other  = demo_open(&demo_messages, true);
    struct told          told   = { .cancel_at = 1 };
    dsvk_session_params  params = { .context = 64, .compiling = { .report = tell, .user = &told } };
    dsvk_generate_params one    = { .limit = 1 };
    dsvk_end             end;
    uint32_t             token, n = N_QUESTION;
    dsvk_session        *session;
    (void)state;

    assert_int_equal(dsvk_session_new(&session, other.model, &params), DSVK_OK);
    assert_int_equal(dsvk_session_sync(session, question, n, NULL), DSVK_CANCELLED);
    assert_int_equal(dsvk_session_tokens(session), 0);
    assert_int_equal(dsvk_session_sync(session, question, n, NULL), DSVK_OK);
    assert_true(told.calls > 2 && told.total > 1 && told.done == told.total);

    told = (struct told){ .cancel_at = 1 }; /* a pass of one token has kernels of its own */
    assert_int_equal(dsvk_session_generate(session, &one, &end), DSVK_CANCELLED);
    assert_int_equal(end, DSVK_END_NONE);
    assert_int_equal(dsvk_session_tokens(session), n);
    assert_int_equal(dsvk_session_sync(session, question, n, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_argmax(session, &token), DSVK_OK);
    assert_int_equal(token, answer[0]);
    assert_int_equal(dsvk_session_generate(session, &one, &end), DSVK_OK);
    assert_int_equal(dsvk_session_argmax(session, &token), DSVK_OK);
    assert_int_equal(token, answer[1]);
    dsvk_session_free(session);
    demo_close(&other);
}

/* The same weights in every run, and numbers come out of them. */
static void a_published_shape_runs_on_made_up_weights(void **state)
{
    struct demo demo      = demo_open(&demo_messages, true);
    float       first     = 0;
    uint32_t    tokens[2] = { 1, 2 };
    (void)state;
    for (int run = 0; run < 2; run++) {
        dsvk_model       *model;
        dsvk_session     *session;
        dsvk_model_params params = { .like = "v2-lite", .layers = 1 };
        dsvk_load_params  load   = { .run.math = DSVK_MATH_F32 };
        assert_int_equal(dsvk_model_open(&model, &params), DSVK_OK);
        uint32_t vocab = dsvk_model_describe(model)->vocab;
        assert_int_equal(dsvk_model_describe(model)->layers, 1);
        assert_int_equal(dsvk_model_load(model, demo.device, &load), DSVK_OK);
        assert_int_equal(dsvk_session_new(&session, model, &(dsvk_session_params){ .context = 64 }),
                         DSVK_OK);
        assert_int_equal(dsvk_session_sync(session, tokens, 2, NULL), DSVK_OK);
        float *logits = malloc(vocab * sizeof *logits);
        double sum    = 0;
        assert_non_null(logits);
        assert_int_equal(dsvk_session_logits(session, logits), DSVK_OK);
        for (uint32_t i = 0; i < vocab; i++)
            sum += (double)logits[i] * logits[i];
        assert_true(sum / vocab > 0.01 && sum / vocab < 100);
        assert_true(run == 0 || logits[0] == first);
        first = logits[0];
        free(logits);
        dsvk_session_free(session);
        dsvk_model_close(model);
    }
    demo_close(&demo);
}

struct lines {
    char     text[8192];
    size_t   n;
    unsigned lines;
};

static void keep(void *user, dsvk_log_level level, const char *line)
{
    struct lines *lines = user;
    assert_int_equal(level, DSVK_LOG_DEBUG);
    lines->n +=
        (size_t)snprintf(lines->text + lines->n, sizeof lines->text - lines->n, "%s\n", line);
    assert_true(lines->n < sizeof lines->text);
    lines->lines++;
}

/* What a report of a bug has to say: versions, the device, shapes and all that was chosen. */
static void what_was_chosen_is_told(void **state)
{
    static const char *const words[] = { "ds-vk 0.2.0 on \"",
                                         "device: in the background, with ",
                                         "Vulkan 1.",
                                         "subgroups of",
                                         "heap 0 of",
                                         "deepseek_v3",
                                         "4 layers (1 dense)",
                                         "16 experts",
                                         "chat format v3",
                                         "weights keep",
                                         "products in f32",
                                         "context 96, chunks of 32, cache fp8 of ",
                                         "materialised never",
                                         "products in workgroups of ",
                                         "a program for a prompt, rows 7: " };
    struct lines             lines   = { .n = 0 };
    dsvk_log                 log     = { .write = keep, .user = &lines, .level = DSVK_LOG_DEBUG };
    dsvk_device             *device;
    dsvk_model              *model;
    dsvk_session            *session;
    dsvk_load_params         load   = { .run = { .math = DSVK_MATH_F32 } };
    dsvk_session_params      params = { .context = 96, .chunk = 32, .cache = DSVK_CACHE_FP8 };
    (void)state;
    assert_int_equal(dsvk_device_open_background(&device, &(dsvk_device_params){ .log = log }),
                     DSVK_OK);
    assert_int_equal(
        dsvk_model_open(&model, &(dsvk_model_params){ .folder = DSVK_DEMO, .log = log }), DSVK_OK);
    assert_int_equal(dsvk_model_load(model, device, &load), DSVK_OK);
    assert_int_equal(dsvk_session_new(&session, model, &params), DSVK_OK);
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(lines.text, words[i]))
            fail_msg("nothing says '%s':\n%s", words[i], lines.text);
    assert_in_range(lines.lines, 10, 40);
    assert_null(strstr(lines.text, DSVK_DEMO)); /* folders are the user's own affair */
    dsvk_session_free(session);
    dsvk_model_close(model);
    dsvk_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compiling_can_be_cancelled_and_repeated),
        cmocka_unit_test(what_was_chosen_is_told),
        cmocka_unit_test(a_published_shape_runs_on_made_up_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
