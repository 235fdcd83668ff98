/* SPDX-License-Identifier: MIT */
/* tiktoken.model: ids of an independent implementation, the cuts of long texts, damaged files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "support/folder.h"

#define KIMI DSVK_TEST_DATA "/tokenizer/kimi"
#define BASE 577 /* lines of tiktoken.model */

static void tiktoken_gives_the_recorded_ids(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, KIMI);
    char                 line[4096];
    int                  n    = 0;
    FILE                *file = fopen(KIMI "/goldens.jsonl", "r");
    (void)state;
    assert_non_null(file);
    for (; fgets(line, sizeof line, file); n++) {
        json_t       *golden  = json_loads(line, 0, NULL);
        const json_t *text    = json_object_get(golden, "text");
        bool          special = json_is_true(json_object_get(golden, "special"));
        struct dv_ids ids =
            encode(&bench, tokenizer, json_string_value(text), json_string_length(text), special);
        size_t bytes;
        assert_ids(&ids, json_object_get(golden, "ids"), n + 1);
        char *back = decode(tokenizer, &ids, &bytes);
        assert_int_equal(bytes, json_string_length(text));
        assert_true(bytes == 0 || memcmp(back, json_string_value(text), bytes) == 0);
        free(back);
        ids_done(&bench, &ids);
        json_decref(golden);
    }
    fclose(file);
    assert_int_equal(n, 258);
    dv_tokenizer_free(tokenizer);
    assert_int_equal(bench.live, 0);
}

static void tiktoken_names_its_special_tokens(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, KIMI);
    (void)state;
    assert_int_equal(dv_tokenizer_size(tokenizer), BASE + 258);
    assert_int_equal(dv_tokenizer_bos(tokenizer), BASE);
    assert_false(dv_tokenizer_adds_bos(tokenizer));
    assert_int_equal(dv_tokenizer_find(tokenizer, "<|im_end|>"), BASE + 2);
    assert_int_equal(dv_tokenizer_find(tokenizer, "<|reserved_token_834|>"), BASE + 257);
    assert_true(dv_tokenizer_is_special(tokenizer, BASE + 2));
    assert_true(dv_tokenizer_is_special(tokenizer, BASE + 257));
    assert_int_equal(dv_tokenizer_find(tokenizer, "<think>"), BASE + 22);
    assert_false(dv_tokenizer_is_special(tokenizer, BASE + 22)); /* is shown */
    dv_tokenizer_free(tokenizer);
}

/* No token reaches across a cut: 25,003 times the unit is encoded as 25,000 and 3 of them, which is
 * something else than without a cut (the vocabulary has a token of several units). */
static void check_cut(const char *unit, size_t units, size_t cut)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, KIMI);
    size_t               n         = strlen(unit);
    char                *text      = malloc(units * n);
    for (size_t i = 0; i < units; i++)
        memcpy(text + i * n, unit, n);
    struct dv_ids whole = encode(&bench, tokenizer, text, units * n, false);
    struct dv_ids parts = encode(&bench, tokenizer, text, cut * n, false);
    assert_int_equal(
        dv_tokenizer_encode(tokenizer, text + cut * n, (units - cut) * n, false, &parts), DSVK_OK);
    assert_int_equal(whole.n, parts.n);
    assert_memory_equal(whole.ids, parts.ids, whole.n * sizeof *whole.ids);
    ids_done(&bench, &whole);
    ids_done(&bench, &parts);
    free(text);
    dv_tokenizer_free(tokenizer);
    assert_int_equal(bench.live, 0);
}

static void tiktoken_cuts_long_texts_where_moonshot_does(void **state)
{
    (void)state;
    check_cut("a", 25003, 25000);
    check_cut("A", 25003, 25000);
    check_cut("=", 60000, 25000);
    check_cut(" ", 25005, 25000);
    check_cut("\xe3\x81\x82", 25003, 25000);
    check_cut("aaaaaaa ", 50001, 50000); /* 400,000 signs */
}

struct damage {
    const char *text, *say;
    dsvk_status status;
};

static void tiktoken_that_is_damaged_is_a_sentence(void **state)
{
    static const struct damage damages[] = {
        { "", "0 lines", DSVK_BAD_FILE },
        { "\n\r\n", "0 lines", DSVK_BAD_FILE },
        { "version https://git-lfs.github.com/spec/v1\n", "line 1 is not", DSVK_BAD_FILE },
        { "QQ== 0\nQg==\n", "line 2 is not", DSVK_BAD_FILE },
        { "QQ== 0\nQg== \n", "line 2 is not", DSVK_BAD_FILE },
        { "QQ== 0\n\nQ*== 1\n", "line 3 is not", DSVK_BAD_FILE },
        { "QQ== 0\nQ 1\n", "line 2 is not", DSVK_BAD_FILE },
        { "QQ== 0\nQg== 1x\n", "line 2 is not", DSVK_BAD_FILE },
        { "QQ== 0\nQg== 99999999999999999999\n", "line 2 is not", DSVK_BAD_FILE },
        { "QQ== 0\nQg== 2\n", "rank 2 of 2", DSVK_BAD_FILE },
        { "QQ== 0\nQg== 0\n", "there before", DSVK_BAD_FILE },
        { "QQ== 0\nQQ== 1\n", "there before", DSVK_BAD_FILE },
        { "QQ== 0\r\nQg== 1", "no token for the byte 0x00", DSVK_UNSUPPORTED },
    };
    struct dv_folder folder;
    (void)state;
    dv_folder_init(&folder);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct bench         bench;
        struct dv_tokenizer *tokenizer;
        dv_folder_write(&folder, "tiktoken.model", damages[i].text, strlen(damages[i].text));
        bench_init(&bench);
        assert_int_equal(dv_tokenizer_open(&tokenizer, &bench.ctx, folder.path), damages[i].status);
        assert_null(tokenizer);
        if (!strstr(bench.line, "tiktoken.model") || !strstr(bench.line, damages[i].say))
            fail_msg("damage %zu: %s", i, bench.line);
        assert_int_equal(bench.lines, 1);
        assert_int_equal(bench.live, 0);
    }
    dv_folder_done(&folder);
}

/* Every allocation fails once. */
static void tiktoken_survives_without_memory(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, KIMI);
    long                 n         = bench.allocations;
    (void)state;
    dv_tokenizer_free(tokenizer);
    for (long i = 1; i <= n; i++) {
        bench_init(&bench);
        bench.fail_at      = i;
        dsvk_status status = dv_tokenizer_open(&tokenizer, &bench.ctx, KIMI);
        assert_true(status == DSVK_OK || status == DSVK_NO_MEMORY); /* the compiler of regexes
                                                                     * can do without */
        assert_int_equal(bench.lines, status != DSVK_OK);
        dv_tokenizer_free(tokenizer);
        assert_int_equal(bench.live, 0);
    }
}

const struct CMUnitTest tiktoken_tests[] = {
    cmocka_unit_test(tiktoken_gives_the_recorded_ids),
    cmocka_unit_test(tiktoken_names_its_special_tokens),
    cmocka_unit_test(tiktoken_cuts_long_texts_where_moonshot_does),
    cmocka_unit_test(tiktoken_that_is_damaged_is_a_sentence),
    cmocka_unit_test(tiktoken_survives_without_memory),
};
TEST_LIST(tiktoken_test);
