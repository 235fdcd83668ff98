/* SPDX-License-Identifier: MIT */
/* Weights that are no finite numbers, as damage to a download leaves them: choosing a token is a
 * failure with one sentence that names the layer, the timeline stays, and what does not touch the
 * damage gives the same bits as before.
 *   test_finite NAME ...: with these checkpoints, of BF16 tensors. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "model/damage.h"

#define PROMPT 20
#define N 12
#define CONTEXT 64
#define OUTSIDE "because of the embedding, the last norm or the head"

struct taker {
    size_t   taken;
    uint32_t tokens[N];
};

static bool take(void *user, uint32_t token)
{
    struct taker *t = user;
    assert_true(t->taken < N);
    t->tokens[t->taken++] = token;
    return true;
}

static void expect_sentence(const char *where, size_t position)
{
    char text[256];
    snprintf(text, sizeof text, "session: the logits at position %zu are not finite, %s", position,
             where);
    assert_string_equal(last_line(), text);
    assert_int_equal(expected_lines(), 1);
}

/* Every way to a token that the timeline's end has none of. */
static void expect_not_finite(dsvk_session *s, uint32_t vocab, const char *where)
{
    size_t        n        = dsvk_session_tokens(s);
    uint32_t      token    = 7;
    struct taker  t        = { 0 };
    dsvk_sampling sampling = { .temperature = 1 };
    for (unsigned way = 0; way < 4; way++) {
        dsvk_status status;
        expect_lines();
        sampling.temperature = way == 1 ? 1 : 0;
        if (way == 0)
            status = dsvk_session_argmax(s, &token);
        else if (way == 3)
            status = generate_ids(s, N, NULL, take, &t);
        else
            status = dsvk_session_sample(s, &sampling, &token);
        assert_int_equal(status, DSVK_NOT_FINITE);
        expect_sentence(where, n - 1);
        assert_int_equal(dsvk_session_tokens(s), n);
    }
    assert_int_equal(t.taken, 0);
    float *row = logits(s, vocab); /* raw as they are */
    bool   any = false;
    for (uint32_t i = 0; i < vocab; i++)
        any = any || !isfinite(row[i]);
    assert_true(any);
    free(row);
}

static void check_damage(const char *name, dsvk_math math, const char *tensor, size_t row,
                         float value, const char *where)
{
    uint32_t       tokens[PROMPT];
    struct subject subject;
    subject_init(&subject, name);
    damage_fill(&subject, tensor, row, 3, value);
    make_tokens(tokens, PROMPT, subject.vocab, 3);
    dsvk_model *model = load(&subject, math, false);
    for (uint32_t chunk = 1; chunk <= 64; chunk *= 8) {
        dsvk_session *s = session(model, CONTEXT, chunk, DSVK_CACHE_FP8);
        sync(s, tokens, PROMPT);
        expect_not_finite(s, subject.vocab, where);
        dsvk_session_free(s);
    }
    dsvk_model_close(model);
    subject_done(&subject);
}

static void layers_are_blamed(void **state)
{
    static const float values[] = { NAN, INFINITY, -INFINITY };
    struct subject     subject;
    subject_init(&subject, *state);
    dsvk_model *model  = load(&subject, DSVK_MATH_F32, false);
    uint32_t    layers = model->config.layers;
    dsvk_model_close(model);
    subject_done(&subject);
    for (uint32_t i = 0; i < layers; i++) {
        char tensor[64], where[32];
        snprintf(tensor, sizeof tensor, "model.layers.%u.%s_layernorm.weight", i,
                 i % 2 ? "input" : "post_attention");
        snprintf(where, sizeof where, "from layer %u on", i);
        check_damage(*state, i % 2 ? DSVK_MATH_F16 : DSVK_MATH_F32, tensor, ALL, values[i % 3],
                     where);
    }
    check_damage(*state, DSVK_MATH_F32, "model.norm.weight", ALL, NAN, OUTSIDE);
    check_damage(*state, DSVK_MATH_F16, "lm_head.weight", 77, INFINITY, OUTSIDE);
}

/* Ids that may not be chosen: their logits do not matter, whatever they are, and none is chosen. */
static void ids_are_masked(void **state)
{
    uint32_t       tokens[PROMPT];
    struct subject subject;
    subject_init(&subject, *state);
    damage_fill(&subject, "lm_head.weight", 77, ALL, NAN);
    make_tokens(tokens, PROMPT, subject.vocab, 3);
    dsvk_model *model          = load(&subject, DSVK_MATH_F32, false);
    model->info.tokenizer_size = 77;
    for (uint32_t ahead = 0; ahead <= 3; ahead += 3) {
        dsvk_session *s = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
        struct taker  t = { 0 };
        uint32_t      token;
        s->session->params.ahead = ahead;
        sync(s, tokens, PROMPT);
        assert_int_equal(generate_ids(s, N, NULL, take, &t), DSVK_OK);
        assert_int_equal(t.taken, N);
        float *row = logits(s, subject.vocab);
        assert_true(isnan(row[77]));
        assert_int_equal(dsvk_session_argmax(s, &token), DSVK_OK);
        for (uint32_t i = 0; i < 77; i++)
            assert_true(row[i] <= row[token]);
        for (size_t i = 0; i < N; i++)
            assert_true(t.tokens[i] < 77);
        assert_true(token < 77);
        free(row);
        dsvk_session_free(s);
    }
    dsvk_model_close(model);
    subject_done(&subject);
}

/* Greedy from the prompt on until the token of the damaged row, which ends it. */
static void generate_into(dsvk_session *s, const uint32_t *tokens, const struct taker *expected,
                          size_t at, uint32_t vocab)
{
    struct taker t = { 0 };
    sync(s, tokens, PROMPT);
    float *before = logits(s, vocab);
    expect_lines();
    assert_int_equal(generate_ids(s, N, NULL, take, &t), DSVK_NOT_FINITE);
    expect_sentence(OUTSIDE, PROMPT + at);
    assert_int_equal(t.taken, at + 1);
    assert_memory_equal(t.tokens, expected->tokens, t.taken * sizeof *t.tokens);
    assert_int_equal(dsvk_session_tokens(s), PROMPT + at + 1);
    expect_not_finite(s, vocab, OUTSIDE);
    sync(s, tokens, PROMPT); /* the session is as it was */
    float *again = logits(s, vocab);
    assert_memory_equal(again, before, vocab * sizeof *again);
    free(before);
    free(again);
}

static size_t first_new(const struct taker *t, const uint32_t *tokens)
{
    for (size_t i = 2; i < N; i++) {
        bool known = false;
        for (size_t k = 0; k < PROMPT; k++)
            known = known || tokens[k] == t->tokens[i];
        for (size_t k = 0; k < i; k++)
            known = known || t->tokens[k] == t->tokens[i];
        if (!known)
            return i;
    }
    fail();
    return 0;
}

static void generating_ends(void **state)
{
    uint32_t       tokens[PROMPT];
    struct taker   t = { 0 };
    struct subject subject;
    subject_init(&subject, *state);
    make_tokens(tokens, PROMPT, subject.vocab, 3);
    dsvk_model   *model = load(&subject, DSVK_MATH_F32, false);
    dsvk_session *s     = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    sync(s, tokens, PROMPT);
    assert_int_equal(generate_ids(s, N, NULL, take, &t), DSVK_OK);
    dsvk_session_free(s);
    dsvk_model_close(model);
    size_t at = first_new(&t, tokens);
    damage_fill(&subject, "model.embed_tokens.weight", t.tokens[at], ALL, NAN);
    model = load(&subject, DSVK_MATH_F32, false);
    for (uint32_t ahead = 0; ahead <= 7; ahead = ahead * 2 + 1) {
        s                        = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
        s->session->params.ahead = ahead;
        generate_into(s, tokens, &t, at, subject.vocab);
        dsvk_session_free(s);
    }
    dsvk_model_close(model);
    subject_done(&subject);
}

int main(int argc, char **argv)
{
    return for_each_checkpoint(argc, argv, "layers_are_blamed", layers_are_blamed) |
           for_each_checkpoint(argc, argv, "ids_are_masked", ids_are_masked) |
           for_each_checkpoint(argc, argv, "generating_ends", generating_ends);
}
