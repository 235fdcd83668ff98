/* SPDX-License-Identifier: MIT */
/* The materialised form of attention against the absorbed one: equal but for rounding, for the
 * tokens of the pass and for those that later passes decode from its cache.
 *   test_materialise NAME ...: with these checkpoints; without names, with all. */
#include "model/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"

#define N 200
#define MORE 24
#define CONTEXT 256
/* Of the largest logit: a few roundings of 1e-7 a layer, which four layers pass on. */
#define TOLERANCE 1e-5

struct pair {
    dsvk_session *absorbed, *materialised;
    uint32_t      vocab;
    uint32_t      tokens[N + MORE];
    double        error; /* the largest yet */
};

static void compare(struct pair *p, const float *expected, const float *row)
{
    double most = 0, error = 0;
    for (uint32_t i = 0; i < p->vocab; i++) {
        most  = fmax(most, fabs(expected[i]));
        error = fmax(error, fabs((double)row[i] - expected[i]));
    }
    assert_true(error <= TOLERANCE * most); /* false for what is no number */
    p->error = fmax(p->error, error / most);
}

/* A decoded token has its results in the other lane. */
static bool last_was_materialised(const dsvk_session *s)
{
    const struct dv_lane *lanes = s->session->runner->lanes;
    bool decoded = lanes[DV_LANE_BATCH].n && lanes[DV_LANE_BATCH].rows[0].of == s->session;
    return lanes[decoded ? DV_LANE_BATCH : DV_LANE_PROMPT].last->graph->size.materialise;
}

/* Each is looked at before the other one's pass. */
static float *sync_one(dsvk_session *s, const struct pair *p, size_t n, bool materialised)
{
    sync(s, p->tokens, n);
    assert_int_equal(last_was_materialised(s), materialised);
    return logits(s, p->vocab);
}

static void sync_both(struct pair *p, size_t n, bool materialised)
{
    float *expected = sync_one(p->absorbed, p, n, false);
    float *row      = sync_one(p->materialised, p, n, materialised);
    compare(p, expected, row);
    free(expected);
    free(row);
}

static void score_both(struct pair *p)
{
    float *expected = score(p->absorbed, p->tokens, N, p->vocab);
    float *rows     = score(p->materialised, p->tokens, N, p->vocab);
    for (size_t t = 0; t < N; t++)
        compare(p, expected + t * p->vocab, rows + t * p->vocab);
    free(expected);
    free(rows);
}

/* f32 products, but with the matrices of both forms. */
static dsvk_model *load_both_forms(const struct subject *subject, bool no_fuse)
{
    dsvk_model *model = load(subject, DSVK_MATH_F16, no_fuse);
    model->run.math   = DSVK_MATH_F32;
    return model;
}

static void check_prompt(struct pair *p, dsvk_model *model, uint32_t n)
{
    p->absorbed     = session(model, CONTEXT, CONTEXT, DSVK_CACHE_F32);
    p->materialised = session(model, CONTEXT, CONTEXT, DSVK_CACHE_F32);
    choose_form(p->materialised, 1);
    sync_both(p, n, true);
    for (uint32_t k = 1; k <= 3; k++) /* decoded from the cache that it wrote */
        sync_both(p, n + k, false);
    sync_both(p, n + MORE, false);
    sync_both(p, n - 5, false);
    if (n == N)
        score_both(p);
    dsvk_session_free(p->absorbed);
    dsvk_session_free(p->materialised);
}

static void expect_same_bits(const struct pair *p, dsvk_model *fused, dsvk_model *built, uint32_t n)
{
    float *rows[2];
    for (unsigned i = 0; i < 2; i++) {
        dsvk_session *s = session(i ? built : fused, CONTEXT, CONTEXT, DSVK_CACHE_BF16);
        choose_form(s, 1);
        sync(s, p->tokens, n);
        sync(s, p->tokens, n + 2);
        rows[i] = logits(s, p->vocab);
        dsvk_session_free(s);
    }
    assert_memory_equal(rows[0], rows[1], p->vocab * sizeof *rows[0]);
    free(rows[0]);
    free(rows[1]);
}

static void forms_agree(void **state)
{
    static const uint32_t lengths[] = { 1, 3, 33, N };
    struct subject        subject;
    subject_init(&subject, *state);
    struct pair p     = { .vocab = subject.vocab };
    dsvk_model *fused = load_both_forms(&subject, false), *built = load_both_forms(&subject, true);
    make_tokens(p.tokens, N + MORE, p.vocab, 11);
    for (size_t i = 2; i < sizeof lengths / sizeof *lengths; i++) {
        check_prompt(&p, fused, lengths[i]);
        check_prompt(&p, built, lengths[i]);
    }
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        expect_same_bits(&p, fused, built, lengths[i]);
    print_message("%s: at most %.1e of the largest logit\n", subject.name, p.error);
    dsvk_model_close(fused);
    dsvk_model_close(built);
    subject_done(&subject);
}

/* Only with f16 products, at position 0, from the break-even on; a program for each form. */
static void policy_chooses(const struct subject *subject, dsvk_math math)
{
    uint32_t      tokens[N];
    dsvk_model   *model = load(subject, math, false);
    uint32_t      from  = dv_model_materialise_from(&model->config);
    dsvk_session *s     = session(model, CONTEXT, CONTEXT, DSVK_CACHE_BF16);
    make_tokens(tokens, N, subject->vocab, 12);
    if (from > N / 2) { /* too wide heads for so short a pass */
        sync(s, tokens, N);
        assert_false(last_was_materialised(s));
    } else {
        sync(s, tokens, from - 1);
        assert_false(last_was_materialised(s));
        sync(s, tokens, 2 * from - 1); /* as many tokens, but not at position 0 */
        assert_false(last_was_materialised(s));
        tokens[0]++;
        sync(s, tokens, from);
        bool f16 = math == DSVK_MATH_F16 || (math == DSVK_MATH_AUTO && device_has_matrix_units());
        assert_int_equal(last_was_materialised(s), f16);
    }
    dsvk_session_free(s);
    dsvk_model_close(model);
}

static void sessions_choose(void **state)
{
    struct subject subject;
    subject_init(&subject, *state);
    policy_chooses(&subject, DSVK_MATH_F16);
    policy_chooses(&subject, DSVK_MATH_F32);
    policy_chooses(&subject, DSVK_MATH_AUTO);
    subject_done(&subject);
}

static void break_even(void **state)
{
    static const struct {
        uint32_t kv, nope, v, tokens;
    } cases[] = {
        { 512, 128, 128, 171 }, /* V2, V3, Kimi-K2 */
        { 512, 192, 256, 399 }, /* GLM-4.7-Flash: 398.2 */
        { 64, 32, 32, 64 },     { 64, 64, 64, UINT32_MAX }, { 32, 64, 64, UINT32_MAX },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dv_config config = { .kv_lora = cases[i].kv,
                                    .nope    = cases[i].nope,
                                    .v_head  = cases[i].v };
        assert_int_equal(dv_model_materialise_from(&config), cases[i].tokens);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(break_even) };
    return cmocka_run_group_tests(tests, NULL, NULL) |
           for_each_checkpoint(argc, argv, "forms_agree", forms_agree) |
           for_each_checkpoint(argc, argv, "sessions_choose", sessions_choose);
}
