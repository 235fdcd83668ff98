/* SPDX-License-Identifier: MIT */
/* Encoding of texts that no golden has: random bytes, long runs, damaged UTF-8, and the time that
 * the worst of them may take. */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer_parts.h"
#include "support.h"

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void encode_random_bytes_come_back(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, DEMO);
    uint32_t             seed      = 1;
    (void)state;
    for (int round = 0; round < 600; round++) {
        char   text[300];
        size_t bytes = next_random(&seed) % sizeof text, back_bytes;
        for (size_t i = 0; i < bytes; i++) {
            text[i] = (char)next_random(&seed);
            if (round % 3 == 0) /* words of a kind */
                text[i] = "ab  \n\tthe,1"[(unsigned char)text[i] % 11];
        }
        struct dv_ids ids  = encode(&bench, tokenizer, text, bytes, round % 2);
        char         *back = decode(tokenizer, &ids, &back_bytes);
        assert_int_equal(back_bytes, bytes);
        if (bytes)
            assert_memory_equal(back, text, bytes);
        free(back);
        ids_done(&bench, &ids);
    }
    dv_tokenizer_free(tokenizer);
    assert_int_equal(bench.live, 0);
}

static void encode_invalid_utf8_leaves_its_neighbours_alone(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, DEMO);
    struct dv_ids        both      = encode(&bench, tokenizer, "the\xff\xc0the", 8, false);
    struct dv_ids        one       = encode(&bench, tokenizer, "the", 3, false);
    (void)state;
    assert_int_equal(both.n, 2 * one.n + 2);
    assert_memory_equal(both.ids, one.ids, one.n * sizeof *one.ids);
    assert_memory_equal(both.ids + one.n + 2, one.ids, one.n * sizeof *one.ids);
    ids_done(&bench, &both);
    ids_done(&bench, &one);
    dv_tokenizer_free(tokenizer);
}

static void encode_empty_text_gives_no_ids(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, DEMO);
    struct dv_ids        ids       = encode(&bench, tokenizer, NULL, 0, true);
    (void)state;
    assert_int_equal(ids.n, 0);
    ids_done(&bench, &ids);
    dv_tokenizer_free(tokenizer);
}

static void encode_appends_to_what_is_there(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, DEMO);
    struct dv_ids        ids       = encode(&bench, tokenizer, "the", 3, false);
    size_t               n         = ids.n;
    (void)state;
    assert_int_equal(dv_tokenizer_encode(tokenizer, "the", 3, false, &ids), DSVK_OK);
    assert_int_equal(ids.n, 2 * n);
    assert_int_equal(ids.ids[0], ids.ids[n]);
    ids_done(&bench, &ids);
    dv_tokenizer_free(tokenizer);
}

static void encode_special_text_is_a_token_only_when_asked(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, DEMO);
    const char          *mark      = "<｜User｜>";
    int64_t              user      = dv_tokenizer_find(tokenizer, mark);
    struct dv_ids        as_token  = encode(&bench, tokenizer, mark, strlen(mark), true);
    struct dv_ids        as_text   = encode(&bench, tokenizer, mark, strlen(mark), false);
    (void)state;
    assert_int_equal(as_token.n, 1);
    assert_int_equal(as_token.ids[0], user);
    assert_true(as_text.n > 1);
    for (size_t i = 0; i < as_text.n; i++)
        assert_int_not_equal(as_text.ids[i], user);
    ids_done(&bench, &as_token);
    ids_done(&bench, &as_text);
    dv_tokenizer_free(tokenizer);
}

/* A megabyte in one piece. Each of the n symbols is pushed at most three times, and a heap of
 * that size is log2(3 n) < 22 levels deep in both directions. */
static void encode_long_piece_costs_n_log_n(void **state)
{
    enum { BYTES = 1 << 20 };
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, DEMO);
    char                *text      = malloc(BYTES);
    struct dv_bpe_work   work      = { .ctx = &bench.ctx };
    struct dv_ids        ids       = { 0 };
    uint32_t             seed      = 5;
    (void)state;
    for (size_t i = 0; i < BYTES; i++)
        text[i] = (char)('a' + next_random(&seed) % (i < BYTES / 2 ? 1 : 20));
    assert_int_equal(dv_bpe_encode(&tokenizer->bpe, &work, text, BYTES, &ids), DSVK_OK);
    assert_true(work.steps <= (uint64_t)BYTES * 3 * 2 * 22);
    assert_true(ids.n > 0 && ids.n < BYTES);
    dv_free(&bench.ctx, ids.ids);
    dv_bpe_work_done(&work);
    free(text);
    dv_tokenizer_free(tokenizer);
    assert_int_equal(bench.live, 0);
}

static void encode_long_runs_stay_within_regex_limits(void **state)
{
    enum { BYTES = 1 << 20 };
    static const char    signs[] = " a1\n.\x01";
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, DEMO);
    char                *text      = malloc(BYTES);
    (void)state;
    for (const char *sign = signs; *sign; sign++) {
        memset(text, *sign, BYTES);
        struct dv_ids ids = encode(&bench, tokenizer, text, BYTES, true);
        assert_true(ids.n > 0);
        ids_done(&bench, &ids);
    }
    free(text);
    dv_tokenizer_free(tokenizer);
}

static struct dv_tokenizer *with_regex(struct bench *bench, const char *regex)
{
    struct dv_tokenizer *tokenizer;
    json_t              *root = load_json_file(DEMO "/tokenizer.json");
    json_t *steps = json_object_get(json_object_get(root, "pre_tokenizer"), "pretokenizers");
    json_t *split = json_array_get(steps, 0);
    json_object_set_new(json_object_get(split, "pattern"), "Regex", json_string(regex));
    while (json_array_size(steps) > 2) /* the split and ByteLevel */
        json_array_remove(steps, 1);
    bench_init(bench);
    assert_int_equal(parse_json(bench, &tokenizer, root), DSVK_OK);
    json_decref(root);
    return tokenizer;
}

/* \s+$ has its own path; in brackets it takes the general one. */
static void encode_spaces_at_end_as_the_regex_would(void **state)
{
    struct bench         bench, plain_bench;
    struct dv_tokenizer *fast  = with_regex(&bench, "\\s+$");
    struct dv_tokenizer *plain = with_regex(&plain_bench, "(?:\\s+)$");
    uint32_t             seed  = 9;
    (void)state;
    for (int round = 0; round < 3000; round++) {
        char   text[12];
        size_t bytes = 1 + next_random(&seed) % sizeof text;
        for (size_t i = 0; i < bytes; i++)
            text[i] = "  \t\n\ra"[next_random(&seed) % 6];
        struct dv_ids a = encode(&bench, fast, text, bytes, false);
        struct dv_ids b = encode(&plain_bench, plain, text, bytes, false);
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.ids, b.ids, a.n * sizeof *a.ids);
        ids_done(&bench, &a);
        ids_done(&plain_bench, &b);
    }
    char *spaces = malloc(1 << 20);
    memset(spaces, ' ', 1 << 20);
    spaces[(1 << 20) - 1] = 'a'; /* quadratic on the general path */
    struct dv_ids ids     = encode(&bench, fast, spaces, 1 << 20, false);
    assert_true(ids.n > 0);
    ids_done(&bench, &ids);
    free(spaces);
    dv_tokenizer_free(fast);
    dv_tokenizer_free(plain);
}

/* c< is normalized, so it is only looked for in what <a and <abc leave. */
static void encode_takes_the_longest_added_token(void **state)
{
    static const char added[] =
        "[{\"id\":2000,\"content\":\"<a\"},{\"id\":2001,\"content\":\"<abc\"},"
        "{\"id\":2002,\"content\":\"c<\",\"normalized\":true}]";
    static const struct {
        const char *text;
        uint32_t    ids[4], n;
    } cases[] = {
        { "<abc", { 2001 }, 1 },       { "<a<abc<a", { 2000, 2001, 2000 }, 3 },
        { "c<a", { 'c', 2000 }, 2 },   { "c<", { 2002 }, 1 },
        { "<ac<", { 2000, 2002 }, 2 }, { "<ab", { 2000, 'b' }, 2 },
    };
    struct bench         bench;
    struct dv_tokenizer *tokenizer;
    json_t              *root = load_json_file(DEMO "/tokenizer.json");
    (void)state;
    json_object_set_new(root, "added_tokens", json_loads(added, 0, NULL));
    bench_init(&bench);
    assert_int_equal(parse_json(&bench, &tokenizer, root), DSVK_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dv_ids ids = encode(&bench, tokenizer, cases[i].text, strlen(cases[i].text), true);
        assert_int_equal(ids.n, cases[i].n);
        for (size_t k = 0; k < ids.n; k++) {
            uint32_t want = cases[i].ids[k];
            assert_int_equal(ids.ids[k], want < 128 ? tokenizer->bpe.byte_id[want] : want);
        }
        ids_done(&bench, &ids);
    }
    dv_tokenizer_free(tokenizer);
    json_decref(root);
    assert_int_equal(bench.live, 0);
}

static void queries_answer_for_every_id(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, V3);
    size_t               bytes;
    (void)state;
    assert_int_equal(dv_tokenizer_size(tokenizer), 128815);
    assert_int_equal(dv_tokenizer_bos(tokenizer), 0);
    assert_true(dv_tokenizer_adds_bos(tokenizer));
    assert_int_equal(dv_tokenizer_find(tokenizer, "<|EOT|>"), 128805);
    assert_int_equal(dv_tokenizer_find(tokenizer, "no such token"), -1);
    assert_string_equal(dv_tokenizer_bytes(tokenizer, 128803, &bytes), "<｜User｜>");
    assert_int_equal(bytes, strlen("<｜User｜>"));
    assert_true(dv_tokenizer_is_special(tokenizer, 1));
    assert_false(dv_tokenizer_is_special(tokenizer, 128803));
    assert_null(dv_tokenizer_bytes(tokenizer, 128790, &bytes)); /* a gap */
    assert_null(dv_tokenizer_bytes(tokenizer, UINT32_MAX, &bytes));
    assert_int_equal(bytes, 0);
    assert_false(dv_tokenizer_is_special(tokenizer, UINT32_MAX));
    dv_tokenizer_free(tokenizer);
    dv_tokenizer_free(NULL);
}

const struct CMUnitTest encode_tests[] = {
    cmocka_unit_test(encode_random_bytes_come_back),
    cmocka_unit_test(encode_invalid_utf8_leaves_its_neighbours_alone),
    cmocka_unit_test(encode_empty_text_gives_no_ids),
    cmocka_unit_test(encode_appends_to_what_is_there),
    cmocka_unit_test(encode_special_text_is_a_token_only_when_asked),
    cmocka_unit_test(encode_long_piece_costs_n_log_n),
    cmocka_unit_test(encode_long_runs_stay_within_regex_limits),
    cmocka_unit_test(encode_spaces_at_end_as_the_regex_would),
    cmocka_unit_test(encode_takes_the_longest_added_token),
    cmocka_unit_test(queries_answer_for_every_id),
};
TEST_LIST(encode_test);
