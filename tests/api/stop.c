/* SPDX-License-Identifier: MIT */
/* dsvk_stop ends what runs on the demonstration model, and what is called until it is cleared. */
#include "answer.h"
#include "demo_group.h"

#include <string.h>

struct stopper {
    dsvk_stop *stop;
    uint32_t   ids[N_ANSWER];
    size_t     n, after; /* it is set when so many were taken */
};

static bool take_and_stop(void *user, uint32_t id, const char *text, size_t bytes)
{
    struct stopper *stopper = user;
    (void)text;
    (void)bytes;
    assert_true(stopper->n < stopper->after);
    stopper->ids[stopper->n++] = id;
    dsvk_stop_set(stopper->stop, stopper->n == stopper->after);
    return true;
}

static void a_stop_ends_calls_until_it_is_cleared(void **state)
{
    dsvk_session  *session;
    struct stopper stopper = { .after = 3 };
    unsigned       errors  = demo_messages.errors;
    uint32_t       token;
    (void)state;

    assert_int_equal(
        dsvk_session_new(&session, demo.model, &(dsvk_session_params){ .context = 64 }), DSVK_OK);
    assert_int_equal(dsvk_stop_new(&stopper.stop, NULL), DSVK_OK);
    dsvk_progress        progress = { .stop = stopper.stop };
    dsvk_generate_params params = { .take = take_and_stop, .user = &stopper, .stop = stopper.stop };
    dsvk_end             end;
    dsvk_stop_set(stopper.stop, true);
    for (int i = 0; i < 2; i++)
        assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, &progress),
                         DSVK_CANCELLED);
    assert_int_equal(dsvk_session_tokens(session), 0);
    dsvk_stop_set(stopper.stop, false);
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, &progress), DSVK_OK);

    assert_int_equal(dsvk_session_generate(session, &params, &end), DSVK_CANCELLED);
    assert_int_equal(end, DSVK_END_STOP);
    assert_int_equal(stopper.n, 3);
    assert_memory_equal(stopper.ids, answer, 3 * sizeof *answer);
    assert_int_equal(dsvk_session_tokens(session), N_QUESTION + 3);
    assert_int_equal(dsvk_session_argmax(session, &token), DSVK_OK);
    assert_int_equal(token, answer[3]);
    assert_int_equal(dsvk_session_generate(session, &params, &end), DSVK_CANCELLED);
    assert_int_equal(end, DSVK_END_STOP);
    assert_int_equal(dsvk_session_tokens(session), N_QUESTION + 3);
    assert_int_equal(demo_messages.errors, errors);
    dsvk_stop_free(stopper.stop);
    dsvk_session_free(session);
}

static void a_stop_ends_loading(void **state)
{
    dsvk_stop  *stop;
    dsvk_model *model;
    (void)state;
    assert_int_equal(dsvk_stop_new(&stop, NULL), DSVK_OK);
    dsvk_stop_set(stop, true);
    dsvk_load_params params = { .progress.stop = stop };
    uint64_t         before = dsvk_device_bytes(demo.device);
    assert_int_equal(dsvk_model_open(&model, &(dsvk_model_params){ .folder = DSVK_DEMO }), DSVK_OK);
    assert_int_equal(dsvk_model_load(model, demo.device, &params), DSVK_CANCELLED);
    assert_int_equal(dsvk_device_bytes(demo.device), before);
    dsvk_stop_set(stop, false);
    assert_int_equal(dsvk_model_load(model, demo.device, &params), DSVK_OK);
    dsvk_model_close(model);
    dsvk_stop_free(stop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_ends_calls_until_it_is_cleared),
        cmocka_unit_test(a_stop_ends_loading),
    };
    return cmocka_run_group_tests(tests, open_demo, close_demo);
}
