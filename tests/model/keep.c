/* SPDX-License-Identifier: MIT */
/* A timeline in a file: loaded into another model it goes on with the same tokens; keep_bad.c has
 * the files that are refused, keep_ends.c what may end the writing.
 *   test_keep [--full]: dies at more points */
#include "keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/device.h"

struct kept kept;

dsvk_session *new_session(dsvk_model *of)
{
    return session(of, CONTEXT, 64, DSVK_CACHE_BF16);
}

static bool take(void *user, uint32_t token, const char *text, size_t n)
{
    struct answer *a = user;
    (void)text;
    (void)n;
    if (token != DSVK_TEXT_END)
        a->ids[a->n++] = token;
    return true;
}

static void go_on(dsvk_session *s, struct answer *answer, bool drawn)
{
    dsvk_generate_params params = {
        .limit = ANSWER, .past_end = true, .take = take, .user = answer
    };
    answer->n = 0;
    if (drawn)
        params.sampling = (dsvk_sampling){ .temperature = 1, .seed = 5 };
    assert_int_equal(dsvk_session_generate(s, &params, NULL), DSVK_OK);
}

void expect_going_on(dsvk_session *s, bool drawn)
{
    struct answer answer;
    assert_int_equal(dsvk_session_tokens(s), N);
    go_on(s, &answer, drawn);
    assert_memory_equal(&answer, &kept.expected[drawn], sizeof answer);
}

unsigned char *read_whole(const char *name, size_t *n)
{
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *n                  = (size_t)ftell(file);
    unsigned char *data = malloc(*n);
    assert_non_null(data);
    rewind(file);
    assert_int_equal(fread(data, 1, *n, file), *n);
    fclose(file);
    return data;
}

static int open_models(void **state)
{
    if (device_setup(state))
        return -1;
    subject_init(&kept.subject, "v2lite");
    snprintf(kept.path, sizeof kept.path, "%s/kept", kept.subject.folder.path);
    snprintf(kept.damaged, sizeof kept.damaged, "%s/damaged", kept.subject.folder.path);
    kept.model = load(&kept.subject, DSVK_MATH_F32, false);
    kept.fresh = load(&kept.subject, DSVK_MATH_F32, false);
    make_tokens(kept.tokens, N, kept.subject.vocab, 11);
    for (int drawn = 0; drawn < 2; drawn++) {
        dsvk_session *s = new_session(kept.model);
        sync(s, kept.tokens, N);
        if (drawn == 0)
            assert_int_equal(dsvk_session_save(s, kept.path, NULL), DSVK_OK);
        go_on(s, &kept.expected[drawn], drawn);
        dsvk_session_free(s);
    }
    kept.bytes = read_whole(kept.path, &kept.n_bytes);
    return 0;
}

static int close_models(void **state)
{
    free(kept.bytes);
    remove(kept.path);
    remove(kept.damaged);
    dsvk_model_close(kept.fresh);
    dsvk_model_close(kept.model);
    subject_done(&kept.subject);
    return device_teardown(state);
}

uint64_t computed(const dsvk_session *s)
{
    dsvk_session_stats stats;
    dsvk_session_stats_get(s, &stats);
    return stats.prefill_tokens + stats.decode_tokens;
}

/* ---- good files ---- */

static void a_timeline_goes_on_elsewhere(void **state)
{
    uint32_t ids[N], token;
    size_t   n;
    (void)state;
    for (int drawn = 0; drawn < 2; drawn++) {
        dsvk_session *s = new_session(kept.fresh);
        assert_int_equal(dsvk_session_load(s, kept.path, NULL, 0, NULL), DSVK_OK);
        assert_int_equal(dsvk_session_ids(s, ids, N, &n), DSVK_OK);
        assert_int_equal(n, N);
        assert_memory_equal(ids, kept.tokens, sizeof kept.tokens);
        assert_int_equal(dsvk_session_argmax(s, &token), DSVK_OK);
        assert_int_equal(token, kept.expected[0].ids[0]);
        assert_int_equal(computed(s), 0);
        expect_going_on(s, drawn);
        dsvk_session_free(s);
    }
}

/* The same timeline gives the same bytes, also when it was loaded itself. */
static void files_are_the_same_bytes(void **state)
{
    size_t        n;
    dsvk_session *s = new_session(kept.fresh);
    (void)state;
    assert_int_equal(dsvk_session_load(s, kept.path, NULL, 0, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_save(s, kept.damaged, NULL), DSVK_OK);
    unsigned char *again = read_whole(kept.damaged, &n);
    assert_int_equal(n, kept.n_bytes);
    assert_memory_equal(again, kept.bytes, n);
    free(again);
    dsvk_session_free(s);
}

/* Others find its pages; and of a beginning, only that is taken. */
static void beginnings_are_taken(void **state)
{
    uint32_t      other[N];
    dsvk_session *a = new_session(kept.fresh), *b = new_session(kept.fresh);
    (void)state;
    memcpy(other, kept.tokens, sizeof other);
    other[100]++;
    assert_int_equal(dsvk_session_load(a, kept.path, other, N, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_tokens(a), 100);
    sync(a, other, N);
    assert_int_equal(computed(a), N - 100);
    float *row = score(b, other, N, kept.subject.vocab), *last = logits(a, kept.subject.vocab);
    assert_memory_equal(last, row + (size_t)(N - 1) * kept.subject.vocab,
                        kept.subject.vocab * sizeof *row);
    free(row);
    free(last);

    other[0]++; /* nothing in common, and fewer kept.tokens than there are: it stays as it is */
    assert_int_equal(dsvk_session_load(a, kept.path, other, N, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_tokens(a), N);
    assert_int_equal(dsvk_session_load(a, kept.path, kept.tokens, 10, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_tokens(a), N);

    assert_int_equal(dsvk_session_load(a, kept.path, NULL, 0, NULL), DSVK_OK);
    uint64_t before = computed(b);
    sync(b, kept.tokens, N);
    assert_int_equal(computed(b) - before, N - 2 * PAGE);
    dsvk_session_free(a);
    dsvk_session_free(b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timeline_goes_on_elsewhere),
        cmocka_unit_test(files_are_the_same_bytes),
        cmocka_unit_test(beginnings_are_taken),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(foreign_files_are_refused),
        cmocka_unit_test(other_settings_are_refused),
        cmocka_unit_test(writing_may_fail_anywhere),
        cmocka_unit_test(saving_and_loading_may_be_cancelled),
        cmocka_unit_test(the_process_may_die_while_it_writes),
        cmocka_unit_test(wrong_calls_are_refused),
    };
    kept.full = argc == 2 && strcmp(argv[1], "--full") == 0;
    return test_result(cmocka_run_group_tests(tests, open_models, close_models));
}
