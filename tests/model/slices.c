/* SPDX-License-Identifier: MIT */
/* Passes that are cut into as many submissions as there are stages give the bits of whole ones:
 * prompts, decoding, scores, at every change of their number. */
#include "model/support.h"

#include <stdlib.h>
#include <string.h>

#include "api/handles.h"

#define PROMPT 70
#define N 12
#define CONTEXT 128
#define ENDLESS UINT64_C(1000000000000)
#define TINY UINT64_C(1) /* ns: a slice for each stage */

struct whole {
    uint32_t vocab, tokens[PROMPT + N + 1];
    float   *last, *rows; /* logits behind the prompt; of each of its tokens */
};

static dsvk_session *sliced(dsvk_model *model, uint64_t slice_ns)
{
    dsvk_session *s             = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    s->session->engine.slice_ns = slice_ns;
    return s;
}

/* Of the program for so many tokens. */
static const struct dv_slices *slices_of(const dsvk_session *s, uint32_t tokens, bool all_rows)
{
    for (uint32_t i = 0; i < DV_MAX_PROGRAMS; i++) {
        const struct dv_slot_of_program *slot = &s->session->runner->slots[i];
        if (slot->program && slot->pass.tokens == tokens && slot->pass.all_rows == all_rows)
            return &slot->program->slices;
    }
    fail_msg("no program for %u tokens", tokens);
    return NULL;
}

static uint64_t submissions(const dsvk_session *s)
{
    dsvk_session_stats stats;
    dsvk_session_stats_get(s, &stats);
    return stats.submissions;
}

static bool take(void *user, uint32_t token, const char *text, size_t bytes)
{
    uint32_t **next = user;
    (void)text;
    (void)bytes;
    if (token == DSVK_TEXT_END)
        return true;
    *(*next)++ = token;
    return true;
}

static void generate(dsvk_session *s, uint32_t *tokens, size_t n)
{
    dsvk_generate_params params = { .limit = n, .past_end = true, .take = take, .user = &tokens };
    assert_int_equal(dsvk_session_generate(s, &params, NULL), DSVK_OK);
}

static void compute_whole(struct whole *w, dsvk_model *model)
{
    dsvk_session *s = sliced(model, ENDLESS);
    make_tokens(w->tokens, PROMPT, w->vocab, 5);
    sync(s, w->tokens, PROMPT);
    w->last = logits(s, w->vocab);
    generate(s, w->tokens + PROMPT, N);
    assert_int_equal(slices_of(s, 64, false)->n, 1);
    assert_int_equal(slices_of(s, 1, false)->n, 1);
    w->rows = score(s, w->tokens, PROMPT, w->vocab); /* may drop the programs */
    dsvk_session_free(s);
}

static void expect_prompt(dsvk_session *s, const struct whole *w)
{
    sync(s, w->tokens, PROMPT);
    float *row = logits(s, w->vocab);
    assert_memory_equal(row, w->last, w->vocab * sizeof *row);
    free(row);
}

static void expect_generated(dsvk_session *s, const struct whole *w)
{
    uint32_t tokens[N];
    generate(s, tokens, N);
    assert_memory_equal(tokens, w->tokens + PROMPT, sizeof tokens);
}

static void expect_scores(dsvk_session *s, const struct whole *w)
{
    float *rows = score(s, w->tokens, PROMPT, w->vocab);
    assert_memory_equal(rows, w->rows, (size_t)PROMPT * w->vocab * sizeof *rows);
    free(rows);
}

static void check_tiny(const struct whole *w, dsvk_model *model)
{
    dsvk_session *s = sliced(model, TINY);
    expect_prompt(s, w);
    const struct dv_slices *prompt = slices_of(s, 64, false), *rest = slices_of(s, 6, false);
    assert_int_equal(prompt->n, prompt->stages);
    assert_true(prompt->n > 10);
    assert_int_equal(submissions(s), prompt->n + rest->n);
    expect_generated(s, w); /* whole first, then cut */
    const struct dv_slices *one = slices_of(s, 1, false);
    assert_int_equal(one->n, one->stages);
    assert_int_equal(submissions(s), prompt->n + rest->n + 1 + (N - 1) * (uint64_t)one->n);
    dsvk_session_free(s);
}

/* Once it is known how long attention takes, it is cut as well. */
static void check_cut(const struct whole *w, dsvk_model *model)
{
    dsvk_session           *s      = sliced(model, TINY);
    const struct dv_slices *prompt = NULL;
    for (uint64_t i = 0; i < 3; i++) {
        s->session->cache->form = (UINT64_C(1) << 62) + i; /* no page of before is found */
        sync(s, w->tokens + 1, 1);                         /* all is computed again */
        expect_prompt(s, w);
        prompt = slices_of(s, 64, false);
    }
    assert_true(prompt->n > prompt->stages);
    expect_generated(s, w);
    dsvk_session_free(s);
}

/* Whole, cut, and whole again; 0 is never cut. */
static void check_changes(const struct whole *w, dsvk_model *model)
{
    static const uint64_t times[] = { ENDLESS, TINY, TINY, ENDLESS, TINY, 0, ENDLESS, ENDLESS };
    dsvk_session         *s       = sliced(model, ENDLESS);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        s->session->engine.slice_ns = times[i];
        s->session->cache->form     = (UINT64_C(1) << 62) + i; /* no page of before is found */
        sync(s, w->tokens + 1, 1);                             /* all is computed again */
        expect_prompt(s, w);
        expect_generated(s, w);
    }
    assert_int_equal(slices_of(s, 64, false)->shrunk, 2);
    assert_int_equal(slices_of(s, 64, false)->n, 1);
    dsvk_session_free(s);
}

static void slices_change_no_bit(void **state)
{
    struct subject subject;
    subject_init(&subject, *state);
    dsvk_model  *model = load(&subject, DSVK_MATH_AUTO, false);
    struct whole w     = { .vocab = subject.vocab };
    compute_whole(&w, model);
    check_tiny(&w, model);
    check_cut(&w, model);
    check_changes(&w, model);
    dsvk_session *s = sliced(model, TINY);
    expect_scores(s, &w);
    dsvk_session_free(s);
    free(w.last);
    free(w.rows);
    dsvk_model_close(model);
    subject_done(&subject);
}

int main(int argc, char **argv)
{
    return for_each_checkpoint(argc, argv, "slices_change_no_bit", slices_change_no_bit);
}
