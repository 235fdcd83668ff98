/* SPDX-License-Identifier: MIT */
/* Sessions that begin alike share pages: they compute less, give the same bits, and never see what
 * another one does behind the common beginning. */
#include "model/support.h"

#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "support/device.h"

#define N 330 /* five full pages and some tokens */
#define PAGE 64u
#define CONTEXT 384

static struct subject subject;
static dsvk_model    *model, *other_model; /* the same, whose sessions share nothing with it */
static dsvk_session  *alone[3];            /* by cache format */
static uint32_t       tokens[N];

static int open_model(void **state)
{
    if (device_setup(state))
        return -1;
    subject_init(&subject, "v2lite");
    model                  = load(&subject, DSVK_MATH_F32, false);
    other_model            = load(&subject, DSVK_MATH_F32, false);
    alone[DSVK_CACHE_BF16] = session(other_model, 640, 64, DSVK_CACHE_BF16);
    alone[DSVK_CACHE_FP8]  = session(other_model, 640, 64, DSVK_CACHE_FP8);
    make_tokens(tokens, N, subject.vocab, 3);
    return 0;
}

static int close_model(void **state)
{
    for (size_t i = 0; i < 3; i++)
        dsvk_session_free(alone[i]);
    dsvk_model_close(other_model);
    dsvk_model_close(model);
    subject_done(&subject);
    return device_teardown(state);
}

static dsvk_session_stats stats(const dsvk_session *s)
{
    dsvk_session_stats all;
    dsvk_session_stats_get(s, &all);
    return all;
}

/* The last logits are those of a session that shares with nobody: scoring computes every token. */
static void expect_results(dsvk_session *s, const uint32_t *ids, size_t n, dsvk_cache cache)
{
    float *rows = score(alone[cache], ids, n, subject.vocab), *row = logits(s, subject.vocab);
    assert_int_equal(dsvk_session_tokens(s), n);
    assert_memory_equal(row, rows + (n - 1) * subject.vocab, subject.vocab * sizeof *row);
    free(row);
    free(rows);
}

/* Tokens that a sync computes. */
static uint64_t computed(dsvk_session *s, const uint32_t *ids, size_t n)
{
    dsvk_session_stats before = stats(s);
    sync(s, ids, n);
    dsvk_session_stats after = stats(s);
    return after.prefill_tokens + after.decode_tokens - before.prefill_tokens -
           before.decode_tokens;
}

static void beginnings_are_computed_once(void **state)
{
    static const dsvk_cache caches[] = { DSVK_CACHE_BF16, DSVK_CACHE_FP8 };
    uint32_t                other[N];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        dsvk_session *a = session(model, CONTEXT, 64, caches[i]);
        dsvk_session *b = session(model, CONTEXT, 50, caches[i]);
        memcpy(other, tokens, sizeof other);
        other[200]++;
        assert_int_equal(computed(a, tokens, N), N);
        assert_int_equal(computed(b, other, N), N - 3 * PAGE);
        assert_int_equal(stats(a).session_pages, 6);
        assert_int_equal(stats(a).session_pages_shared, 3);
        assert_int_equal(stats(b).session_pages_shared, 3);
        assert_int_equal(stats(b).pages_used, 9);
        expect_results(b, other, N, caches[i]);
        expect_results(a, tokens, N, caches[i]);
        dsvk_session_free(a);
        assert_int_equal(computed(b, other, N - 1), 1);
        expect_results(b, other, N - 1, caches[i]);
        dsvk_session_free(b);
    }
}

/* The last token is computed for its results, in a page of one's own, also at the end of a page. */
static void the_last_token_is_always_computed(void **state)
{
    dsvk_session *a = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    dsvk_session *b = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    (void)state;
    assert_int_equal(computed(a, tokens, 4 * PAGE), 4 * PAGE);
    assert_int_equal(computed(b, tokens, 4 * PAGE), PAGE); /* its last page is not settled */
    assert_int_equal(computed(a, tokens, 4 * PAGE + 1), 1);
    assert_int_equal(computed(b, tokens, 4 * PAGE + 1), 1);
    assert_int_equal(stats(a).session_pages_shared, 4); /* two that were equal have become one */
    assert_int_equal(stats(a).pages_used, 6);
    expect_results(a, tokens, 4 * PAGE + 1, DSVK_CACHE_BF16);
    assert_int_equal(computed(b, tokens, 4 * PAGE), 1);
    expect_results(b, tokens, 4 * PAGE, DSVK_CACHE_BF16);
    expect_results(a, tokens, 4 * PAGE + 1, DSVK_CACHE_BF16);
    dsvk_session_free(a);
    dsvk_session_free(b);
}

/* Back into a shared page and on with other tokens: a copy of the page. Then the first again, which
 * are found. */
static void truncation_leaves_others_alone(void **state)
{
    uint32_t      other[N];
    dsvk_session *a = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    dsvk_session *b = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    (void)state;
    memcpy(other, tokens, sizeof other);
    sync(a, tokens, N);
    sync(b, tokens, N);
    for (size_t at = 3 * PAGE - 1; at <= 3 * PAGE + 1; at += 2) {
        other[at]++;
        assert_int_equal(computed(b, other, N), N - at);
        expect_results(b, other, N, DSVK_CACHE_BF16);
        other[at]--;
        assert_int_equal(computed(b, tokens, N), N - 5 * PAGE);
        expect_results(b, tokens, N, DSVK_CACHE_BF16);
    }
    assert_int_equal(computed(a, tokens, N), 1);
    expect_results(a, tokens, N, DSVK_CACHE_BF16);
    dsvk_session_free(a);
    dsvk_session_free(b);
}

/* Passes that ran ahead wrote behind the timeline, which nobody finds. */
static void only_taken_tokens_are_found(void **state)
{
    uint32_t             ids[CONTEXT];
    dsvk_session        *a      = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    dsvk_session        *b      = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    dsvk_generate_params params = { .limit = 80, .past_end = true };
    (void)state;
    memcpy(ids, tokens, sizeof tokens);
    a->session->params.ahead = 7;
    sync(a, tokens, 100);
    assert_int_equal(dsvk_session_generate(a, &params, NULL), DSVK_OK);
    size_t n = dsvk_session_tokens(a);
    assert_int_equal(n, 180);
    assert_int_equal(stats(a).session_pages, 3);
    memcpy(ids, a->session->tokens, n * sizeof *ids);
    assert_int_equal(computed(b, ids, n), n - 2 * PAGE);
    expect_results(b, ids, n, DSVK_CACHE_BF16);
    dsvk_session_free(a);
    dsvk_session_free(b);
}

/* A context of four pages: what was used last is found, what had to go is computed. */
static void what_was_used_last_is_kept(void **state)
{
    uint32_t      other[N];
    dsvk_session *s = session(model, 4 * PAGE, 64, DSVK_CACHE_BF16);
    (void)state;
    make_tokens(other, N, subject.vocab, 5);
    other[0] = tokens[0] + 1;
    sync(s, tokens, 2 * PAGE + 1);
    assert_int_equal(computed(s, other, 9), 9); /* the third page was of one token: nobody's */
    assert_int_equal(stats(s).pages_kept, 2);
    assert_int_equal(stats(s).pages_used, 1);
    assert_int_equal(computed(s, tokens, 2 * PAGE + 1), 1);
    sync(s, other, 3 * PAGE + 1); /* takes the end of the kept beginning, then its first page */
    assert_int_equal(stats(s).pages_kept, 0);
    assert_int_equal(computed(s, tokens, 2 * PAGE + 1), 2 * PAGE + 1);
    assert_int_equal(stats(s).pages_kept, 1);
    assert_int_equal(computed(s, other, 2 * PAGE + 1), PAGE + 1);
    expect_results(s, other, 2 * PAGE + 1, DSVK_CACHE_BF16);
    dsvk_session_free(s);
}

static dsvk_session *overcommitted(uint32_t context)
{
    dsvk_session       *s;
    dsvk_session_params params = { .context = context, .chunk = 64, .overcommit = true };
    assert_int_equal(dsvk_session_new(&s, model, &params), DSVK_OK);
    return s;
}

/* Sessions that reserve nothing take memory as tokens come. Where there is none, calls are refused
 * and keep what was there, and go on when there is. */
static void overcommitted_sessions_are_refused_pages(void **state)
{
    struct dv_device *dev     = device_under_test()->dev;
    uint64_t          limit   = dev->bytes_limit;
    dsvk_session     *s       = overcommitted(2048), *other;
    uint64_t          without = dev->bytes_used;
    uint32_t          ids[1100], all = 1100;
    (void)state;
    make_tokens(ids, all, subject.vocab, 6);
    assert_int_equal(stats(s).pages, 0);
    sync(s, ids, 100);
    assert_int_equal(stats(s).pages, 16);
    assert_int_equal(dev->bytes_used, without + 16 * stats(s).page_bytes);
    dev->bytes_limit = dev->bytes_used;
    expect_lines();
    assert_int_equal(dsvk_session_sync(s, ids, all, NULL), DSVK_NO_VRAM);
    assert_int_equal(expected_lines(), 1);
    assert_non_null(strstr(last_line(), "latent cache"));
    assert_int_equal(dsvk_session_tokens(s), 100 + 14 * 64); /* another pass needs a 17th page */
    dsvk_generate_params params = { .limit = 8, .past_end = true };
    sync(s, ids, 16 * PAGE - 4);
    expect_lines();
    assert_int_equal(dsvk_session_generate(s, &params, NULL), DSVK_NO_VRAM);
    assert_int_equal(expected_lines(), 1);
    assert_int_equal(dsvk_session_tokens(s), 16 * PAGE);
    expect_lines();
    assert_int_equal(dsvk_session_new(&other, model, &(dsvk_session_params){ .context = 2048 }),
                     DSVK_NO_VRAM);
    assert_int_equal(expected_lines(), 1);
    dev->bytes_limit = limit;
    assert_int_equal(computed(s, ids, all), all - 15 * PAGE - 60);
    assert_int_equal(dev->bytes_used, without + stats(s).pages * stats(s).page_bytes);
    dsvk_session_free(s);
}

/* What is reserved is there for who reserved it, whatever others hold. */
static void reservations_are_kept(void **state)
{
    struct dv_device *dev   = device_under_test()->dev;
    uint64_t          limit = dev->bytes_limit;
    uint32_t          other[CONTEXT];
    dsvk_session     *a = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    dsvk_session     *b = overcommitted(CONTEXT);
    (void)state;
    make_tokens(other, CONTEXT, subject.vocab, 8);
    sync(a, tokens, 2 * PAGE + 1);
    dev->bytes_limit = dev->bytes_used;
    expect_lines();
    assert_int_equal(dsvk_session_sync(b, other, CONTEXT, NULL), DSVK_NO_VRAM);
    assert_int_equal(expected_lines(), 1);
    assert_int_equal(dsvk_session_tokens(b), 0);
    sync(a, tokens, N);
    dev->bytes_limit = limit;
    sync(b, tokens, N); /* sees what it may not take, and is given memory for it */
    dev->bytes_limit = dev->bytes_used;
    sync(a, other, CONTEXT);
    dev->bytes_limit = limit;
    expect_results(b, tokens, N, DSVK_CACHE_BF16);
    dsvk_session_free(a);
    dsvk_session_free(b);
}

/* Sixteen conversations behind one beginning of 500 tokens, each with room for 8,192. */
static void many_sessions_take_what_they_store(void **state)
{
    enum { SESSIONS = 16, COMMON = 500, OWN = 60 };
    uint32_t          ids[COMMON + OWN];
    dsvk_session     *s[SESSIONS];
    struct dv_device *dev = device_under_test()->dev;
    (void)state;
    for (uint32_t i = 0; i < SESSIONS; i++)
        s[i] = overcommitted(8192);
    uint64_t without = dev->bytes_used;
    for (uint32_t i = 0; i < SESSIONS; i++) {
        make_tokens(ids, COMMON + OWN, subject.vocab, 20 + i);
        make_tokens(ids, COMMON, subject.vocab, 20);
        assert_int_equal(computed(s[i], ids, COMMON + OWN), i == 0 ? COMMON + OWN : 52 + OWN);
    }
    /* By plan: seven common pages, and two more of each. */
    struct dv_setup setup  = s[0]->session->setup;
    uint32_t        stored = COMMON / PAGE + SESSIONS * 2;
    assert_int_equal(stats(s[3]).pages_used, stored);
    assert_int_equal(stats(s[3]).session_pages, 9);
    assert_int_equal(stats(s[3]).session_pages_shared, 7);
    assert_int_equal(stats(s[3]).pages, (stored + 15) / 16 * 16);
    assert_int_equal(dev->bytes_used - without, stats(s[3]).pages * dv_pages_of(&setup).page_bytes);
    print_message("%u pages stored, %u allocated, %u for 16 contexts\n", stored, stats(s[3]).pages,
                  SESSIONS * dv_pages_of(&setup).n);
    expect_results(s[15], ids, COMMON + OWN, DSVK_CACHE_BF16);
    for (uint32_t i = 0; i < SESSIONS; i++)
        dsvk_session_free(s[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beginnings_are_computed_once),
        cmocka_unit_test(the_last_token_is_always_computed),
        cmocka_unit_test(truncation_leaves_others_alone),
        cmocka_unit_test(only_taken_tokens_are_found),
        cmocka_unit_test(what_was_used_last_is_kept),
        cmocka_unit_test(overcommitted_sessions_are_refused_pages),
        cmocka_unit_test(reservations_are_kept),
        cmocka_unit_test(many_sessions_take_what_they_store),
    };
    return test_result(cmocka_run_group_tests(tests, open_model, close_model));
}
