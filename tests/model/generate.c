/* SPDX-License-Identifier: MIT */
/* Decoding with passes queued ahead gives what argmax, or sample, and sync by turns give, to the
 * bit: however many passes, over the border between two splits of attention, stopped anywhere. */
#include "model/support.h"

#include <stdlib.h>
#include <string.h>

#include "api/handles.h"

#define PROMPT 248 /* a split of attention has 64 or 256 positions */
#define N 24
#define CONTEXT 384

struct expected {
    uint32_t vocab, tokens[PROMPT + N + 1]; /* the prompt, then what follows one by one */
    float   *rows[N + 1];                   /* logits before each of those tokens */
};

struct taker {
    const struct expected *expected;
    size_t                 taken, stop; /* refuses the token after so many */
};

static bool take(void *user, uint32_t token)
{
    struct taker *t = user;
    assert_true(t->taken <= N);
    assert_int_equal(token, t->expected->tokens[PROMPT + t->taken]);
    if (t->taken == t->stop)
        return false;
    t->taken++;
    return true;
}

static dsvk_session *new_session(dsvk_model *model, uint32_t context, uint32_t ahead)
{
    dsvk_session *s          = session(model, context, 64, DSVK_CACHE_BF16);
    s->session->params.ahead = ahead;
    return s;
}

static void expect_at(dsvk_session *s, const struct expected *e, size_t n)
{
    uint32_t token;
    assert_int_equal(dsvk_session_tokens(s), PROMPT + n);
    assert_int_equal(dsvk_session_argmax(s, &token), DSVK_OK);
    assert_int_equal(token, e->tokens[PROMPT + n]);
    float *row = logits(s, e->vocab);
    assert_memory_equal(row, e->rows[n], e->vocab * sizeof *row);
    free(row);
    assert_int_equal(dsvk_session_argmax(s, &token), DSVK_OK);
    assert_int_equal(token, e->tokens[PROMPT + n]);
}

static void decode_one_by_one(struct expected *e, dsvk_model *model)
{
    dsvk_session *s = new_session(model, CONTEXT, 0);
    make_tokens(e->tokens, PROMPT, e->vocab, 5);
    for (size_t n = 0; n <= N; n++) {
        sync(s, e->tokens, PROMPT + n);
        e->rows[n] = logits(s, e->vocab);
        assert_int_equal(dsvk_session_argmax(s, &e->tokens[PROMPT + n]), DSVK_OK);
    }
    dsvk_session_free(s);
}

static void generate(dsvk_session *s, const struct expected *e, size_t n, size_t from, size_t stop)
{
    struct taker t   = { e, from, stop };
    size_t       end = from + n < stop ? from + n : stop;
    assert_int_equal(generate_ids(s, n, NULL, take, &t), DSVK_OK);
    assert_int_equal(t.taken, end);
}

static void check_ahead(const struct expected *e, dsvk_model *model, uint32_t ahead)
{
    dsvk_session *s = new_session(model, CONTEXT, ahead);
    sync(s, e->tokens, PROMPT);
    generate(s, e, N, 0, SIZE_MAX);
    expect_at(s, e, N);
    /* Refused at once, after one, in the middle of what is queued; then on from there. */
    sync(s, e->tokens, PROMPT);
    generate(s, e, N, 0, 0);
    expect_at(s, e, 0);
    generate(s, e, N, 0, 1);
    expect_at(s, e, 1);
    generate(s, e, N, 1, 10);
    generate(s, e, 5, 10, SIZE_MAX); /* without a look at the logits */
    generate(s, e, N, 15, 17);
    expect_at(s, e, 17);
    /* Other calls find nothing of what ran too far. */
    generate(s, e, N, 17, 19);
    sync(s, e->tokens, PROMPT + 20);
    expect_at(s, e, 20);
    generate(s, e, N, 20, 22);
    float *rows = score(s, e->tokens, PROMPT + 8, e->vocab);
    assert_memory_equal(rows + (size_t)(PROMPT + 7) * e->vocab, e->rows[8],
                        e->vocab * sizeof *rows);
    free(rows);
    dsvk_session_free(s);
}

static void check_end_of_context(const struct expected *e, dsvk_model *model, uint32_t ahead)
{
    dsvk_session *s = new_session(model, PROMPT + 10, ahead);
    sync(s, e->tokens, PROMPT);
    generate(s, e, 10, 0, SIZE_MAX);
    expect_at(s, e, 10);
    sync(s, e->tokens, PROMPT);
    struct taker t = { e, 0, SIZE_MAX };
    assert_int_equal(generate_ids(s, 0, NULL, take, &t), DSVK_OK);
    assert_int_equal(t.taken, 11); /* the last without room for it */
    expect_at(s, e, 10);
    t.taken = 10;
    assert_int_equal(generate_ids(s, 0, NULL, take, &t), DSVK_OK);
    assert_int_equal(t.taken, 11);
    expect_at(s, e, 10);
    dsvk_session_free(s);
}

/* ---- drawn tokens ---- */

struct drawn {
    uint32_t tokens[PROMPT + N + 1]; /* the prompt, then what the host draws one by one */
    size_t   taken, stop;
};

static bool take_drawn(void *user, uint32_t token)
{
    struct drawn *d = user;
    assert_true(d->taken <= N);
    assert_int_equal(token, d->tokens[PROMPT + d->taken]);
    if (d->taken == d->stop)
        return false;
    d->taken++;
    return true;
}

/* The device draws, passes ahead of the host; afterwards all is as without it. */
static void check_drawn(const struct expected *e, dsvk_model *model, uint32_t ahead,
                        const dsvk_sampling *sampling)
{
    struct drawn  d = { .stop = 7 };
    dsvk_session *s = new_session(model, CONTEXT, ahead);
    uint32_t      token, argmax;
    memcpy(d.tokens, e->tokens, PROMPT * sizeof *d.tokens);
    for (size_t n = 0; n <= N; n++) {
        sync(s, d.tokens, PROMPT + n);
        assert_int_equal(dsvk_session_argmax(s, &argmax), DSVK_OK);
        assert_int_equal(dsvk_session_sample(s, sampling, &d.tokens[PROMPT + n]), DSVK_OK);
    }
    s->session->params.draw = true;
    sync(s, d.tokens, PROMPT);
    assert_int_equal(generate_ids(s, N, sampling, take_drawn, &d), DSVK_OK);
    assert_int_equal(d.taken, 7);
    d.stop = SIZE_MAX;
    assert_int_equal(generate_ids(s, N - 7, sampling, take_drawn, &d), DSVK_OK);
    assert_int_equal(dsvk_session_tokens(s), PROMPT + N);
    assert_int_equal(dsvk_session_argmax(s, &token), DSVK_OK);
    assert_int_equal(token, argmax);
    assert_int_equal(dsvk_session_sample(s, sampling, &token), DSVK_OK);
    assert_int_equal(token, d.tokens[PROMPT + N]);
    dsvk_session_free(s);
}

static void check_draws(const struct expected *e, dsvk_model *model)
{
    static const dsvk_sampling settings[] = {
        { .temperature = 1.0f, .seed = 7 },
        { .temperature = 0.8f, .top_p = 0.9f, .seed = UINT64_C(0x123456789) },
        { .temperature = 1.5f, .top_k = 20, .top_p = 0.95f, .min_p = 0.02f, .seed = 1 },
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        check_drawn(e, model, (uint32_t)i * 3, &settings[i]);
}

static void check_nothing_computed(dsvk_model *model)
{
    dsvk_session *s = new_session(model, CONTEXT, 0);
    struct taker  t = { NULL, 0, 0 };
    expect_lines();
    assert_int_equal(generate_ids(s, 1, NULL, take, &t), DSVK_BAD_ARGUMENT);
    assert_int_equal(expected_lines(), 1);
    assert_int_equal(dsvk_session_tokens(s), 0);
    dsvk_session_free(s);
}

static void generating_ahead_gives_the_same_bits(void **state)
{
    struct subject subject;
    subject_init(&subject, *state);
    dsvk_model     *model = load(&subject, DSVK_MATH_F32, false);
    struct expected e     = { .vocab = subject.vocab };
    decode_one_by_one(&e, model);
    for (uint32_t ahead = 0; ahead <= 7; ahead = ahead * 2 + 1)
        check_ahead(&e, model, ahead);
    check_end_of_context(&e, model, 0);
    check_end_of_context(&e, model, 7);
    check_draws(&e, model);
    check_nothing_computed(model);
    for (size_t n = 0; n <= N; n++)
        free(e.rows[n]);
    dsvk_model_close(model);
    subject_done(&subject);
}

int main(int argc, char **argv)
{
    return for_each_checkpoint(argc, argv, "generating_ahead_gives_the_same_bits",
                               generating_ahead_gives_the_same_bits);
}
