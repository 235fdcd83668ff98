/* SPDX-License-Identifier: MIT */
/* Choosing a token from a session's logits, which are overwritten where they lie: what may be
 * drawn, and what is no number. */
#include "model/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "support/device.h"

#define N 12
#define DRAWS 300
#define BEYOND 40 /* rows of the head that the tokenizer has nothing for */

static struct subject subject;
static dsvk_model    *model;
static dsvk_session  *s;
static uint32_t       tokens[N], choices;

static int open_session(void **state)
{
    if (device_setup(state))
        return -1;
    subject_init(&subject, "v2lite");
    model = load(&subject, DSVK_MATH_F32, false);
    s     = session(model, 64, 16, DSVK_CACHE_BF16);
    make_tokens(tokens, N, subject.vocab, 3);
    choices                   = subject.vocab - BEYOND;
    s->session->setup.choices = choices;
    return 0;
}

static int close_session(void **state)
{
    dsvk_session_free(s);
    dsvk_model_close(model);
    subject_done(&subject);
    return device_teardown(state);
}

/* The logits of the last pass, from now on. */
static void write_logits(const float *row)
{
    struct dv_session    *inner = s->session;
    const struct dv_lane *lane  = inner->runner->lanes;

    lane += lane->n == 0 || lane->rows[0].of != inner; /* else the other has them */
    const struct dv_graph *g  = lane->last->graph;
    const struct dv_value *v  = &g->values[g->logits];
    uint64_t               at = v->arena_offset + (uint64_t)(v->rows - 1) * v->stride * sizeof *row;
    assert_int_equal(
        dv_stream_upload(inner->engine.stream, lane->arena, at, row, subject.vocab * sizeof *row),
        DSVK_OK);
}

static uint32_t draw(uint64_t seed)
{
    uint32_t            token;
    const dsvk_sampling sampling = { .temperature = 1, .top_p = 0.9f, .seed = seed };
    assert_int_equal(dsvk_session_sample(s, &sampling, &token), DSVK_OK);
    return token;
}

/* Whatever their logits are. */
static void tokens_that_are_none_are_never_drawn(void **state)
{
    static const float beyond[] = { 100, NAN, INFINITY };
    float             *row      = calloc(subject.vocab, sizeof *row);
    (void)state;
    assert_non_null(row);
    for (uint32_t i = choices; i < subject.vocab; i++)
        row[i] = beyond[i % 3];
    sync(s, tokens, N);
    write_logits(row);
    uint32_t least = UINT32_MAX, most = 0;
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        uint32_t token = draw(seed);
        assert_true(token < choices);
        least = token < least ? token : least;
        most  = token > most ? token : most;
    }
    assert_true(least < choices / 4 && most > choices / 2);
    row[choices - 1] = 100;
    write_logits(row);
    assert_int_equal(draw(1), choices - 1);
    free(row);
}

static void what_is_no_number_is_a_failure(void **state)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    float             *row   = calloc(subject.vocab, sizeof *row);
    uint32_t           token, before;
    (void)state;
    assert_non_null(row);
    sync(s, tokens, N);
    before = draw(5);
    for (uint32_t i = 0; i < 3; i++) {
        row[(choices - 1) * i / 2] = bad[i];
        write_logits(row);
        expect_lines();
        assert_int_equal(dsvk_session_sample(s, &(dsvk_sampling){ .temperature = 1 }, &token),
                         DSVK_NOT_FINITE);
        assert_int_equal(expected_lines(), 1);
        assert_int_equal(token, 0);
        assert_int_equal(dsvk_session_tokens(s), N);
        assert_int_equal(draw(5), before); /* computed again */
        row[(choices - 1) * i / 2] = 0;
    }
    free(row);
}

/* Where the host sees them, and where they must be copied. */
static void logits_are_read_wherever_they_are(void **state)
{
    struct dv_buffer *arena = s->session->runner->lanes[DV_LANE_PROMPT].arena, kept = *arena;
    uint32_t          first[DRAWS];
    (void)state;
    sync(s, tokens, N);
    for (uint64_t seed = 0; seed < DRAWS; seed++)
        first[seed] = draw(seed);
    arena->mapped = NULL;
    arena->cached = false;
    for (uint64_t seed = 0; seed < DRAWS; seed++)
        assert_int_equal(draw(seed), first[seed]);
    *arena = kept;
}

static void one_token_to_choose_from_is_the_best(void **state)
{
    const dsvk_sampling greedy[] = { { 0 },
                                     { .temperature = -1, .seed = 3 },
                                     { .temperature = 5, .top_k = 1, .seed = 3 },
                                     { .temperature = 5, .top_p = 1e-9f, .seed = 3 },
                                     { .temperature = 1e-45f, .seed = 3 } };
    uint32_t            best, token;
    (void)state;
    for (size_t n = 2; n <= N; n++) {
        sync(s, tokens, n);
        assert_int_equal(dsvk_session_argmax(s, &best), DSVK_OK);
        for (size_t i = 0; i < sizeof greedy / sizeof *greedy; i++) {
            assert_int_equal(dsvk_session_sample(s, &greedy[i], &token), DSVK_OK);
            assert_int_equal(token, best);
        }
    }
}

/* ---- log-probabilities ---- */

struct told {
    dsvk_logprob chosen[N], best[N][DSVK_MOST_LOGPROBS];
    size_t       n, n_best, first;
};

static void note(void *user, size_t position, const dsvk_logprob *chosen, const dsvk_logprob *best,
                 size_t n_best)
{
    struct told *t = user;
    assert_true(t->n < N);
    assert_int_equal(position, t->first + t->n);
    memcpy(t->best[t->n], best, n_best * sizeof *best);
    t->chosen[t->n++] = *chosen;
    t->n_best         = n_best;
}

static bool take_told(void *user, uint32_t token)
{
    struct told *t = user;
    assert_int_equal(token, t->chosen[t->n - 1].token); /* which was told before */
    return t->n < 5;
}

static void expect_logprob(const dsvk_logprob *l, const float *row)
{
    double sum = 0;
    for (uint32_t i = 0; i < choices; i++)
        sum += exp((double)row[i]);
    assert_true(l->token < choices);
    assert_true(fabs((double)l->logprob - ((double)row[l->token] - log(sum))) < 1e-5);
}

/* The next one is before all that are not among those listed. */
static void expect_best(const dsvk_logprob *best, size_t n, const float *row)
{
    bool listed[512] = { false };
    for (size_t k = 0; k < n; k++) {
        expect_logprob(&best[k], row);
        for (uint32_t i = 0; i < choices; i++)
            assert_true(listed[i] || row[i] < row[best[k].token] ||
                        (row[i] == row[best[k].token] && i >= best[k].token));
        listed[best[k].token] = true;
    }
}

/* Of the session so far the device chooses among more than the host does. */
static void open_another(void)
{
    dsvk_session_free(s);
    s       = session(model, 64, 16, DSVK_CACHE_BF16);
    choices = s->session->setup.choices;
    assert_true(choices <= 512);
}

static void log_probabilities_are_those_of_the_logits(void **state)
{
    static const dsvk_bias bias = { 3, 50 };
    struct told            t, g;
    const dsvk_sampling    ways[] = {
           { .n_logprobs = 20 },
           { .temperature = 0.7f, .top_k = 9, .seed = 4, .n_logprobs = 3 },
           { .biases = &bias, .n_biases = 1, .n_logprobs = 1 },
           { .temperature = 1, .seed = 9, .repetition_penalty = 1.3f },
    };
    (void)state;
    open_another();
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        dsvk_sampling how = ways[i];
        uint32_t      timeline[N], token;
        memcpy(timeline, tokens, sizeof timeline);
        t = g             = (struct told){ .first = 6 };
        how.logprobs      = note;
        how.logprobs_user = &t;
        for (size_t n = 6; n < 6 + 5; n++) {
            sync(s, timeline, n);
            assert_int_equal(dsvk_session_sample(s, &how, &token), DSVK_OK);
            assert_int_equal(t.chosen[t.n - 1].token, token);
            assert_int_equal(t.n_best, how.n_logprobs);
            float *row = logits(s, subject.vocab);
            expect_logprob(&t.chosen[t.n - 1], row);
            expect_best(t.best[t.n - 1], t.n_best, row);
            free(row);
            timeline[n] = token;
        }
        for (int draw = 0; draw < 2; draw++) {
            s->session->params.draw  = draw > 0;
            s->session->params.ahead = draw > 0 ? 3 : 0;
            how.logprobs_user        = &g;
            g.n                      = 0;
            sync(s, timeline, 6);
            assert_int_equal(generate_ids(s, 9, &how, take_told, &g), DSVK_OK);
            assert_memory_equal(&g, &t, sizeof g);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_that_are_none_are_never_drawn),
        cmocka_unit_test(what_is_no_number_is_a_failure),
        cmocka_unit_test(logits_are_read_wherever_they_are),
        cmocka_unit_test(one_token_to_choose_from_is_the_best),
        cmocka_unit_test(log_probabilities_are_those_of_the_logits),
    };
    return test_result(cmocka_run_group_tests(tests, open_session, close_session));
}
