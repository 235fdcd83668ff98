/* SPDX-License-Identifier: MIT */
/* Within the pass of a prompt others get their tokens: one thread decodes while another computes a
 * prompt whose pass is cut at every stage. What is counted are batches that ran in between, and
 * both have the tokens that they have alone. */
#include "model/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"

#define PROMPT 150 /* in chunks of 64: a last one of 22 */
#define SHORT 20
#define CONTEXT 512
#define N (CONTEXT - SHORT)
#define ALONE 48
#define TINY UINT64_C(1) /* ns: a slice for each stage */

struct decoder {
    dsvk_session *session;
    atomic_bool   enough;
    atomic_uint   taken;
    dsvk_status   status;
    uint32_t      tokens[N];
};

static struct subject subject;

static dsvk_session *sliced(dsvk_model *model)
{
    dsvk_session *s             = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    s->session->engine.slice_ns = TINY;
    return s;
}

static bool take(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct decoder *d = user;
    (void)text;
    (void)bytes;
    if (token == DSVK_TEXT_END)
        return true;
    unsigned n = atomic_load(&d->taken);
    if (n == N || atomic_load(&d->enough))
        return false;
    d->tokens[n] = token;
    atomic_store(&d->taken, n + 1);
    return true;
}

static void *decode(void *user)
{
    struct decoder      *d      = user;
    dsvk_generate_params params = { .past_end = true, .take = take, .user = d };
    d->status                   = dsvk_session_generate(d->session, &params, NULL);
    return NULL;
}

/* The first ALONE of them, with nobody else about. */
static void decode_alone(uint32_t *out, dsvk_model *model, const uint32_t *prompt)
{
    dsvk_session        *s      = sliced(model);
    struct decoder       d      = { .session = s };
    dsvk_generate_params params = { .limit = ALONE, .past_end = true, .take = take, .user = &d };
    sync(s, prompt, SHORT);
    assert_int_equal(dsvk_session_generate(s, &params, NULL), DSVK_OK);
    memcpy(out, d.tokens, ALONE * sizeof *out);
    dsvk_session_free(s);
}

static void start(pthread_t *thread, struct decoder *d, dsvk_model *model, const uint32_t *prompt)
{
    d->session = sliced(model);
    sync(d->session, prompt, SHORT);
    assert_int_equal(pthread_create(thread, NULL, decode, d), 0);
    while (atomic_load(&d->taken) < 3)
        ;
}

static void expect_prompt(dsvk_model *model, const uint32_t *prompt, float **last)
{
    dsvk_session *s = sliced(model);
    sync(s, prompt, PROMPT);
    float             *row = logits(s, subject.vocab);
    dsvk_session_stats stats;
    dsvk_session_stats_get(s, &stats);
    assert_int_equal(stats.prefill_tokens, PROMPT); /* none was found in pages */
    if (*last)
        assert_memory_equal(row, *last, subject.vocab * sizeof *row);
    else
        *last = row;
    if (*last != row)
        free(row);
    dsvk_session_free(s);
}

static void others_decode_within_a_prompt(void **state)
{
    uint32_t       prompt[PROMPT], brief[SHORT], alone[ALONE];
    float         *last = NULL;
    struct decoder d    = { 0 };
    pthread_t      thread;
    (void)state;
    dsvk_model *model = load(&subject, DSVK_MATH_F32, false);
    make_tokens(prompt, PROMPT, subject.vocab, 7);
    make_tokens(brief, SHORT, subject.vocab, 8);
    expect_prompt(model, prompt, &last);
    decode_alone(alone, model, brief);

    dsvk_session *keeps = sliced(model); /* the runner */
    start(&thread, &d, model, brief);
    struct dv_runner *r      = keeps->session->runner;
    uint64_t          before = r->n_within;
    expect_prompt(model, prompt, &last);
    unsigned taken = atomic_load(&d.taken);
    atomic_store(&d.enough, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(d.status, DSVK_OK);
    assert_ptr_equal(d.session->session->runner, r);
    assert_true(r->n_within - before >= 10); /* of some 100 slices; a prompt has three chunks */
    assert_true(taken >= 10);
    assert_memory_equal(d.tokens, alone, (taken < ALONE ? taken : ALONE) * sizeof *alone);
    free(last);
    dsvk_session_free(d.session);
    dsvk_session_free(keeps);
    dsvk_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(others_decode_within_a_prompt) };
    subject_init(&subject, "v3");
    int failed = cmocka_run_group_tests(tests, device_setup, device_teardown);
    subject_done(&subject);
    return failed;
}
