/* SPDX-License-Identifier: MIT */
/* Biases, penalties and masks in a session: what doubles make of the logits is chosen greedily, and
 * generate() gives the tokens of sample and sync by turns, whoever draws and however far ahead. */
#include "model/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "support/device.h"

#define PROMPT 20
#define N 30
#define CONTEXT 64
#define MOST 512 /* tokens of the vocabulary */

static struct subject subject;
static dsvk_model    *model;

static int open_model(void **state)
{
    if (device_setup(state))
        return -1;
    subject_init(&subject, "v2lite");
    model = load(&subject, DSVK_MATH_F32, false);
    return subject.vocab <= MOST ? 0 : -1;
}

static int close_model(void **state)
{
    dsvk_model_close(model);
    subject_done(&subject);
    return device_teardown(state);
}

/* ---- masks that depend on the position ---- */

struct masks {
    uint32_t words[MOST / 32];
    size_t   asked, last; /* how often, and for which position last */
    bool     none;
    size_t   end; /* 0, or the position from which on nothing is allowed */
};

static bool allows(size_t position, uint32_t id)
{
    return position % 3 == 0 || (id + position) % 7 < 3;
}

static const uint32_t *mask_of(void *user, size_t position)
{
    struct masks *m = user;
    m->asked++;
    m->last = position;
    memset(m->words, 0, sizeof m->words);
    if (m->end && position >= m->end)
        return m->words;
    if (position % 3 == 0 && !m->none)
        return NULL;
    for (uint32_t id = 0; !m->none && id < MOST; id++)
        m->words[id / 32] |= (uint32_t)allows(position, id) << id % 32;
    return m->words;
}

/* ---- what doubles say ---- */

static double changed(double value, uint32_t id, const uint32_t *tokens, size_t n,
                      const dsvk_sampling *s)
{
    unsigned all = 0, answer = 0;
    size_t   from = s->penalty_last && s->penalty_last < n ? n - s->penalty_last : 0;
    double   bias = 0, repeat = s->repetition_penalty > 0 ? (double)s->repetition_penalty : 1;
    for (size_t i = 0; i < s->n_biases; i++)
        if (s->biases[i].token == id)
            bias = (double)s->biases[i].bias;
    for (size_t i = from; i < n; i++) {
        all += tokens[i] == id;
        answer += tokens[i] == id && i >= s->prompt_tokens;
    }
    value += bias;
    if (all)
        value = value > 0 ? value / repeat : value * repeat;
    if (answer)
        value -= (double)s->presence_penalty + answer * (double)s->frequency_penalty;
    return s->mask && !allows(n, id) ? -INFINITY : value;
}

/* Greedily; false where two are too near each other to say. */
static bool best(uint32_t *token, dsvk_session *s, const uint32_t *tokens, size_t n,
                 const dsvk_sampling *sampling)
{
    float *row  = logits(s, subject.vocab);
    double most = -INFINITY, second = -INFINITY;
    for (uint32_t id = 0; id < subject.vocab; id++) {
        double value = changed((double)row[id], id, tokens, n, sampling);
        if (value > most) {
            second = most;
            most   = value;
            *token = id;
        } else if (value > second) {
            second = value;
        }
    }
    free(row);
    return most - second > 1e-5;
}

/* ---- by turns, then generated ---- */

struct drawn {
    uint32_t tokens[PROMPT + N + 1];
    size_t   taken, stop;
};

static bool take(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct drawn *d = user;
    (void)text;
    (void)bytes;
    if (token == DSVK_TEXT_END)
        return true;
    assert_true(d->taken <= N);
    assert_int_equal(token, d->tokens[PROMPT + d->taken]);
    if (d->taken == d->stop)
        return false;
    d->taken++;
    return true;
}

static void by_turns(struct drawn *d, dsvk_session *s, const dsvk_sampling *sampling)
{
    uint32_t token = 0, sure = 0;
    for (size_t n = PROMPT; n <= PROMPT + N; n++) {
        sync(s, d->tokens, n);
        assert_int_equal(dsvk_session_sample(s, sampling, &d->tokens[n]), DSVK_OK);
        if (sampling->temperature > 0 || !best(&token, s, d->tokens, n, sampling))
            continue;
        sure++;
        assert_int_equal(d->tokens[n], token);
    }
    assert_true(sampling->temperature > 0 || sure > N / 2);
}

static void generated(struct drawn *d, dsvk_session *s, const dsvk_sampling *sampling)
{
    dsvk_generate_params params = {
        .sampling = *sampling, .limit = N, .past_end = true, .take = take, .user = d
    };
    uint32_t token;
    sync(s, d->tokens, PROMPT);
    d->taken = 0;
    d->stop  = 7;
    assert_int_equal(dsvk_session_generate(s, &params, NULL), DSVK_OK);
    assert_int_equal(d->taken, 7);
    d->stop      = SIZE_MAX;
    params.limit = N - 7;
    assert_int_equal(dsvk_session_generate(s, &params, NULL), DSVK_OK);
    assert_int_equal(d->taken, N);
    assert_int_equal(dsvk_session_sample(s, sampling, &token), DSVK_OK);
    assert_int_equal(token, d->tokens[PROMPT + N]);
}

static const dsvk_bias biases[] = { { 3, 2.5f }, { 5, -INFINITY }, { 100, -3 }, { 7, 1.25f } };

static void generating_gives_what_sampling_gives(void **state)
{
    struct masks        masks      = { .none = false };
    const dsvk_sampling settings[] = {
        { .repetition_penalty = 1.3f },
        { .presence_penalty = 1.5f, .frequency_penalty = 0.5f },
        { .presence_penalty = 0.75f, .prompt_tokens = PROMPT, .penalty_last = 9 },
        { .repetition_penalty = 1.2f, .frequency_penalty = -0.25f, .penalty_last = 25 },
        { .biases = biases, .n_biases = 4, .frequency_penalty = 2, .prompt_tokens = PROMPT },
        { .mask = mask_of, .mask_user = &masks, .repetition_penalty = 1.1f },
        { .temperature = 0.9f, .top_p = 0.95f, .seed = 5, .repetition_penalty = 1.2f },
        { .temperature       = 0.7f,
          .top_k             = 30,
          .seed              = 6,
          .biases            = biases,
          .n_biases          = 4,
          .presence_penalty  = 0.5f,
          .frequency_penalty = 0.25f,
          .penalty_last      = 12 },
        { .temperature = 1, .seed = 7, .mask = mask_of, .mask_user = &masks },
    };
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        struct drawn  d;
        dsvk_session *s = session(model, CONTEXT, 16, DSVK_CACHE_BF16);
        make_tokens(d.tokens, PROMPT, subject.vocab, 3);
        by_turns(&d, s, &settings[i]);
        for (uint32_t ahead = 0; ahead <= 7; ahead = ahead * 2 + 1) {
            s->session->params.ahead = ahead;
            s->session->params.draw  = ahead > 0;
            masks.asked              = 0;
            generated(&d, s, &settings[i]);
            if (settings[i].mask) { /* once a token, twice for the first of the second call */
                assert_int_equal(masks.asked, N + 3);
                assert_int_equal(masks.last, PROMPT + N);
            }
        }
        dsvk_session_free(s);
    }
}

/* ---- what is refused ---- */

static void a_mask_of_nothing_is_refused(void **state)
{
    struct masks         masks  = { .none = true };
    dsvk_generate_params params = { .sampling = { .mask = mask_of, .mask_user = &masks } };
    dsvk_session        *s      = session(model, CONTEXT, 16, DSVK_CACHE_BF16);
    uint32_t             tokens[PROMPT], token = 1;
    (void)state;
    make_tokens(tokens, PROMPT, subject.vocab, 3);
    sync(s, tokens, PROMPT);
    for (int hot = 0; hot < 2; hot++) {
        params.sampling.temperature = (float)hot;
        expect_lines();
        assert_int_equal(dsvk_session_sample(s, &params.sampling, &token), DSVK_BAD_ARGUMENT);
        assert_int_equal(token, 0);
        assert_int_equal(dsvk_session_generate(s, &params, NULL), DSVK_BAD_ARGUMENT);
        assert_int_equal(expected_lines(), 2);
        assert_non_null(strstr(last_line(), "to choose from at position 20"));
        assert_int_equal(dsvk_session_tokens(s), PROMPT);
    }
    masks.none = false;
    assert_int_equal(dsvk_session_sample(s, &params.sampling, &token), DSVK_OK);
    assert_true(allows(PROMPT, token));
    dsvk_session_free(s);
}

/* Then the timeline ends with the last token that was taken, and goes on from there. */
static void a_mask_may_end_on_the_way(void **state)
{
    struct masks         masks  = { .end = PROMPT + 5 };
    dsvk_generate_params params = { .sampling = { .mask = mask_of, .mask_user = &masks },
                                    .past_end = true };
    dsvk_session        *s      = session(model, CONTEXT, 16, DSVK_CACHE_BF16);
    uint32_t             tokens[PROMPT], token = 1;
    (void)state;
    make_tokens(tokens, PROMPT, subject.vocab, 3);
    for (int way = 0; way < 4; way++) {
        params.sampling.temperature = (float)(way / 2);
        s->session->params.draw     = way % 2;
        sync(s, tokens, PROMPT);
        expect_lines();
        assert_int_equal(dsvk_session_generate(s, &params, NULL), DSVK_BAD_ARGUMENT);
        assert_int_equal(expected_lines(), 1);
        assert_non_null(strstr(last_line(), "to choose from at position 25"));
        assert_int_equal(dsvk_session_tokens(s), PROMPT + 5);
        assert_int_equal(masks.last, PROMPT + 5);
        assert_int_equal(dsvk_session_argmax(s, &token), DSVK_OK);
    }
    dsvk_session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generating_gives_what_sampling_gives),
        cmocka_unit_test(a_mask_of_nothing_is_refused),
        cmocka_unit_test(a_mask_may_end_on_the_way),
    };
    return test_result(cmocka_run_group_tests(tests, open_model, close_model));
}
