/* SPDX-License-Identifier: MIT */
/* Conversations of several turns on one timeline, its ids, and the sentences of what failed. */
#include "answer.h"
#include "demo_group.h"

#include <stdlib.h>
#include <string.h>

#define MOST 256

static dsvk_session *new_session(uint32_t context)
{
    dsvk_session       *session;
    dsvk_session_params params = { .context = context };
    assert_int_equal(dsvk_session_new(&session, demo.model, &params), DSVK_OK);
    return session;
}

struct text {
    char   bytes[1024];
    size_t n;
};

static bool take(void *user, uint32_t token, const char *bytes, size_t n)
{
    struct text *text = user;
    (void)token;
    assert_true(text->n + n < sizeof text->bytes);
    memcpy(text->bytes + text->n, bytes, n);
    text->n += n;
    return true;
}

/* Answers what the timeline then is, and its text. */
static size_t answer_to(dsvk_session *session, const uint32_t *ids, size_t n, struct text *text,
                        uint32_t *timeline)
{
    dsvk_generate_params params = { .take = take, .user = text };
    dsvk_end             end;
    size_t               length;
    text->n = 0;
    assert_int_equal(dsvk_session_sync(session, ids, n, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_generate(session, &params, &end), DSVK_OK);
    assert_int_equal(end, DSVK_END_TOKEN);
    assert_int_equal(dsvk_session_ids(session, timeline, MOST, &length), DSVK_OK);
    assert_int_equal(length, dsvk_session_tokens(session));
    assert_memory_equal(timeline, ids, n * sizeof *ids);
    text->bytes[text->n] = 0;
    return length;
}

/* Only the new turn is encoded and computed, and it is as if all were encoded again. */
static void a_turn_goes_on_behind_the_answer(void **state)
{
    static const char *const second  = "What is FP8?";
    dsvk_session            *session = new_session(MOST);
    uint32_t                 ids[MOST], again[MOST], *next, *whole;
    struct text              text, text_again;
    dsvk_session_stats       before, after;
    size_t                   n = answer_to(session, question, N_QUESTION, &text, ids), n_next, all;
    (void)state;
    assert_int_equal(n, N_QUESTION + N_ANSWER - 1);
    assert_memory_equal(ids + N_QUESTION, answer, (N_ANSWER - 1) * sizeof *answer);

    assert_int_equal(dsvk_model_chat_next(demo.model, second, NULL, &next, &n_next), DSVK_OK);
    assert_int_equal(next[0], answer[N_ANSWER - 1]); /* the mark that ended it */
    memcpy(ids + n, next, n_next * sizeof *next);
    const dsvk_message messages[] = { { .role = "user", .text = "What is MLA?" },
                                      { .role = "assistant", .text = text.bytes },
                                      { .role = "user", .text = second } };
    assert_int_equal(dsvk_model_chat(demo.model, messages, 3, NULL, &whole, &all), DSVK_OK);
    assert_int_equal(all, n + n_next);
    assert_memory_equal(whole, ids, all * sizeof *whole);

    dsvk_session_stats_get(session, &before);
    size_t length = answer_to(session, ids, all, &text, ids);
    dsvk_session_stats_get(session, &after);
    assert_int_equal(after.prefill_tokens - before.prefill_tokens, n_next);
    dsvk_session_free(session);

    session = new_session(MOST);
    assert_int_equal(answer_to(session, whole, all, &text_again, again), length);
    assert_memory_equal(again, ids, length * sizeof *ids);
    assert_string_equal(text_again.bytes, text.bytes);
    assert_true(text.n > 20);
    dsvk_model_free_memory(demo.model, next);
    dsvk_model_free_memory(demo.model, whole);
    dsvk_session_free(session);
}

static void a_turn_needs_a_text_and_a_format(void **state)
{
    dsvk_chat_params params = { .format = "chatml" };
    uint32_t        *ids    = (uint32_t *)&params;
    size_t           n      = 1;
    (void)state;
    assert_int_equal(dsvk_model_chat_next(demo.model, NULL, NULL, &ids, &n), DSVK_BAD_ARGUMENT);
    assert_null(ids);
    assert_int_equal(dsvk_model_chat_next(demo.model, "a", &params, &ids, &n), DSVK_BAD_ARGUMENT);
    params = (dsvk_chat_params){ .think = DSVK_THINK_ON, .format = "v2" };
    assert_int_equal(dsvk_model_chat_next(demo.model, "a", &params, &ids, &n), DSVK_UNSUPPORTED);
    assert_null(ids);
    assert_int_equal(n, 0);
}

static void ids_are_copied_as_far_as_there_is_room(void **state)
{
    dsvk_session *session = new_session(64);
    uint32_t      ids[4]  = { 9, 9, 9, 9 };
    size_t        n       = 7;
    (void)state;
    assert_int_equal(dsvk_session_ids(session, NULL, 0, &n), DSVK_OK);
    assert_int_equal(n, 0);
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_ids(session, ids, 3, &n), DSVK_OK);
    assert_int_equal(n, N_QUESTION);
    assert_memory_equal(ids, question, 3 * sizeof *ids);
    assert_int_equal(ids[3], 9);
    assert_int_equal(dsvk_session_ids(session, ids, 4, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_ids(NULL, ids, 4, NULL), DSVK_BAD_ARGUMENT);
    dsvk_session_free(session);
}

/* ---- sentences ---- */

static void expect_model(const char *want)
{
    char   why[256] = "x", cut[6];
    size_t n        = dsvk_model_why(demo.model, why, sizeof why);
    assert_string_equal(why, want);
    assert_int_equal(n, strlen(want));
    assert_int_equal(dsvk_model_why(demo.model, cut, sizeof cut), n);
    assert_memory_equal(cut, want, n < 5 ? n + 1 : 5);
    assert_int_equal(dsvk_model_why(demo.model, NULL, 0), n);
}

static void two_sessions_are_told_apart(void **state)
{
    dsvk_session  *a = new_session(8), *b = new_session(64), *none;
    const uint32_t wrong[] = { 1, 4000 };
    (void)state;
    assert_string_equal(dsvk_session_why(a), "");
    assert_string_equal(dsvk_session_why(NULL), "");
    assert_int_equal(dsvk_session_sync(a, question, 9, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_session_sync(b, wrong, 2, NULL), DSVK_BAD_ARGUMENT);
    assert_string_equal(dsvk_session_why(a), "session: 9 tokens do not fit into a context of 8");
    assert_string_equal(dsvk_session_why(b),
                        "session: token 4000 at position 1 is outside the vocabulary of 1536");
    /* It stays until another call fails. */
    assert_int_equal(dsvk_session_sync(b, question, N_QUESTION, NULL), DSVK_OK);
    assert_string_equal(dsvk_session_why(b),
                        "session: token 4000 at position 1 is outside the vocabulary of 1536");
    assert_int_equal(dsvk_session_sample(b, &(dsvk_sampling){ .top_p = 2 }, (uint32_t[1]){ 0 }),
                     DSVK_BAD_ARGUMENT);
    assert_string_equal(dsvk_session_why(b), "sampling: top-p is not between 0 and 1");
    assert_int_equal(
        dsvk_session_new(&none, demo.model, &(dsvk_session_params){ .cache = (dsvk_cache)77 }),
        DSVK_BAD_ARGUMENT);
    assert_null(none);
    expect_model("run: no such cache format");
    dsvk_session_free(a);
    dsvk_session_free(b);
}

static bool refuse(void *user, uint64_t done, uint64_t total)
{
    (void)user;
    (void)done;
    (void)total;
    return false;
}

static void what_is_cancelled_has_a_sentence_too(void **state)
{
    dsvk_session *session = new_session(64);
    (void)state;
    assert_int_equal(
        dsvk_session_sync(session, question, N_QUESTION, &(dsvk_progress){ .report = refuse }),
        DSVK_CANCELLED);
    assert_non_null(strstr(dsvk_session_why(session), "cancelled"));
    dsvk_session_free(session);
}

struct intruder {
    dsvk_session *session;
    unsigned      calls;
};

static bool intrude(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct intruder *in = user;
    (void)token;
    (void)text;
    (void)bytes;
    uint32_t ids[4];
    size_t   n      = 7;
    dsvk_end end    = DSVK_END_LIMIT;
    size_t   before = dsvk_session_tokens(in->session);
    /* Every call that changes a session, or looks into it. */
    assert_int_equal(dsvk_session_sync(in->session, question, 1, NULL), DSVK_BUSY);
    assert_int_equal(dsvk_session_generate(in->session, NULL, &end), DSVK_BUSY);
    assert_int_equal(end, DSVK_END_NONE);
    assert_int_equal(dsvk_session_argmax(in->session, ids), DSVK_BUSY);
    assert_int_equal(dsvk_session_sample(in->session, NULL, ids), DSVK_BUSY);
    assert_int_equal(dsvk_session_logits(in->session, NULL), DSVK_BUSY);
    assert_int_equal(dsvk_session_score(in->session, question, 1, NULL, NULL), DSVK_BUSY);
    assert_int_equal(dsvk_session_ids(in->session, ids, 4, &n), DSVK_BUSY);
    assert_int_equal(n, 0);
    assert_int_equal(dsvk_session_tokens(in->session), before);
    expect_model("session: another call on it has not returned yet");
    assert_string_equal(dsvk_session_why(in->session), "");
    return ++in->calls < 2;
}

static void a_taker_finds_its_session_busy(void **state)
{
    struct intruder      in     = { .session = new_session(64) };
    dsvk_generate_params params = { .take = intrude, .user = &in };
    uint32_t             token;
    (void)state;
    assert_int_equal(dsvk_session_sync(in.session, question, N_QUESTION, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_generate(in.session, &params, NULL), DSVK_OK);
    assert_int_equal(in.calls, 2);
    assert_int_equal(dsvk_session_tokens(in.session), N_QUESTION + 1);
    assert_int_equal(dsvk_session_argmax(in.session, &token), DSVK_OK);
    assert_int_equal(token, answer[1]);
    dsvk_session_free(in.session);
}

/* Rows of a score come in the turn: what needs the device is refused, what does not is answered. */
static void look_aside(void *user, size_t position, const float *row)
{
    struct intruder *in = user;
    uint32_t         id;
    size_t           n;
    (void)position;
    assert_non_null(row);
    assert_int_equal(dsvk_session_argmax(in->session, &id), DSVK_BUSY);
    assert_string_equal(dsvk_session_why(in->session),
                        "session: called from a callback that has the device");
    assert_int_equal(dsvk_session_ids(in->session, &id, 1, &n), DSVK_OK);
    assert_int_equal(n, N_QUESTION);
    assert_true(dsvk_device_bytes(demo.device) > 0);
    in->calls++;
}

static void a_callback_in_the_turn_finds_the_device_busy(void **state)
{
    struct intruder in      = { .session = new_session(64) };
    dsvk_score_rows rows    = { .logits = look_aside, .user = &in };
    dsvk_session   *session = new_session(64);
    uint32_t        token;
    (void)state;
    assert_int_equal(dsvk_session_sync(in.session, question, N_QUESTION, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_score(session, question, N_QUESTION, &rows, NULL), DSVK_OK);
    assert_int_equal(in.calls, N_QUESTION);
    assert_int_equal(dsvk_session_argmax(in.session, &token), DSVK_OK);
    assert_int_equal(token, answer[0]);
    dsvk_session_free(session);
    dsvk_session_free(in.session);
}

static void models_and_devices_have_sentences(void **state)
{
    char why[64];
    (void)state;
    assert_int_equal(dsvk_model_load(demo.model, demo.device, NULL), DSVK_BAD_ARGUMENT);
    expect_model("model: it is loaded already");
    assert_int_equal(dsvk_device_why(demo.device, why, sizeof why), 0);
    assert_string_equal(why, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_and_devices_have_sentences),
        cmocka_unit_test(a_turn_goes_on_behind_the_answer),
        cmocka_unit_test(a_turn_needs_a_text_and_a_format),
        cmocka_unit_test(ids_are_copied_as_far_as_there_is_room),
        cmocka_unit_test(two_sessions_are_told_apart),
        cmocka_unit_test(what_is_cancelled_has_a_sentence_too),
        cmocka_unit_test(a_taker_finds_its_session_busy),
        cmocka_unit_test(a_callback_in_the_turn_finds_the_device_busy),
    };
    return cmocka_run_group_tests(tests, open_demo, close_demo);
}
