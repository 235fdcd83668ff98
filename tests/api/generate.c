/* SPDX-License-Identifier: MIT */
/* Answers of the demonstration model: the text, and every reason for which they end. */
#include "answer.h"
#include "demo_group.h"

#include <string.h>

static const char *const whole = "MLA is multi-head latent attention. It stores one small latent "
                                 "vector per token instead of full "
                                 "keys and values, so the cache stays small.";

struct taken {
    char     text[1024];
    size_t   bytes, n;    /* of text; tokens */
    size_t   refuse_from; /* the token of this number; 0: none */
    unsigned rests;
};

static bool take(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct taken *taken = user;
    assert_non_null(text);
    assert_true(taken->bytes + bytes < sizeof taken->text);
    assert_int_equal(taken->rests, 0);
    memcpy(taken->text + taken->bytes, text, bytes);
    taken->bytes += bytes;
    if (token == DSVK_TEXT_END) {
        assert_true(bytes > 0);
        taken->rests++;
        return true;
    }
    assert_int_equal(token, answer[taken->n]);
    return ++taken->n != taken->refuse_from;
}

static dsvk_session *asked(uint32_t context)
{
    dsvk_session       *session;
    dsvk_session_params params = { .context = context };
    assert_int_equal(dsvk_session_new(&session, demo.model, &params), DSVK_OK);
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    return session;
}

/* `kept` tokens stay in the timeline. */
static void expect(dsvk_session *session, dsvk_generate_params params, struct taken *taken,
                   dsvk_end want, size_t kept)
{
    dsvk_end end;
    params.take = take;
    params.user = taken;
    assert_int_equal(dsvk_session_generate(session, &params, &end), DSVK_OK);
    assert_int_equal(end, want);
    assert_int_equal(dsvk_session_tokens(session), N_QUESTION + kept);
    taken->text[taken->bytes] = 0;
}

static void an_answer_is_whole_text(void **state)
{
    struct taken  taken   = { .n = 0 };
    dsvk_session *session = asked(256);
    uint32_t      token;
    (void)state;
    expect(session, (dsvk_generate_params){ 0 }, &taken, DSVK_END_TOKEN, N_ANSWER - 1);
    assert_int_equal(taken.n, N_ANSWER);
    assert_int_equal(taken.rests, 0);
    assert_string_equal(taken.text, whole);
    assert_int_equal(dsvk_session_argmax(session, &token), DSVK_OK);
    assert_int_equal(token, answer[N_ANSWER - 1]);
    dsvk_session_free(session);
}

static void nobody_needs_to_take_it(void **state)
{
    dsvk_session *session = asked(64);
    dsvk_end      end;
    (void)state;
    assert_int_equal(dsvk_session_generate(session, NULL, &end), DSVK_OK);
    assert_int_equal(end, DSVK_END_TOKEN);
    assert_int_equal(dsvk_session_tokens(session), N_QUESTION + N_ANSWER - 1);
    dsvk_session_free(session);
}

static void a_limit_can_be_gone_on_from(void **state)
{
    struct taken  taken   = { .n = 0 };
    dsvk_session *session = asked(256);
    (void)state;
    expect(session, (dsvk_generate_params){ .limit = 1 }, &taken, DSVK_END_LIMIT, 1);
    expect(session, (dsvk_generate_params){ .limit = 9 }, &taken, DSVK_END_LIMIT, 10);
    taken.refuse_from = 13;
    expect(session, (dsvk_generate_params){ 0 }, &taken, DSVK_END_TAKER, 12);
    taken.n--;
    taken.refuse_from = 0;
    taken.bytes       = 0; /* the refused token comes again */
    expect(session, (dsvk_generate_params){ .limit = SIZE_MAX }, &taken, DSVK_END_TOKEN,
           N_ANSWER - 1);
    assert_non_null(strstr(whole, taken.text));
    dsvk_session_free(session);
}

static void an_end_token_may_be_passed(void **state)
{
    dsvk_generate_params params  = { .limit = N_ANSWER + 3, .past_end = true };
    dsvk_session        *session = asked(256);
    dsvk_end             end;
    (void)state;
    assert_int_equal(dsvk_session_generate(session, &params, &end), DSVK_OK);
    assert_int_equal(end, DSVK_END_LIMIT);
    assert_int_equal(dsvk_session_tokens(session), N_QUESTION + N_ANSWER + 3);
    dsvk_session_free(session);
}

/* The token that finds no room is handed out all the same, an end token too. */
static void a_context_ends_it(void **state)
{
    (void)state;
    for (size_t room = 0; room < 3; room++) {
        struct taken  taken   = { .n = 0 };
        dsvk_session *session = asked((uint32_t)(N_QUESTION + room));
        expect(session, (dsvk_generate_params){ 0 }, &taken, DSVK_END_CONTEXT, room);
        assert_int_equal(taken.n, room + 1);
        taken = (struct taken){ .n = room }; /* and again */
        expect(session, (dsvk_generate_params){ 0 }, &taken, DSVK_END_CONTEXT, room);
        dsvk_session_free(session);
    }
    struct taken  taken   = { .n = 0 };
    dsvk_session *session = asked(N_QUESTION + N_ANSWER - 1);
    expect(session, (dsvk_generate_params){ 0 }, &taken, DSVK_END_TOKEN, N_ANSWER - 1);
    assert_string_equal(taken.text, whole);
    dsvk_session_free(session);
}

/* Over many tokens, in the middle of one, several at once; and beginnings that are none. */
static void a_text_ends_it(void **state)
{
    static const struct {
        const char *texts[2], *before;
    } cases[] = {
        { { "multi-head latent" }, "MLA is " },
        { { "LA" }, "M" },
        { { "attention. It was", "small" }, "MLA is multi-head latent attention. It stores one " },
        { { "MLA" }, "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct taken         taken   = { .n = 0 };
        dsvk_session        *session = asked(256);
        dsvk_generate_params params  = { .stop_texts   = cases[i].texts,
                                         .n_stop_texts = cases[i].texts[1] ? 2 : 1 };
        params.take                  = take;
        params.user                  = &taken;
        dsvk_end end;
        assert_int_equal(dsvk_session_generate(session, &params, &end), DSVK_OK);
        assert_int_equal(end, DSVK_END_STOP_TEXT);
        assert_int_equal(dsvk_session_tokens(session), N_QUESTION + taken.n - 1);
        assert_int_equal(taken.rests, 0);
        taken.text[taken.bytes] = 0;
        assert_string_equal(taken.text, cases[i].before);
        dsvk_session_free(session);
    }
}

/* What is held back comes in the end, whatever ended it. */
static void nothing_is_held_back_for_ever(void **state)
{
    static const char *const texts[] = { "attention. It stores nothing",
                                         "so the cache stays small.!" };
    dsvk_generate_params     params  = { .stop_texts = texts, .n_stop_texts = 2, .limit = 12 };
    struct taken             taken   = { .n = 0 };
    dsvk_session            *session = asked(256);
    (void)state;
    expect(session, params, &taken, DSVK_END_LIMIT, 12);
    assert_int_equal(taken.rests, 1);
    assert_memory_equal(taken.text, whole, taken.bytes);
    size_t bytes = taken.bytes;

    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    taken        = (struct taken){ .refuse_from = 12 };
    params.limit = 0;
    expect(session, params, &taken, DSVK_END_TAKER, 11);
    assert_int_equal(taken.rests, 1);
    assert_int_equal(taken.bytes, bytes);

    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    taken = (struct taken){ .n = 0 };
    expect(session, params, &taken, DSVK_END_TOKEN, N_ANSWER - 1);
    assert_int_equal(taken.rests, 1);
    assert_string_equal(taken.text, whole);
    dsvk_session_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_whole_text),
        cmocka_unit_test(nobody_needs_to_take_it),
        cmocka_unit_test(a_limit_can_be_gone_on_from),
        cmocka_unit_test(an_end_token_may_be_passed),
        cmocka_unit_test(a_context_ends_it),
        cmocka_unit_test(a_text_ends_it),
        cmocka_unit_test(nothing_is_held_back_for_ever),
    };
    return cmocka_run_group_tests(tests, open_demo, close_demo);
}
