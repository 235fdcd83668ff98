/* SPDX-License-Identifier: MIT */
/* The demo tokenizer with one place changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

struct change {
    const char *path;  /* keys and indices from the root, cut by / */
    const char *value; /* JSON; NULL: remove */
    dsvk_status status;
    const char *sentence; /* a part of the message */
};

#define SPLIT "pre_tokenizer/pretokenizers/0"
#define REGEX SPLIT "/pattern"

static const struct change changes[] = {
    { "model", NULL, DSVK_UNSUPPORTED, "not BPE" },
    { "model", "7", DSVK_UNSUPPORTED, "not BPE" },
    { "model/type", "\"Unigram\"", DSVK_UNSUPPORTED, "Unigram" },
    { "model/vocab", "[]", DSVK_BAD_FILE, "no vocabulary" },
    { "model/merges", "{}", DSVK_BAD_FILE, "no merges" },
    { "model/dropout", "0.5", DSVK_UNSUPPORTED, "dropout" },
    { "model/end_of_word_suffix", "\"</w>\"", DSVK_UNSUPPORTED, "end_of_word_suffix" },
    { "model/vocab/a", NULL, DSVK_UNSUPPORTED, "byte 0x61" },
    { "model/vocab/a", "0", DSVK_BAD_FILE, "has two tokens" },
    { "model/vocab/a", "-1", DSVK_BAD_FILE, "the id -1" },
    { "model/vocab/a", "2147483648", DSVK_BAD_FILE, "the id 2147483648" },
    { "model/vocab/a", "1e3", DSVK_BAD_FILE, "'a'" },
    { "model/vocab/a", "\"3\"", DSVK_BAD_FILE, "'a'" },
    { "model/merges/0", "\"Ġ\"", DSVK_BAD_FILE, "merge 0 is not a pair" },
    { "model/merges/0", "\"Ġ t h\"", DSVK_BAD_FILE, "merge 0 is not a pair" },
    { "model/merges/0", "[\"Ġ\"]", DSVK_BAD_FILE, "merge 0 is not a pair" },
    { "model/merges/0", "7", DSVK_BAD_FILE, "merge 0 is not a pair" },
    { "model/merges/0", "\"Ġ nosuchtoken\"", DSVK_BAD_FILE, "'nosuchtoken'" },
    { "model/merges/0", "\"~ ~~~\"", DSVK_BAD_FILE, "not within the vocabulary" },
    { "added_tokens/4/id", "2147483648", DSVK_BAD_FILE, "the id 2147483648" },
    { "added_tokens/4/id", "5", DSVK_BAD_FILE, "the id 5 has two tokens" },
    { "added_tokens/4/content", "\"\"", DSVK_BAD_FILE, "added token 4 has no content" },
    { "added_tokens/4/content", "\"<think>\"", DSVK_BAD_FILE, "has the ids" },
    { "added_tokens/4", "7", DSVK_BAD_FILE, "added token 4 has no content" },
    { "added_tokens/4/lstrip", "true", DSVK_UNSUPPORTED, "lstrip" },
    { "added_tokens/4/rstrip", "true", DSVK_UNSUPPORTED, "rstrip" },
    { "added_tokens/4/single_word", "true", DSVK_UNSUPPORTED, "single_word" },
    { "normalizer", "{\"type\":\"NFC\"}", DSVK_UNSUPPORTED, "NFC" },
    { "normalizer/normalizers", "[{\"type\":\"NFC\"}]", DSVK_UNSUPPORTED, "normalizer" },
    { "pre_tokenizer", NULL, DSVK_UNSUPPORTED, "ByteLevel" },
    { "pre_tokenizer/pretokenizers", "[]", DSVK_UNSUPPORTED, "ByteLevel" },
    { "pre_tokenizer/type", "\"Metaspace\"", DSVK_UNSUPPORTED, "Metaspace" },
    { SPLIT "/type", "\"ByteLevel\"", DSVK_UNSUPPORTED, "before the end" },
    { SPLIT "/behavior", "\"Removed\"", DSVK_UNSUPPORTED, "Removed" },
    { SPLIT "/invert", "true", DSVK_UNSUPPORTED, "inverted" },
    { REGEX, "{}", DSVK_BAD_FILE, "without a pattern" },
    { REGEX, "{\"Regex\":\"\"}", DSVK_UNSUPPORTED, "0 bytes" },
    { REGEX, "{\"Regex\":\"(a\"}", DSVK_UNSUPPORTED, "does not compile" },
    { REGEX, "{\"Regex\":\"\\\\w+\"}", DSVK_UNSUPPORTED, "another meaning" },
    { REGEX, "{\"Regex\":\"\\\\C\"}", DSVK_UNSUPPORTED, "another meaning" },
    { REGEX, "{\"Regex\":\"[a-z[^b]]\"}", DSVK_UNSUPPORTED, "class" },
    { REGEX, "{\"Regex\":\"(?m)a\"}", DSVK_UNSUPPORTED, "unknown kind" },
    { REGEX, "{\"Regex\":\"(*NO_JIT)a\"}", DSVK_UNSUPPORTED, "VERB" },
    { "pre_tokenizer/pretokenizers/3/add_prefix_space", "true", DSVK_UNSUPPORTED, "space" },
    { "pre_tokenizer/pretokenizers/3/use_regex", "true", DSVK_UNSUPPORTED, "regex of its own" },
    /* and what is harmless */
    { "model/byte_fallback", "true", DSVK_OK, "" },
    { "model/ignore_merges", "true", DSVK_OK, "" },
    { "model/merges", "[]", DSVK_OK, "" },
    { "model/merges/0", "[\"Ġ\", \"t\"]", DSVK_OK, "" },
    { "model/merges/0", "\"h e\"", DSVK_OK, "" }, /* the same pair twice */
    { "added_tokens", NULL, DSVK_OK, "" },
    { "added_tokens/4/id", "60000", DSVK_OK, "" }, /* a gap in the ids */
    { "added_tokens/4/normalized", "true", DSVK_OK, "" },
    { "normalizer", "null", DSVK_OK, "" },
    { REGEX, "{\"String\":\"(a\"}", DSVK_OK, "" },
    { REGEX, "{\"Regex\":\"(?i:'s|'t)|[^\\\\S\\\\n]+|\\\\s*$\"}", DSVK_OK, "" },
    { SPLIT, "{\"type\":\"Digits\",\"individual_digits\":true}", DSVK_OK, "" },
};

static void apply(json_t *root, const struct change *change)
{
    char    path[128], *end, *key = path;
    json_t *node  = root;
    json_t *value = change->value ? json_loads(change->value, JSON_DECODE_ANY, NULL) : NULL;
    snprintf(path, sizeof path, "%s", change->path);
    while ((end = strchr(key, '/')) != NULL) {
        *end = 0;
        node = json_is_array(node) ? json_array_get(node, strtoul(key, NULL, 10))
                                   : json_object_get(node, key);
        key  = end + 1;
    }
    assert_non_null(node);
    if (json_is_array(node))
        assert_int_equal(json_array_set_new(node, strtoul(key, NULL, 10), value), 0);
    else if (value)
        assert_int_equal(json_object_set_new(node, key, value), 0);
    else
        assert_int_equal(json_object_del(node, key), 0);
}

static void file_with_one_change_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct bench         bench;
        struct dv_tokenizer *tokenizer;
        json_t              *root = load_json_file(DEMO "/tokenizer.json");
        bench_init(&bench);
        apply(root, &changes[i]);
        dsvk_status status = parse_json(&bench, &tokenizer, root);
        if (status != changes[i].status || !strstr(bench.line, changes[i].sentence) ||
            bench.lines != (status != DSVK_OK))
            fail_msg("%s = %s: status %d, '%s'", changes[i].path, changes[i].value, status,
                     bench.line);
        dv_tokenizer_free(tokenizer);
        json_decref(root);
        assert_int_equal(bench.live, 0);
    }
}

static void text_that_is_no_tokenizer_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "null",
        "[]",
        "{}",
        "\xff",
        "{\"a\":1,\"a\":2}",
        "{\"model\":{\"type\":\"BPE\"}}",
        "{\"a\":\"\xc3\x28\"}",
        "{\"a\":1e999}",
    };
    struct bench bench;
    (void)state;
    bench_init(&bench);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct dv_tokenizer *tokenizer;
        bench.lines = 0;
        assert_int_not_equal(parse(&bench, &tokenizer, texts[i], NULL), DSVK_OK);
        assert_null(tokenizer);
        assert_int_equal(bench.lines, 1);
        assert_int_equal(bench.live, 0);
    }
}

static void absent_file_is_a_bad_file(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer;
    (void)state;
    bench_init(&bench);
    assert_int_equal(dv_tokenizer_open(&tokenizer, &bench.ctx, DSVK_TEST_DATA "/nowhere"),
                     DSVK_BAD_FILE);
    assert_null(tokenizer);
    assert_int_equal(bench.lines, 1);
    assert_int_equal(bench.live, 0);
}

/* aa, aaaa, aaaaaaaa ... and a million times the same merge: each merge shortens the piece, so
 * no list of merges can go on for ever. */
static void merges_by_the_million_end(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer;
    json_t              *root   = load_json_file(DEMO "/tokenizer.json");
    json_t              *merges = json_object_get(json_object_get(root, "model"), "merges");
    json_t              *merge  = json_array_get(merges, 0);
    char                 text[5000];
    (void)state;
    bench_init(&bench);
    for (int i = 0; i < 1000000; i++)
        json_array_append(merges, merge);
    assert_int_equal(parse_json(&bench, &tokenizer, root), DSVK_OK);
    memset(text, 't', sizeof text);
    struct dv_ids ids = encode(&bench, tokenizer, text, sizeof text, false);
    assert_true(ids.n > 0);
    ids_done(&bench, &ids);
    dv_tokenizer_free(tokenizer);
    json_decref(root);
}

static void catastrophic_regex_fails_with_a_sentence(void **state)
{
    struct change        change = { REGEX, "{\"Regex\":\"(?:(?:a|aa)+)+[bc]\"}", DSVK_OK, "" };
    struct bench         bench;
    struct dv_tokenizer *tokenizer;
    struct dv_ids        ids = { 0 };
    char                 text[60];
    json_t              *root = load_json_file(DEMO "/tokenizer.json");
    (void)state;
    bench_init(&bench);
    apply(root, &change);
    assert_int_equal(parse_json(&bench, &tokenizer, root), DSVK_OK);
    memset(text, 'a', sizeof text);
    assert_int_equal(dv_tokenizer_encode(tokenizer, text, sizeof text, false, &ids),
                     DSVK_UNSUPPORTED);
    assert_non_null(strstr(bench.line, "gives up"));
    assert_int_equal(bench.lines, 1);
    assert_int_equal(ids.n, 0);
    ids_done(&bench, &ids);
    dv_tokenizer_free(tokenizer);
    json_decref(root);
    assert_int_equal(bench.live, 0);
}

static void configuration_with_unknown_bos_is_refused(void **state)
{
    static const char    config[] = "{\"add_bos_token\":true,\"bos_token\":\"<nowhere>\"}";
    struct bench         bench;
    struct dv_tokenizer *tokenizer;
    json_t              *root = load_json_file(DEMO "/tokenizer.json");
    char                *text = json_dumps(root, 0);
    (void)state;
    bench_init(&bench);
    assert_int_equal(parse(&bench, &tokenizer, text, config), DSVK_BAD_FILE);
    assert_non_null(strstr(bench.line, "<nowhere>"));
    assert_int_equal(parse(&bench, &tokenizer, text, "["), DSVK_BAD_FILE);
    assert_int_equal(bench.live, 0);
    free(text);
    json_decref(root);
}

const struct CMUnitTest bad_file_tests[] = {
    cmocka_unit_test(file_with_one_change_is_refused_by_name),
    cmocka_unit_test(text_that_is_no_tokenizer_is_refused),
    cmocka_unit_test(absent_file_is_a_bad_file),
    cmocka_unit_test(merges_by_the_million_end),
    cmocka_unit_test(catastrophic_regex_fails_with_a_sentence),
    cmocka_unit_test(configuration_with_unknown_bos_is_refused),
};
TEST_LIST(bad_file_test);
