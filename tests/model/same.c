/* SPDX-License-Identifier: MIT */
/* One answer: the logits of a position do not depend on how its tokens were divided into passes, on
 * what the session held before, or on fusion. They are compared bit by bit. With f16 products that
 * holds for the absorbed form of attention only, so nothing else is used here. */
#include "model/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond two pages of the cache and one split of attention, and no multiple of any chunk. */
#define N 140
#define CONTEXT 256
#define FROM 122 /* decoded one by one from here on, over the border at 128 */

struct base {
    const char *name;
    dsvk_model *model;
    dsvk_cache  cache;
    uint32_t    vocab;
    uint32_t    tokens[N];
    float      *rows; /* what everything is compared with: [N, vocab] */
    char        what[64];
    unsigned   *differences;
};

static const char *const cache_names[] = {
    [DSVK_CACHE_BF16] = "bf16", [DSVK_CACHE_F32] = "f32", [DSVK_CACHE_FP8] = "fp8"
};

/* Counts and tells; the test fails at its end, so that one run shows all that differ. */
static void expect_row(const struct base *b, const float *row, size_t position, const char *how)
{
    const float *expected = b->rows + position * b->vocab;
    double       most = 0, error = 0;
    if (memcmp(row, expected, b->vocab * sizeof *row) == 0)
        return;
    for (uint32_t i = 0; i < b->vocab; i++) {
        most  = fmax(most, fabs(expected[i]));
        error = fmax(error, fabs((double)row[i] - expected[i]));
    }
    print_error("%s: %s: position %zu differs by %.1e of the largest logit\n", b->what, how,
                position, error / most);
    (*b->differences)++;
}

static void expect_last(const struct base *b, dsvk_session *s, const char *how)
{
    float *row = logits(s, b->vocab);
    expect_row(b, row, dsvk_session_tokens(s) - 1, how);
    free(row);
}

static dsvk_session *new_session(const struct base *b, dsvk_model *model, uint32_t chunk)
{
    dsvk_session *s = session(model, CONTEXT, chunk, b->cache);
    choose_form(s, UINT32_MAX);
    return s;
}

static void expect_scores(const struct base *b, dsvk_model *model, uint32_t chunk, const char *how)
{
    dsvk_session *s    = new_session(b, model, chunk);
    float        *rows = score(s, b->tokens, N, b->vocab);
    unsigned      told = *b->differences;
    for (size_t i = 0; i < N && *b->differences < told + 3; i++)
        expect_row(b, rows + i * b->vocab, i, how);
    free(rows);
    dsvk_session_free(s);
}

static void expect_chunks(const struct base *b, uint32_t chunk, const char *how)
{
    dsvk_session *s = new_session(b, b->model, chunk);
    sync(s, b->tokens, N);
    expect_last(b, s, how);
    dsvk_session_free(s);
}

static void expect_decoding(const struct base *b, dsvk_model *model, size_t from, size_t to,
                            const char *how)
{
    dsvk_session *s = new_session(b, model, 64);
    for (size_t n = from; n <= to; n++) {
        sync(s, b->tokens, n);
        expect_last(b, s, how);
    }
    dsvk_session_free(s);
}

static void expect_reuse(const struct base *b)
{
    uint32_t      other[N];
    dsvk_session *s = new_session(b, b->model, 64);
    sync(s, b->tokens, 50);
    expect_last(b, s, "a beginning");
    sync(s, b->tokens, N);
    expect_last(b, s, "a beginning made longer");
    sync(s, b->tokens, N);
    expect_last(b, s, "the same again");
    sync(s, b->tokens, 61);
    expect_last(b, s, "made shorter");
    sync(s, b->tokens, N);
    expect_last(b, s, "made shorter, then longer");
    memcpy(other, b->tokens, sizeof other);
    make_tokens(other + 70, N - 70, b->vocab, 99);
    sync(s, other, N);
    sync(s, b->tokens, N);
    expect_last(b, s, "another end, then back");
    dsvk_session_free(s);
}

static void check_cache(struct base *b, dsvk_model *built, bool thorough)
{
    dsvk_session *s = new_session(b, b->model, 64);
    b->rows         = score(s, b->tokens, N, b->vocab);
    dsvk_session_free(s);
    expect_scores(b, b->model, 64, "scored again");
    expect_chunks(b, 64, "chunks of 64");
    expect_chunks(b, N, "all at once");
    expect_chunks(b, 7, "chunks of 7");
    expect_decoding(b, b->model, FROM, N, "decoded");
    expect_reuse(b);
    expect_scores(b, built, 64, "not fused");
    expect_decoding(b, built, N - 4, N, "decoded, not fused");
    if (thorough) {
        expect_chunks(b, 1, "token by token");
        expect_chunks(b, 3, "chunks of 3");
        expect_scores(b, b->model, 1, "scored token by token");
    }
    free(b->rows);
}

/* All pairs of formats for one checkpoint with aligned widths and one without; for the others each
 * format once. */
static bool wanted(const struct base *b, bool f16)
{
    if (strcmp(b->name, "v3") == 0 || strcmp(b->name, "odd-fp8") == 0)
        return true;
    return f16 == (b->cache == DSVK_CACHE_BF16);
}

static void check_math(struct base *b, const struct subject *subject, bool f16)
{
    static const dsvk_cache caches[] = { DSVK_CACHE_F32, DSVK_CACHE_BF16, DSVK_CACHE_FP8 };
    dsvk_math               math     = f16 ? DSVK_MATH_F16 : DSVK_MATH_F32;
    dsvk_model             *built    = load(subject, math, true);
    b->model                         = load(subject, math, false);
    for (size_t i = 0; i < sizeof caches / sizeof *caches; i++) {
        b->cache = caches[i];
        snprintf(b->what, sizeof b->what, "%s, %s products, %s cache", b->name, f16 ? "f16" : "f32",
                 cache_names[b->cache]);
        if (wanted(b, f16))
            check_cache(b, built, i == f16);
    }
    dsvk_model_close(built);
    dsvk_model_close(b->model);
}

static void every_way_gives_the_same_bits(void **state)
{
    unsigned       differences = 0;
    struct subject subject;
    subject_init(&subject, *state);
    struct base b = { .name = *state, .vocab = subject.vocab, .differences = &differences };
    make_tokens(b.tokens, N, b.vocab, 7);
    check_math(&b, &subject, false);
    if (!device_has_matrix_units())
        check_math(&b, &subject, true);
    subject_done(&subject);
    assert_int_equal(differences, 0);
}

int main(int argc, char **argv)
{
    return for_each_checkpoint(argc, argv, "every_way_gives_the_same_bits",
                               every_way_gives_the_same_bits);
}
