/* SPDX-License-Identifier: MIT */
/* Values that float16 does not hold: found, computed again in f32, and from then on the model's
 * results are those of f32, to the bit; one warning.
 *   test_range NAME ...: with these checkpoints, of BF16 tensors, the first layer dense. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "model/damage.h"

#define PROMPT 70
#define N 12
#define CONTEXT 128
#define COLUMN 5 /* of the hidden state, that one token alone has a value in */

struct results {
    uint32_t vocab, prompt[PROMPT], taken, tokens[N];
    float   *before, *after; /* the last logits of the prompt and of the tokens */
    float   *rows;           /* of the prompt's every position */
};

static bool take(void *user, uint32_t token)
{
    struct results *r = user;
    assert_true(r->taken < N);
    r->tokens[r->taken++] = token;
    return true;
}

static void compute(struct results *r, dsvk_session *s)
{
    r->taken = 0;
    sync(s, r->prompt, PROMPT);
    r->before = logits(s, r->vocab);
    assert_int_equal(generate_ids(s, N, NULL, take, r), DSVK_OK);
    assert_int_equal(r->taken, N);
    r->after = logits(s, r->vocab);
    r->rows  = score(s, r->prompt, PROMPT, r->vocab);
}

static void done(struct results *r)
{
    free(r->before);
    free(r->after);
    free(r->rows);
}

static void expect_same(const struct results *a, const struct results *b)
{
    size_t row = a->vocab * sizeof(float);
    assert_memory_equal(a->tokens, b->tokens, sizeof a->tokens);
    assert_memory_equal(a->before, b->before, row);
    assert_memory_equal(a->after, b->after, row);
    assert_memory_equal(a->rows, b->rows, PROMPT * row);
}

static void compute_in(struct results *r, dsvk_model *model, uint32_t chunk)
{
    dsvk_session *s = session(model, CONTEXT, chunk, DSVK_CACHE_BF16);
    make_tokens(r->prompt, PROMPT, r->vocab, 9);
    compute(r, s);
    dsvk_session_free(s);
}

static void expect_warning(const char *positions)
{
    char text[256];
    snprintf(text, sizeof text,
             "session: values at position%s leave the range of float16; products are computed in "
             "f32 from here on",
             positions);
    assert_string_equal(last_line(), text);
    assert_int_equal(expected_lines(), 1);
}

/* The same function with larger numbers inside: what goes into down_proj, or into o_proj. */
static void scale(const struct subject *subject, const char *first, const char *second, int power)
{
    damage_scale(subject, first, power);
    damage_scale(subject, second, -power);
}

static void check_prompt(const struct subject *subject, uint32_t chunk, const char *positions)
{
    struct results f32 = { .vocab = subject->vocab }, f16 = f32, more = f32;
    dsvk_model    *model = load(subject, DSVK_MATH_F32, false);
    compute_in(&f32, model, chunk);
    dsvk_model_close(model);
    model = load(subject, DSVK_MATH_F16, false);
    expect_lines();
    compute_in(&f16, model, chunk);
    expect_warning(positions);
    compute_in(&more, model, 33); /* another session of the same model */
    expect_same(&f32, &f16);
    expect_same(&f32, &more);
    dsvk_model_close(model);
    done(&f32);
    done(&f16);
    done(&more);
}

static void score_is_computed_again(const struct subject *subject)
{
    uint32_t tokens[PROMPT];
    float   *rows[2];
    make_tokens(tokens, PROMPT, subject->vocab, 9);
    for (unsigned i = 0; i < 2; i++) {
        dsvk_model   *model = load(subject, i ? DSVK_MATH_F16 : DSVK_MATH_F32, false);
        dsvk_session *s     = session(model, CONTEXT, CONTEXT, DSVK_CACHE_BF16);
        expect_lines();
        rows[i] = score(s, tokens, PROMPT, subject->vocab);
        assert_int_equal(expected_lines(), i);
        dsvk_session_free(s);
        dsvk_model_close(model);
    }
    assert_memory_equal(rows[0], rows[1], PROMPT * subject->vocab * sizeof(float));
    free(rows[0]);
    free(rows[1]);
}

static void larger_numbers_give_the_results_of_f32(void **state)
{
    struct subject subject;
    subject_init(&subject, *state);
    scale(&subject, "up_proj", "down_proj", 20);
    check_prompt(&subject, CONTEXT, "s 0 to 69");
    check_prompt(&subject, 16, "s 0 to 15");
    check_prompt(&subject, 1, " 0");
    score_is_computed_again(&subject);
    subject_done(&subject);
}

/* Where there are matrix units: weights, and latents in attention, in float16. */
static void matrix_units_have_a_range(void **state)
{
    device_as_hardware(true);
    for (unsigned i = 0; i < 2 && device_has_matrix_units(); i++) {
        struct subject subject;
        subject_init(&subject, *state);
        if (i == 0)
            scale(&subject, "up_proj", "down_proj", 20);
        else
            scale(&subject, "kv_a_layernorm", "kv_b_proj", 18);
        check_prompt(&subject, i ? 33 : CONTEXT, i ? "s 0 to 32" : "s 0 to 69");
        subject_done(&subject);
    }
    device_as_hardware(false);
}

/* Within the range nothing is said, and float16 stays. */
static void numbers_in_range_stay(void **state)
{
    struct subject subject;
    subject_init(&subject, *state);
    scale(&subject, "up_proj", "down_proj", 8);
    struct results f16   = { .vocab = subject.vocab };
    dsvk_model    *model = load(&subject, DSVK_MATH_F16, false);
    compute_in(&f16, model, CONTEXT);
    assert_false(model->left_f16);
    dsvk_model_close(model);
    done(&f16);
    subject_done(&subject);
}

/* ---- a token that leaves the range when it comes ---- */

/* A column of the first feed forward's input that is 0, and what it would be multiplied by. */
static void prepare(const struct subject *subject)
{
    damage_fill(subject, "model.embed_tokens.weight", ALL, COLUMN, 0);
    damage_fill(subject, "model.layers.0.self_attn.o_proj.weight", COLUMN, ALL, 0);
    damage_fill(subject, "model.layers.0.mlp.up_proj.weight", ALL, COLUMN, 0x1p22f);
}

static uint32_t new_token(const struct results *r, size_t *at)
{
    for (*at = 3; *at < N; ++*at) {
        bool known = false;
        for (size_t k = 0; k < PROMPT; k++)
            known = known || r->prompt[k] == r->tokens[*at];
        for (size_t k = 0; k < *at; k++)
            known = known || r->tokens[k] == r->tokens[*at];
        if (!known)
            return r->tokens[*at];
    }
    fail();
    return 0;
}

static void generate_over_it(struct results *r, const struct subject *subject, uint32_t ahead,
                             size_t at)
{
    char          text[16];
    dsvk_model   *model      = load(subject, DSVK_MATH_F16, false);
    dsvk_session *s          = session(model, CONTEXT, CONTEXT, DSVK_CACHE_BF16);
    s->session->params.ahead = ahead;
    snprintf(text, sizeof text, " %zu", PROMPT + at);
    expect_lines();
    compute(r, s);
    expect_warning(text);
    assert_true(model->left_f16);
    dsvk_session_free(s);
    dsvk_model_close(model);
}

static void generating_goes_on_in_f32(void **state)
{
    size_t         at;
    struct subject subject;
    subject_init(&subject, *state);
    prepare(&subject);
    struct results plain = { .vocab = subject.vocab }, first = plain;
    dsvk_model    *model = load(&subject, DSVK_MATH_F16, false);
    compute_in(&plain, model, CONTEXT);
    assert_false(model->left_f16);
    dsvk_model_close(model);
    damage_fill(&subject, "model.embed_tokens.weight", new_token(&plain, &at), COLUMN, 4);
    memcpy(first.prompt, plain.prompt, sizeof plain.prompt);
    generate_over_it(&first, &subject, 0, at);
    assert_memory_equal(first.tokens, plain.tokens, (at + 1) * sizeof *first.tokens);
    assert_memory_equal(first.before, plain.before, subject.vocab * sizeof(float));
    for (uint32_t ahead = 1; ahead <= 7; ahead = ahead * 2 + 1) {
        struct results r = first;
        generate_over_it(&r, &subject, ahead, at);
        expect_same(&first, &r);
        done(&r);
    }
    done(&first);
    done(&plain);
    subject_done(&subject);
}

int main(int argc, char **argv)
{
    return for_each_checkpoint(argc, argv, "larger_numbers_give_the_results_of_f32",
                               larger_numbers_give_the_results_of_f32) |
           for_each_checkpoint(argc, argv, "matrix_units_have_a_range", matrix_units_have_a_range) |
           for_each_checkpoint(argc, argv, "numbers_in_range_stay", numbers_in_range_stay) |
           for_each_checkpoint(argc, argv, "generating_goes_on_in_f32", generating_goes_on_in_f32);
}
