/* SPDX-License-Identifier: MIT */
/* A fork goes on from where its original stands: at once, with the same bits, sharing its pages;
 * and what either does from then on is what it does alone. */
#include "model/support.h"

#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "engine/remake.h"
#include "support/device.h"

#define N 150 /* two full pages and some tokens */
#define PAGE 64u
#define CONTEXT 256
#define ANSWER 48 /* beyond the end of a page */

static struct subject subject;
static dsvk_model    *model, *other_model; /* the same, whose sessions share nothing with it */
static uint32_t       tokens[N];

static int open_model(void **state)
{
    if (device_setup(state))
        return -1;
    subject_init(&subject, "v2lite");
    model       = load(&subject, DSVK_MATH_F32, false);
    other_model = load(&subject, DSVK_MATH_F32, false);
    make_tokens(tokens, N, subject.vocab, 11);
    return 0;
}

static int close_model(void **state)
{
    dsvk_model_close(other_model);
    dsvk_model_close(model);
    subject_done(&subject);
    return device_teardown(state);
}

static dsvk_session *new_session(dsvk_model *of)
{
    dsvk_session *s             = session(of, CONTEXT, 64, DSVK_CACHE_BF16);
    s->session->engine.slice_ns = 0; /* one submission a pass, however slow */
    return s;
}

static dsvk_session *fork_of(dsvk_session *s)
{
    dsvk_session *copy;
    assert_int_equal(dsvk_session_fork(&copy, s), DSVK_OK);
    return copy;
}

static dsvk_session_stats stats(const dsvk_session *s)
{
    dsvk_session_stats all;
    dsvk_session_stats_get(s, &all);
    return all;
}

struct answer {
    uint32_t ids[ANSWER];
    size_t   n;
};

static bool take(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct answer *a = user;
    (void)text;
    (void)bytes;
    if (token != DSVK_TEXT_END)
        a->ids[a->n++] = token;
    return true;
}

/* So many more tokens; seed 0: greedily. */
static void go_on(dsvk_session *s, struct answer *answer, size_t n, uint64_t seed)
{
    dsvk_generate_params params = { .limit = n, .past_end = true, .take = take, .user = answer };
    if (seed)
        params.sampling = (dsvk_sampling){ .temperature = 1, .seed = seed };
    assert_int_equal(dsvk_session_generate(s, &params, NULL), DSVK_OK);
}

static void expect_alone(const struct answer *answer, uint64_t seed, bool device_draws)
{
    struct answer alone     = { .n = 0 };
    dsvk_session *s         = new_session(other_model);
    s->session->params.draw = device_draws;
    sync(s, tokens, N);
    go_on(s, &alone, ANSWER, seed);
    assert_int_equal(answer->n, ANSWER);
    assert_memory_equal(answer->ids, alone.ids, sizeof alone.ids);
    dsvk_session_free(s);
}

/* By turns, so that each computes behind the other. */
static void both_go_on_as_alone(void **state)
{
    static const struct {
        uint64_t seeds[2];
        bool     device;
    } ways[] = { { { 0, 0 }, false }, { { 0, 7 }, false }, { { 7, 8 }, true }, { { 0, 9 }, true } };
    (void)state;
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        struct answer answers[2]   = { { .n = 0 }, { .n = 0 } };
        dsvk_session *s[2]         = { new_session(model) };
        s[0]->session->params.draw = ways[w].device;
        sync(s[0], tokens, N);
        s[1] = fork_of(s[0]);
        assert_int_equal(s[1]->session->params.draw, ways[w].device);
        for (size_t done = 0; done < ANSWER; done += ANSWER / 3)
            for (size_t i = 0; i < 2; i++)
                go_on(s[1 - i], &answers[1 - i], ANSWER / 3, ways[w].seeds[1 - i]);
        for (size_t i = 0; i < 2; i++) {
            expect_alone(&answers[i], ways[w].seeds[i], ways[w].device);
            dsvk_session_free(s[i]);
        }
    }
}

/* Neither the fork nor the fork of the fork computes anything, as long as nothing else does. */
static void results_are_had_at_once(void **state)
{
    uint32_t            token, drawn, got;
    const dsvk_sampling draw = { .temperature = 1, .seed = 3 };
    dsvk_session       *a    = new_session(model);
    (void)state;
    sync(a, tokens, N);
    float *row = logits(a, subject.vocab);
    assert_int_equal(dsvk_session_argmax(a, &token), DSVK_OK);
    assert_int_equal(dsvk_session_sample(a, &draw, &drawn), DSVK_OK);
    dsvk_session *b = fork_of(a), *c = fork_of(b), *all[] = { a, b, c };
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < 3; i++) {
            float *same = logits(all[i], subject.vocab);
            assert_memory_equal(same, row, subject.vocab * sizeof *row);
            free(same);
            assert_int_equal(dsvk_session_argmax(all[i], &got), DSVK_OK);
            assert_int_equal(got, token);
            assert_int_equal(dsvk_session_sample(all[i], &draw, &got), DSVK_OK);
            assert_int_equal(got, drawn);
            assert_int_equal(dsvk_session_tokens(all[i]), N);
            if (i > 0)
                assert_int_equal(stats(all[i]).submissions, round);
        }
        dsvk_session *other = new_session(model); /* then the last token is computed once more */
        sync(other, tokens + 1, 5);
        dsvk_session_free(other);
    }
    free(row);
    dsvk_session_free(a); /* others keep what they have of it */
    dsvk_session_free(c);
    struct answer answer = { .n = 0 };
    go_on(b, &answer, ANSWER, 0);
    expect_alone(&answer, 0, false);
    dsvk_session_free(b);
}

/* After decoding they are those of a row of a batch. Other tokens of the same number are not taken
 * for those that were inherited. */
static void results_of_a_batch_are_had_too(void **state)
{
    struct answer answer = { .n = 0 };
    dsvk_session *a      = new_session(model);
    uint32_t      other[N + 5];
    (void)state;
    sync(a, tokens, N);
    go_on(a, &answer, 5, 0);
    dsvk_session *b   = fork_of(a);
    float        *row = logits(b, subject.vocab), *same = logits(a, subject.vocab);
    assert_int_equal(stats(b).submissions, 0);
    assert_memory_equal(same, row, subject.vocab * sizeof *row);
    free(same);
    memcpy(other, tokens, sizeof tokens);
    memcpy(other + N, answer.ids, 5 * sizeof *other);
    other[N + 4]++;
    sync(b, other, N + 5);
    same = logits(b, subject.vocab);
    assert_memory_not_equal(same, row, subject.vocab * sizeof *row);
    free(same);
    same = logits(a, subject.vocab);
    assert_memory_equal(same, row, subject.vocab * sizeof *row);
    free(same);
    free(row);
    dsvk_session_free(a);
    dsvk_session_free(b);
}

static void full_pages_are_shared(void **state)
{
    static const struct {
        uint32_t n, pages, shared;
    } cases[] = { { N, 3, 2 }, { 2 * PAGE, 2, 1 }, { 2 * PAGE + 1, 3, 2 }, { 1, 1, 0 } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dsvk_session *a = new_session(model);
        sync(a, tokens, cases[i].n);
        uint32_t      allocated = stats(a).pages;
        dsvk_session *b         = fork_of(a);
        assert_int_equal(stats(b).session_pages, cases[i].pages);
        assert_int_equal(stats(a).session_pages_shared, cases[i].shared);
        assert_int_equal(stats(b).session_pages_shared, cases[i].shared);
        assert_int_equal(stats(b).pages_used, 2 * cases[i].pages - cases[i].shared);
        assert_int_equal(stats(b).pages, allocated + CONTEXT / PAGE); /* it has reserved its own */
        dsvk_session_free(a);
        assert_int_equal(stats(b).session_pages_shared, 0);
        dsvk_session_free(b);
    }
}

/* One goes back into a shared page and on with other tokens; the other does not see it. */
static void one_goes_back_alone(void **state)
{
    uint32_t      other[N];
    dsvk_session *a = new_session(model);
    (void)state;
    sync(a, tokens, N);
    float        *row = logits(a, subject.vocab);
    dsvk_session *b   = fork_of(a);
    memcpy(other, tokens, sizeof other);
    other[70]++;
    sync(b, other, N);
    sync(a, tokens, N);
    float *same = logits(a, subject.vocab);
    assert_memory_equal(same, row, subject.vocab * sizeof *row);
    sync(b, tokens, N);
    free(same);
    same = logits(b, subject.vocab);
    assert_memory_equal(same, row, subject.vocab * sizeof *row);
    free(same);
    free(row);
    dsvk_session_free(a);
    dsvk_session_free(b);
}

/* Before the first token, and after the pages were dropped: the fork has what there is. */
static void there_may_be_nothing_to_share(void **state)
{
    uint32_t      token, again;
    dsvk_session *a = new_session(model), *b = fork_of(a);
    (void)state;
    expect_lines();
    assert_int_equal(dsvk_session_argmax(b, &token), DSVK_BAD_ARGUMENT);
    assert_int_equal(expected_lines(), 1);
    dsvk_session_free(b);
    sync(a, tokens, N);
    assert_int_equal(dsvk_session_argmax(a, &token), DSVK_OK);
    dv_session_drop_cache(a->session);
    b = fork_of(a);
    assert_int_equal(dsvk_session_tokens(b), N);
    assert_int_equal(stats(b).session_pages, 0);
    assert_int_equal(dsvk_session_argmax(b, &again), DSVK_OK); /* computes all */
    assert_int_equal(again, token);
    assert_int_equal(dsvk_session_argmax(a, &again), DSVK_OK);
    assert_int_equal(again, token);
    dsvk_session_free(a);
    dsvk_session_free(b);
}

static bool try_to_fork(void *user, uint32_t token, const char *text, size_t bytes)
{
    dsvk_session *copy = user;
    (void)token;
    (void)text;
    (void)bytes;
    assert_int_equal(dsvk_session_fork(&copy, user), DSVK_BUSY);
    assert_null(copy);
    return false;
}

static void it_may_be_refused(void **state)
{
    struct dv_device *dev    = device_under_test()->dev;
    dsvk_session     *a      = new_session(model), *copy;
    struct answer     answer = { .n = 0 };
    (void)state;
    sync(a, tokens, N);
    expect_lines();
    assert_int_equal(
        dsvk_session_generate(a, &(dsvk_generate_params){ .take = try_to_fork, .user = a }, NULL),
        DSVK_OK);
    assert_int_equal(expected_lines(), 1);

    uint64_t before  = dev->bytes_limit;
    dev->bytes_limit = dev->bytes_used;
    expect_lines();
    assert_int_equal(dsvk_session_fork(&copy, a), DSVK_NO_VRAM);
    assert_int_equal(expected_lines(), 1);
    assert_string_equal(dsvk_session_why(a), last_line());
    assert_null(copy);
    dev->bytes_limit = before;
    assert_int_equal(dsvk_session_fork(&copy, NULL), DSVK_BAD_ARGUMENT);
    go_on(a, &answer, ANSWER, 0);
    expect_alone(&answer, 0, false);
    dsvk_session_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_go_on_as_alone),
        cmocka_unit_test(results_are_had_at_once),
        cmocka_unit_test(results_of_a_batch_are_had_too),
        cmocka_unit_test(full_pages_are_shared),
        cmocka_unit_test(one_goes_back_alone),
        cmocka_unit_test(it_may_be_refused),
        cmocka_unit_test(there_may_be_nothing_to_share),
    };
    return test_result(cmocka_run_group_tests(tests, open_model, close_model));
}
