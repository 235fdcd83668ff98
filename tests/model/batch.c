/* SPDX-License-Identifier: MIT */
/* A batch, run by hand over the caches of several sessions: each row has, bit by bit, the logits
 * and tokens that its timeline has alone, whatever the others are and however many; also in passes
 * that are queued behind the first. */
#include "model/support.h"

#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "engine/step.h"

#define CONTEXT 320 /* more than a split of attention */
#define PASSES 3

/* What a timeline finds alone, from `position` on. */
struct alone {
    dsvk_session *session;
    uint32_t      tokens[CONTEXT]; /* up to position, then those found */
    uint32_t      position;
    float        *rows; /* [PASSES, vocab] */
};

struct base {
    dsvk_model  *model;
    uint32_t     vocab;
    struct alone alone[DV_MOST_ROWS];
};

/* The first passes of the second begin a page, of the first a page and a split. */
static uint32_t position_of(uint32_t row)
{
    static const uint32_t positions[] = { 254, 63, 0, 130, 1, 64, 7, 62 };
    return row < 8 ? positions[row] : (row * 37 + 5) % 96;
}

static void compute_alone(struct alone *a, const struct base *b, uint32_t row, dsvk_cache cache)
{
    *a = (struct alone){ .session  = session(b->model, CONTEXT, 128, cache),
                         .position = position_of(row),
                         .rows     = calloc((size_t)PASSES * b->vocab, sizeof(float)) };
    assert_non_null(a->rows);
    make_tokens(a->tokens, a->position + 1, b->vocab, row + 1);
    for (uint32_t k = 0; k <= a->position; k++) /* the first ones differ as well */
        a->tokens[k] = (a->tokens[k] + row) % b->vocab;
    if (a->position > 0)
        sync(a->session, a->tokens, a->position);
    for (uint32_t p = 0; p < PASSES; p++) {
        uint32_t *next = &a->tokens[a->position + p + 1];
        sync(a->session, a->tokens, a->position + p + 1);
        float *row_of_p = logits(a->session, b->vocab);
        memcpy(a->rows + (size_t)p * b->vocab, row_of_p, b->vocab * sizeof(float));
        free(row_of_p);
        assert_int_equal(dsvk_session_argmax(a->session, next), DSVK_OK);
    }
}

/* Something else stands where the batch is to write. */
static void spoil(struct alone *a, uint32_t vocab)
{
    uint32_t tokens[CONTEXT], n = a->position + PASSES;
    memcpy(tokens, a->tokens, n * sizeof *tokens);
    for (uint32_t k = a->position; k < n; k++)
        tokens[k] = (tokens[k] + 17) % vocab;
    sync(a->session, tokens, n);
}

static void expect_row(const struct base *b, struct dv_program *p, uint32_t r, uint32_t pass)
{
    const struct dv_session *s      = b->alone[0].session->session;
    const struct dv_value   *logits = &p->graph->values[p->graph->logits];
    const struct alone      *a      = &b->alone[r];
    const struct dv_lane    *lane   = &s->runner->lanes[DV_LANE_BATCH];
    float                   *row    = calloc(b->vocab, sizeof *row);
    assert_non_null(row);
    assert_int_equal(dv_stream_download(s->engine.stream, row, lane->arena,
                                        logits->arena_offset + (uint64_t)r * logits->stride * 4,
                                        b->vocab * sizeof *row),
                     DSVK_OK);
    if (memcmp(row, a->rows + (size_t)pass * b->vocab, b->vocab * sizeof *row) != 0)
        fail_msg("%u rows, pass %u: the logits of row %u are not those that it has alone",
                 p->graph->size.tokens, pass, r);
    free(row);
    for (uint32_t k = 0; k <= pass; k++)
        assert_int_equal(dv_step_chosen(lane->step->mapped, r, a->position + k),
                         a->tokens[a->position + k + 1]);
}

static void submit(const struct dv_session *s, const struct dv_program *p, uint32_t n)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < n * p->slices.n; i++)
        assert_int_equal(
            dv_stream_submit(s->engine.stream, p->slices.commands[i % p->slices.n], &value),
            DSVK_OK);
    assert_int_equal(dv_stream_wait(s->engine.stream, value, 0), DSVK_OK);
}

/* The first n timelines in a batch that was recorded for `size`. */
static void check_batch(struct base *b, uint32_t n, uint32_t size)
{
    struct dv_session *s    = b->alone[0].session->session;
    struct dv_pass     pass = { .tokens = size, .batch = true };
    struct dv_step_row rows[DV_MOST_ROWS];
    struct dv_program *p;
    for (uint32_t r = 0; r < n; r++) {
        struct alone *a = &b->alone[r];
        spoil(a, b->vocab);
        rows[r] = (struct dv_step_row){ .token    = a->tokens[a->position],
                                        .position = a->position,
                                        .pages    = a->session->session->cache->table->address };
    }
    assert_int_equal(dv_session_program(&p, s, &pass), DSVK_OK);
    struct dv_lane *lane = &s->runner->lanes[DV_LANE_BATCH];
    lane->last           = NULL; /* nobody's results are left */
    lane->n              = 0;
    dv_step_write_batch(lane->step->mapped, p, s->runner->split, rows, n);
    submit(s, p, 1);
    for (uint32_t r = 0; r < n; r++)
        expect_row(b, p, r, 0);
    submit(s, p, PASSES - 1);
    for (uint32_t r = 0; r < n; r++)
        expect_row(b, p, r, PASSES - 1);
}

/* The passes up to four rows and those above have other kernels. */
static void check(const struct subject *subject, dsvk_math math, dsvk_cache cache, bool thorough)
{
    static const uint32_t counts[] = { 1, 2, 3, 5, 8, 17, 32 };
    struct base           b        = { .vocab = subject->vocab };
    b.model                        = load(subject, math, false);
    for (uint32_t r = 0; r < (thorough ? DV_MOST_ROWS : 17); r++)
        compute_alone(&b.alone[r], &b, r, cache);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (thorough || counts[i] == 3 || counts[i] == 17)
            check_batch(&b, counts[i], counts[i]);
    if (thorough)
        check_batch(&b, 5, 8);
    for (uint32_t r = 0; r < DV_MOST_ROWS && b.alone[r].session; r++) {
        dsvk_session_free(b.alone[r].session);
        free(b.alone[r].rows);
    }
    dsvk_model_close(b.model);
}

static void a_row_has_the_bits_that_it_has_alone(void **state)
{
    static const dsvk_cache caches[] = { DSVK_CACHE_BF16, DSVK_CACHE_F32, DSVK_CACHE_FP8 };
    struct subject          subject;
    subject_init(&subject, *state);
    for (size_t i = 0; i < sizeof caches / sizeof *caches; i++) {
        check(&subject, DSVK_MATH_F32, caches[i], i == 0);
        check(&subject, DSVK_MATH_F16, caches[i], false);
    }
    subject_done(&subject);
}

int main(int argc, char **argv)
{
    return for_each_checkpoint(argc, argv, "a_row_has_the_bits_that_it_has_alone",
                               a_row_has_the_bits_that_it_has_alone);
}
