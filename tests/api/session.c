/* SPDX-License-Identifier: MIT */
/* The demonstration model on a device, through the public interface alone. */
#include "answer.h"
#include "demo_group.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define VOCAB 1536

static dsvk_session *new_session(const dsvk_session_params *params)
{
    dsvk_session *session;
    assert_int_equal(dsvk_session_new(&session, demo.model, params), DSVK_OK);
    return session;
}

static void expect_answer(dsvk_session *session)
{
    uint32_t tokens[N_QUESTION + N_ANSWER];
    size_t   n = N_QUESTION;
    memcpy(tokens, question, sizeof question);
    /* The loop of dsvk.h. */
    while (n < N_QUESTION + N_ANSWER && dsvk_session_sync(session, tokens, n, NULL) == DSVK_OK)
        assert_int_equal(dsvk_session_argmax(session, &tokens[n++]), DSVK_OK);
    assert_int_equal(n, N_QUESTION + N_ANSWER);
    assert_memory_equal(tokens + N_QUESTION, answer, sizeof answer);
}

static void greedy_loop_gives_the_reference_answer(void **state)
{
    static const dsvk_session_params all[] = {
        { .cache = DSVK_CACHE_BF16 },
        { .cache = DSVK_CACHE_F32, .chunk = 3 },
        { .cache = DSVK_CACHE_BF16, .context = N_QUESTION + N_ANSWER, .chunk = 1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        dsvk_session *session = new_session(&all[i]);
        expect_answer(session);
        dsvk_session_free(session);
    }
}

struct taken {
    uint32_t ids[N_ANSWER];
    size_t   n;
};

static bool take(void *user, uint32_t id, const char *text, size_t bytes)
{
    struct taken *taken = user;
    assert_true(taken->n < N_ANSWER);
    assert_true(text || bytes == 0);
    taken->ids[taken->n++] = id;
    return true;
}

static void generating_gives_the_reference_answer(void **state)
{
    struct taken  taken   = { .n = 0 };
    dsvk_session *session = new_session(&(dsvk_session_params){ .context = 256 });
    dsvk_end      end;
    (void)state;
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_generate(
                         session, &(dsvk_generate_params){ .take = take, .user = &taken }, &end),
                     DSVK_OK);
    assert_int_equal(end, DSVK_END_TOKEN);
    assert_int_equal(taken.n, N_ANSWER);
    assert_memory_equal(taken.ids, answer, sizeof answer);
    assert_int_equal(dsvk_session_tokens(session), N_QUESTION + N_ANSWER - 1);
    dsvk_session_free(session);
}

static void sync_back_and_forth_keeps_the_results(void **state)
{
    dsvk_session *session = new_session(&(dsvk_session_params){ .context = 64 });
    float        *first = malloc(VOCAB * sizeof *first), *again = malloc(VOCAB * sizeof *again);
    uint32_t      other[] = { 0, 1524, 335, 275, 80, 80, 80, 80, 80 };
    (void)state;

    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_logits(session, first), DSVK_OK);
    assert_int_equal(dsvk_session_sync(session, other, 9, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_tokens(session), 9);
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_tokens(session), N_QUESTION);
    assert_int_equal(dsvk_session_logits(session, again), DSVK_OK);
    for (size_t i = 0; i < VOCAB; i++)
        assert_true(fabsf(first[i] - again[i]) <=
                    0.05f); /* another split into passes, bf16 cache */
    free(first);
    free(again);
    dsvk_session_free(session);
}

static void sync_refuses_what_is_outside(void **state)
{
    dsvk_session *session = new_session(&(dsvk_session_params){ .context = N_QUESTION });
    uint32_t      tokens[N_QUESTION + 1] = { 0 };
    (void)state;

    assert_int_equal(dsvk_session_context(session), N_QUESTION);
    assert_int_equal(dsvk_session_sync(session, tokens, N_QUESTION + 1, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_session_sync(session, tokens, 0, NULL), DSVK_BAD_ARGUMENT);
    tokens[1] = VOCAB;
    assert_int_equal(dsvk_session_sync(session, tokens, 2, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    dsvk_session_free(session);
}

static bool refuse(void *user, uint64_t done, uint64_t total)
{
    (void)user;
    assert_true(done <= total);
    return false;
}

static void sync_can_be_cancelled_and_repeated(void **state)
{
    dsvk_session *session = new_session(&(dsvk_session_params){ .context = 64, .chunk = 2 });
    uint32_t      token;
    (void)state;

    assert_int_equal(
        dsvk_session_sync(session, question, N_QUESTION, &(dsvk_progress){ .report = refuse }),
        DSVK_CANCELLED);
    assert_true(dsvk_session_tokens(session) <= N_QUESTION);
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_argmax(session, &token), DSVK_OK);
    assert_int_equal(token, answer[0]);
    dsvk_session_free(session);
}

static void argmax_is_the_largest_logit(void **state)
{
    dsvk_session *session = new_session(&(dsvk_session_params){ .context = 64 });
    float        *logits  = malloc(VOCAB * sizeof *logits);
    uint32_t      token, best = 0;
    (void)state;

    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_argmax(session, &token), DSVK_OK);
    assert_int_equal(dsvk_session_logits(session, logits), DSVK_OK);
    for (uint32_t i = 1; i < VOCAB; i++)
        best = logits[i] > logits[best] ? i : best;
    assert_int_equal(token, best);
    assert_true(fabsf(logits[best] - 18.86f) < 0.3f); /* the float32 reference */
    free(logits);
    dsvk_session_free(session);
}

static void sample_depends_on_seed_and_position_only(void **state)
{
    dsvk_session *session = new_session(&(dsvk_session_params){ .context = 64 });
    dsvk_sampling hot     = { .temperature = 20, .seed = 7 };
    uint32_t      first, again, cold, seen = 0;
    (void)state;

    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_sample(session, &hot, &first), DSVK_OK);
    assert_int_equal(dsvk_session_sample(session, &hot, &again), DSVK_OK);
    assert_int_equal(first, again);
    for (hot.seed = 0; hot.seed < 16; hot.seed++) {
        assert_int_equal(dsvk_session_sample(session, &hot, &again), DSVK_OK);
        assert_true(again < VOCAB);
        seen += again != first;
    }
    assert_true(seen > 8);
    hot.top_k = 1;
    assert_int_equal(dsvk_session_sample(session, &hot, &cold), DSVK_OK);
    assert_int_equal(cold, answer[0]);
    assert_int_equal(dsvk_session_sample(session, &(dsvk_sampling){ 0 }, &cold), DSVK_OK);
    assert_int_equal(cold, answer[0]);
    dsvk_session_free(session);
}

struct rows {
    size_t   logits, router;
    uint32_t best[N_QUESTION];
};

static void take_logits(void *user, size_t position, const float *row)
{
    struct rows *rows = user;
    assert_int_equal(position, rows->logits++);
    for (uint32_t i = 0; i < VOCAB; i++)
        if (row[i] > row[rows->best[position]])
            rows->best[position] = i;
}

static void take_router(void *user, uint32_t layer, size_t position, const uint32_t *experts,
                        const float *weights)
{
    struct rows *rows = user;
    assert_in_range(layer, 1, 3);
    assert_true(position < N_QUESTION);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(experts[i] < 16 && (i == 0 || experts[i] > experts[i - 1]));
        assert_true(weights[i] > 0);
    }
    rows->router++;
}

static void score_hands_out_every_row(void **state)
{
    dsvk_session *session = new_session(&(dsvk_session_params){ .context = 64, .chunk = 3 });
    struct rows   rows    = { 0 };
    (void)state;

    assert_int_equal(dsvk_session_score(session, question, N_QUESTION,
                                        &(dsvk_score_rows){ take_logits, take_router, &rows },
                                        NULL),
                     DSVK_OK);
    assert_int_equal(rows.logits, N_QUESTION);
    assert_int_equal(rows.router, 3 * N_QUESTION);
    assert_int_equal(rows.best[N_QUESTION - 1], answer[0]);
    dsvk_session_free(session);
}

static void bytes_return_to_what_they_were(void **state)
{
    uint64_t           before  = dsvk_device_bytes(demo.device);
    dsvk_session      *session = new_session(&(dsvk_session_params){ .context = 64 });
    dsvk_session_stats stats;
    (void)state;

    dsvk_session_stats_get(session, &stats);
    assert_int_equal(stats.device_bytes, dsvk_device_bytes(demo.device));
    assert_int_equal(stats.weight_bytes, dsvk_model_weight_bytes(demo.model));
    assert_true(stats.device_bytes > before);
    dsvk_session_free(session);
    assert_int_equal(dsvk_device_bytes(demo.device), before);
}

static void a_profile_tells_time_bytes_and_operations(void **state)
{
    dsvk_session *session = new_session(&(dsvk_session_params){ .context = 64, .profile = true });
    dsvk_profile_row *rows;
    uint32_t          n, matrices = 0, attend = 0;
    (void)state;
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    dsvk_session_profile_reset(session);
    assert_int_equal(dsvk_session_profile(session, &rows, &n), DSVK_OK);
    assert_int_equal(n, 0);
    dsvk_model_free_memory(demo.model, rows);
    assert_int_equal(dsvk_session_sync(session, question, N_QUESTION, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_profile(session, &rows, &n), DSVK_OK);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(i == 0 || rows[i - 1].seconds >= rows[i].seconds);
        assert_true(rows[i].dispatches > 0);
        assert_memory_equal(rows[i].kernel, rows[i].op, strlen(rows[i].op));
        matrices += rows[i].format[0] != 0;
        if (rows[i].format[0]) {
            assert_true(rows[i].rows > 0 && rows[i].cols > 0 && rows[i].matrices > 0);
            assert_true(rows[i].bytes > 0);
        }
        if (strcmp(rows[i].op, "attend") == 0) { /* 4 layers; 80 values in bf16 and 7 positions */
            attend++;
            assert_int_equal(rows[i].dispatches, 4);
            assert_int_equal(rows[i].bytes, 4 * N_QUESTION * 160);
        }
    }
    assert_true(matrices > 5);
    assert_int_equal(attend, 1);
    dsvk_model_free_memory(demo.model, rows);
    dsvk_session_free(session);
    /* Who does not ask gets none. */
    session         = new_session(&(dsvk_session_params){ .context = 64 });
    unsigned before = demo_messages.errors;
    assert_int_equal(dsvk_session_profile(session, &rows, &n), DSVK_UNSUPPORTED);
    assert_int_equal(demo_messages.errors, before + 1);
    dsvk_session_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_loop_gives_the_reference_answer),
        cmocka_unit_test(generating_gives_the_reference_answer),
        cmocka_unit_test(sync_back_and_forth_keeps_the_results),
        cmocka_unit_test(sync_refuses_what_is_outside),
        cmocka_unit_test(sync_can_be_cancelled_and_repeated),
        cmocka_unit_test(argmax_is_the_largest_logit),
        cmocka_unit_test(sample_depends_on_seed_and_position_only),
        cmocka_unit_test(score_hands_out_every_row),
        cmocka_unit_test(a_profile_tells_time_bytes_and_operations),
        cmocka_unit_test(bytes_return_to_what_they_were),
    };
    return cmocka_run_group_tests(tests, open_demo, close_demo);
}
