/* SPDX-License-Identifier: MIT */
/* Sessions that decode at the same time are rows of one batch, and each has the tokens that it has
 * alone. One thread is enough to see it: a token's taker lets the next session decode meanwhile. */
#include "model/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"

#define SESSIONS 4
#define PROMPT 61 /* of session 0; each next one has 9 more: pages and splits end differently */
#define N 20
#define CONTEXT 256

struct party;

struct guest {
    struct party *party;
    unsigned      index;
    dsvk_session *session;
    uint32_t      prompt[PROMPT + 9 * SESSIONS], alone[N];
    size_t        n_prompt, taken, refuse; /* refuse: the token that is not taken */
};

/* Guest i + 1 begins at the third token of guest i. */
struct party {
    struct guest  guests[SESSIONS];
    dsvk_sampling sampling;
    uint32_t      most_waiting; /* that the first guest found for itself */
};

static struct subject subject;

static void decode(struct guest *g);

static bool take(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct guest *g = user;
    struct party *p = g->party;
    (void)text;
    (void)bytes;
    if (token == DSVK_TEXT_END)
        return true;
    assert_true(g->taken < N);
    assert_int_equal(token, g->alone[g->taken]);
    if (g->taken == 2 && g->index + 1 < SESSIONS)
        decode(&p->guests[g->index + 1]);
    if (g->index == 0 && g->session->session->decoding.n > p->most_waiting)
        p->most_waiting = g->session->session->decoding.n;
    if (g->taken == g->refuse)
        return false;
    g->taken++;
    return true;
}

static void decode(struct guest *g)
{
    dsvk_generate_params params = {
        .sampling = g->party->sampling, .limit = N, .past_end = true, .take = take, .user = g
    };
    size_t want = g->refuse < N ? g->refuse : N;
    sync(g->session, g->prompt, g->n_prompt);
    g->taken = 0;
    assert_int_equal(dsvk_session_generate(g->session, &params, NULL), DSVK_OK);
    assert_int_equal(g->taken, want);
    assert_int_equal(dsvk_session_tokens(g->session), g->n_prompt + want);
}

/* What follows each prompt with nobody else there, by calls that make no batch. */
static void decode_alone(struct guest *g, dsvk_model *model)
{
    dsvk_session *s = session(model, CONTEXT, 32, DSVK_CACHE_BF16);
    uint32_t      timeline[PROMPT + 9 * SESSIONS + N];
    memcpy(timeline, g->prompt, g->n_prompt * sizeof *timeline);
    for (size_t n = 0; n < N; n++) {
        sync(s, timeline, g->n_prompt + n);
        assert_int_equal(dsvk_session_sample(s, &g->party->sampling, &g->alone[n]), DSVK_OK);
        timeline[g->n_prompt + n] = g->alone[n];
    }
    dsvk_session_free(s);
}

/* Afterwards each session goes on as it would have alone. */
static void check_results(struct guest *g)
{
    uint32_t token;
    float   *row;
    if (g->refuse >= N)
        return;
    assert_int_equal(dsvk_session_sample(g->session, &g->party->sampling, &token), DSVK_OK);
    assert_int_equal(token, g->alone[g->refuse]);
    row = logits(g->session, subject.vocab);
    assert_int_equal(dsvk_session_sample(g->session, &g->party->sampling, &token), DSVK_OK);
    assert_int_equal(token, g->alone[g->refuse]);
    free(row);
}

static uint64_t submissions(dsvk_model *model)
{
    return model->device->stream->submitted;
}

static void check(dsvk_model *model, struct party *p, uint32_t ahead, bool draw)
{
    uint64_t before = submissions(model);
    for (unsigned i = 0; i < SESSIONS; i++) {
        struct guest *g             = &p->guests[i];
        g->session                  = session(model, CONTEXT, 32, DSVK_CACHE_BF16);
        g->session->session->params = (struct dv_session_params){ .ahead = ahead, .draw = draw };
        g->session->session->engine.slice_ns = 0; /* one submission a pass, however slow */
        assert_ptr_equal(g->session->session->runner, p->guests[0].session->session->runner);
    }
    p->most_waiting = 0;
    decode(&p->guests[0]);
    assert_true(p->most_waiting > DV_MOST_WAITING);
    for (unsigned i = 0; i < SESSIONS; i++)
        check_results(&p->guests[i]);
    if (ahead == 0) /* prompts are 2 or 3 passes each; alone there is one for each token as well */
        assert_true(submissions(model) - before < SESSIONS * (N + 8));
    for (unsigned i = 0; i < SESSIONS; i++)
        dsvk_session_free(p->guests[i].session);
}

static void begin(struct party *p, dsvk_model *model, const dsvk_sampling *sampling)
{
    p->sampling = *sampling;
    for (unsigned i = 0; i < SESSIONS; i++) {
        struct guest *g = &p->guests[i];
        g->party        = p;
        g->index        = i;
        g->n_prompt     = PROMPT + 9 * i;
        g->refuse       = i % 2 ? 5 + 3 * i : SIZE_MAX;
        make_tokens(g->prompt, g->n_prompt, subject.vocab, 7 + i);
        decode_alone(g, model);
    }
}

/* ---- a batch that fails ---- */

static VkResult VKAPI_CALL fail_to_submit(VkQueue queue, uint32_t n, const VkSubmitInfo *infos,
                                          VkFence fence)
{
    (void)queue;
    (void)n;
    (void)infos;
    (void)fence;
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

static bool refuse_none(void *user, uint32_t token, const char *text, size_t bytes)
{
    (void)user;
    (void)token;
    (void)text;
    (void)bytes;
    return true;
}

struct failing {
    dsvk_session     *other;
    struct dv_device *dev;
    unsigned          taken;
};

/* The other one leads the batch that fails; this one is a row of it. */
static bool let_other_fail(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct failing      *f      = user;
    dsvk_generate_params params = { .limit = 4, .past_end = true, .take = refuse_none };
    (void)token;
    (void)text;
    (void)bytes;
    if (f->taken++ > 0)
        return true;
    PFN_vkQueueSubmit usual  = f->dev->vk.vkQueueSubmit;
    f->dev->vk.vkQueueSubmit = fail_to_submit;
    assert_int_equal(dsvk_session_generate(f->other, &params, NULL), DSVK_NO_VRAM);
    f->dev->vk.vkQueueSubmit = usual;
    return true;
}

static void failures_are_told_to_all_rows(dsvk_model *model)
{
    uint32_t             prompt[] = { 1, 2, 3 };
    dsvk_session        *s        = session(model, CONTEXT, 32, DSVK_CACHE_BF16);
    struct failing       f        = { .other = session(model, CONTEXT, 32, DSVK_CACHE_BF16),
                                      .dev   = device_under_test()->dev };
    dsvk_generate_params params   = {
          .limit = 4, .past_end = true, .take = let_other_fail, .user = &f
    };
    char sentence[600];
    sync(f.other, prompt, 2); /* its program for one row is there */
    assert_int_equal(dsvk_session_generate(
                         f.other, &(dsvk_generate_params){ .limit = 2, .past_end = true }, NULL),
                     DSVK_OK);
    sync(f.other, prompt, 2);
    sync(s, prompt, 3);
    expect_lines();
    assert_int_equal(dsvk_session_generate(s, &params, NULL), DSVK_NO_VRAM);
    (void)expected_lines();
    snprintf(sentence, sizeof sentence,
             "session: the pass failed that computed its token and 1 other: %s",
             dsvk_session_why(f.other));
    assert_string_equal(dsvk_session_why(s), sentence);
    assert_non_null(strstr(dsvk_session_why(f.other), "submitting work"));
    sync(s, prompt, 3); /* usable */
    dsvk_session_free(s);
    dsvk_session_free(f.other);
}

/* ---- all ---- */

static void batches_have_the_tokens_of_each_alone(void **state)
{
    static const dsvk_sampling ways[] = { { 0 },
                                          { .temperature = 0.8f, .top_p = 0.95f, .seed = 11 },
                                          { .temperature        = 0.7f,
                                            .seed               = 12,
                                            .repetition_penalty = 1.2f,
                                            .frequency_penalty  = 0.3f,
                                            .penalty_last       = 30 } };
    struct party              *p      = calloc(1, sizeof *p);
    assert_non_null(p);
    subject_init(&subject, *state);
    dsvk_model *model = load(&subject, DSVK_MATH_F32, false);
    for (unsigned way = 0; way < 3; way++) {
        begin(p, model, &ways[way]);
        check(model, p, 0, false);
        check(model, p, 3, true); /* with passes ahead the device must draw */
    }
    failures_are_told_to_all_rows(model);
    dsvk_model_close(model);
    subject_done(&subject);
    free(p);
}

int main(int argc, char **argv)
{
    return for_each_checkpoint(argc, argv, "batches", batches_have_the_tokens_of_each_alone);
}
