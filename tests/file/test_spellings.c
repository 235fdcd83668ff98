/* SPDX-License-Identifier: MIT */
/* One fact in the words of different savers: JSON that parsers refuse, keys beside text_config,
 * positions said twice, suggestions that make no sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "file/config.h"
#include "json/json.h"
#include "support/test_context.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SHAPE                                                                                      \
    "\"model_type\": \"deepseek_v3\", \"hidden_size\": 256, \"num_hidden_layers\": 4,"             \
    "\"num_attention_heads\": 4, \"vocab_size\": 512, \"kv_lora_rank\": 64,"                       \
    "\"qk_nope_head_dim\": 32, \"qk_rope_head_dim\": 16, \"v_head_dim\": 32,"                      \
    "\"intermediate_size\": 320, \"max_position_embeddings\": 1024"
#define YARN                                                                                       \
    "\"factor\": 40, \"mscale\": 1.0, \"mscale_all_dim\": 1.0,"                                    \
    "\"original_max_position_embeddings\": 256"

/* ---- JSON ---- */

static json_t *load(struct dv_test_context *test, const char *text, size_t bytes)
{
    json_t *root;
    dv_test_context_init(test);
    if (dv_json_load(&root, &test->ctx, "test", "here", text, bytes) != DSVK_OK)
        return NULL;
    assert_int_equal(test->live, 0);
    return root;
}

static const struct {
    const char *number;
    int         type;
    double      value;
} numbers[] = {
    { "0", JSON_INTEGER, 0 },
    { "-0", JSON_INTEGER, 0 },
    { "9223372036854775807", JSON_INTEGER, 9223372036854775807.0 },
    { "9223372036854775808", JSON_REAL, 9223372036854775808.0 },
    { "-9223372036854775807", JSON_INTEGER, -9223372036854775807.0 },
    { "-99999999999999999999", JSON_REAL, -1e20 },
    { "1000000000000000019884624838656", JSON_REAL, 1e30 },
    { "1e30", JSON_REAL, 1e30 },
    { "1.5e307", JSON_REAL, 1.5e307 },
    { "0.00001e311", JSON_REAL, 1e306 },
    { "1e999", JSON_STRING, 0 },
    { "-1e400", JSON_STRING, 0 },
    { "1e99999999999999999999", JSON_STRING, 0 },
    { "1e-999", JSON_REAL, 0 },
    { "NaN", JSON_STRING, 0 },
    { "Infinity", JSON_STRING, 0 },
    { "-Infinity", JSON_STRING, 0 },
};

static void numbers_keep_their_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct dv_test_context test;
        char                   text[128];
        int     n    = snprintf(text, sizeof text, "{\"a\": [%s], \"b\": 7}", numbers[i].number);
        json_t *root = load(&test, text, (size_t)n);
        if (!root)
            fail_msg("%s: %s", numbers[i].number, test.line);
        const json_t *value = json_array_get(json_object_get(root, "a"), 0);
        assert_int_equal(json_typeof(value), numbers[i].type);
        if (numbers[i].type == JSON_STRING)
            assert_string_equal(json_string_value(value), numbers[i].number);
        else
            assert_true(json_number_value(value) == numbers[i].value);
        assert_int_equal(json_integer_value(json_object_get(root, "b")), 7);
        json_decref(root);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    static const char *const bad[] = { "[1.]", "[01]", "[-]",   "[1e]",  "[NaNa]", "[nan]",
                                       "[+1]", "[.5]", "[1 2]", "[Inf]", "[--1]",  "[1e5.5]" };
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct dv_test_context test;
        assert_null(load(&test, bad[i], strlen(bad[i])));
        assert_int_equal(test.errors, 1);
    }
}

static void texts_keep_their_signs(void **state)
{
    static const char text[] = "\xEF\xBB\xBF{\"NaN\": \"1e999 [[ \\\" Infinity\", \"k\\u0000\": "
                               "\"a\\u0000b\\\\u0000\", \"big\": 100000000000000000000}";
    struct dv_test_context test;
    json_t                *root = load(&test, text, sizeof text - 1);
    (void)state;
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "NaN")), "1e999 [[ \" Infinity");
    assert_string_equal(json_string_value(json_object_get(root, "k\xEF\xBF\xBD")), "a\xEF\xBF\xBD"
                                                                                   "b\\u0000");
    assert_true(json_number_value(json_object_get(root, "big")) == 1e20);
    json_decref(root);
}

/* ---- config.json ---- */

static dsvk_status parse(struct dv_config *config, struct dv_test_context *test, const char *text,
                         const char *generation)
{
    dv_test_context_init(test);
    dsvk_status status = dv_config_parse(
        config, &test->ctx, &(struct dv_text){ "here", text, strlen(text) },
        &(struct dv_text){ "here", generation, generation ? strlen(generation) : 0 });
    assert_int_equal(test->live, 0);
    return status;
}

#define ROPE(keys) "{" SHAPE ", " keys "}"
#define NEWER(keys) "\"rope_parameters\": {" keys "}"
#define OLDER(keys) "\"rope_scaling\": {" keys "}"
#define DEFAULT_TYPE "\"rope_type\": \"default\""
#define YARN_TYPE "\"rope_type\": \"yarn\"," YARN

static void positions_said_twice(void **state)
{
    static const struct {
        const char *text;
        double      factor; /* 0: no yarn */
        double      theta;
        unsigned    warnings;
    } cases[] = {
        { ROPE("\"rope_scaling\": null"), 0, 1e4, 0 },
        { ROPE(OLDER("")), 0, 1e4, 0 },
        { ROPE(OLDER("\"type\": \"yarn\"," YARN)), 40, 1e4, 0 },
        { ROPE(NEWER(YARN_TYPE) "," OLDER("\"type\": \"yarn\"," YARN)), 40, 1e4, 0 },
        { ROPE(NEWER("") "," OLDER(YARN_TYPE)), 40, 1e4, 0 },
        { ROPE(NEWER(YARN_TYPE) ", \"rope_scaling\": null"), 40, 1e4, 0 },
        { ROPE(NEWER(YARN_TYPE) "," OLDER("")), 40, 1e4, 0 },
        { ROPE(NEWER(DEFAULT_TYPE ", \"rope_theta\": 5e4") "," OLDER(YARN_TYPE)), 40, 5e4, 1 },
        { ROPE(NEWER(YARN_TYPE) "," OLDER(DEFAULT_TYPE)), 40, 1e4, 1 },
        { ROPE(NEWER("\"rope_type\": \"yarn\", \"factor\": 8,"
                     "\"original_max_position_embeddings\": 128") "," OLDER(YARN_TYPE)),
          8, 1e4, 1 },
        { ROPE(NEWER(YARN_TYPE) "," OLDER("\"type\": \"linear\", \"factor\": 2")), 40, 1e4, 1 },
        { ROPE(NEWER(DEFAULT_TYPE ", \"rope_theta\": 10000.0") ", \"rope_theta\": 50000"), 0, 5e4,
          1 },
        { ROPE(NEWER(DEFAULT_TYPE ", \"rope_theta\": 8e4") ", \"rope_theta\": 10000"), 0, 8e4, 1 },
        { ROPE(NEWER(DEFAULT_TYPE ", \"rope_theta\": 8e4") ", \"rope_theta\": 9e4"), 0, 8e4, 1 },
        { ROPE(NEWER(DEFAULT_TYPE ", \"rope_theta\": 8e4") ", \"rope_theta\": 80000"), 0, 8e4, 0 },
        { ROPE(NEWER(DEFAULT_TYPE) ", \"rope_theta\": 80000"), 0, 8e4, 0 },
        { ROPE(NEWER("\"rope_theta\": 80000")), 0, 8e4, 0 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dv_test_context test;
        struct dv_config       c;
        if (parse(&c, &test, cases[i].text, NULL) != DSVK_OK || c.rope_theta != cases[i].theta ||
            c.yarn.on != (cases[i].factor != 0) || c.yarn.factor != cases[i].factor ||
            test.warnings != cases[i].warnings)
            fail_msg("case %zu: theta %g, factor %g, %u warnings, \"%s\"", i, c.rope_theta,
                     c.yarn.factor, test.warnings, test.line);
    }
}

static void keys_beside_text_config_count(void **state)
{
    static const char outer[] =
        "{\"model_type\": \"kimi_k25\", \"text_config\": {" SHAPE
        ", \"eos_token_id\": 5, \"bos_token_id\": null}, \"eos_token_id\": [7, 5],"
        "\"bos_token_id\": 3, \"tie_word_embeddings\": true, \"quantization_config\": "
        "{\"quant_method\": \"fp8\", \"weight_block_size\": [128, 64]}}";
    struct dv_test_context test;
    struct dv_config       c;
    (void)state;
    assert_int_equal(parse(&c, &test, outer, NULL), DSVK_OK);
    assert_int_equal(test.warnings, 0);
    assert_int_equal(c.bos, 3);
    assert_int_equal(c.n_eos, 2);
    assert_true(c.eos[0] == 5 && c.eos[1] == 7);
    assert_true(c.tied_head && c.block_rows == 128 && c.block_cols == 64);
    /* What the text model says itself stays. */
    assert_int_equal(parse(&c, &test,
                           "{\"text_config\": {" SHAPE ", \"bos_token_id\": 2,"
                           "\"tie_word_embeddings\": false}, \"bos_token_id\": 3,"
                           "\"tie_word_embeddings\": true}",
                           NULL),
                     DSVK_OK);
    assert_true(c.bos == 2 && !c.tied_head);
    assert_int_equal(parse(&c, &test, "{\"text_config\": {}, " SHAPE "}", NULL), DSVK_OK);
    assert_int_equal(c.hidden, 256);
    assert_int_equal(
        parse(&c, &test, "{\"text_config\": {" SHAPE "}, \"eos_token_id\": 512}", NULL),
        DSVK_BAD_FILE);
}

/* ---- generation_config.json ---- */

#define ENDS "{" SHAPE ", \"bos_token_id\": 0, \"eos_token_id\": [1, 5]}"

static void generation_config_overrides(void **state)
{
    struct dv_test_context test;
    struct dv_config       c;
    (void)state;
    assert_int_equal(parse(&c, &test, ENDS,
                           "{\"bos_token_id\": 3, \"eos_token_id\": [7, 8, 9], \"do_sample\": true,"
                           "\"temperature\": 0.6, \"top_p\": 0.95, \"top_k\": 40}"),
                     DSVK_OK);
    assert_int_equal(c.bos, 3);
    assert_int_equal(c.n_eos, 3);
    assert_int_equal(c.eos[2], 9);
    assert_true(c.do_sample && c.temperature == 0.6f && c.top_p == 0.95f);
    assert_int_equal(c.gen_top_k, 40);
    assert_int_equal(parse(&c, &test, ENDS, "{}"), DSVK_OK);
    assert_int_equal(c.n_eos, 2);

    static const char *const bad[] = { "{\"temperature\": -1}",
                                       "{\"top_p\": 0}",
                                       "{\"top_p\": 2}",
                                       "{\"eos_token_id\": \"x\"}",
                                       "{\"do_sample\": 1}",
                                       "[",
                                       "[]" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        /* A suggestion, so one warning and what config.json says. */
        assert_int_equal(parse(&c, &test, ENDS, bad[i]), DSVK_OK);
        assert_int_equal(test.errors, 0);
        assert_int_equal(test.warnings, 1);
        assert_true(c.n_eos == 2 && c.eos[1] == 5 && c.temperature == 1.0f && c.top_p == 1.0f);
    }
}

static const struct {
    const char *text;
    uint32_t    n_eos, eos; /* eos: the last */
    int64_t     bos;
    uint32_t    top_k;
    unsigned    warnings;
} suggestions[] = {
    { "{\"eos_token_id\": 9, \"bos_token_id\": 8, \"top_k\": 50}", 1, 9, 8, 50, 0 },
    { "{\"top_k\": -1}", 2, 5, 0, 0, 0 },
    { "{\"top_k\": 0}", 2, 5, 0, 0, 0 },
    { "{\"top_k\": 50.0}", 2, 5, 0, 50, 0 },
    { "{\"top_k\": 2.5}", 2, 5, 0, 0, 1 },
    { "{\"top_k\": -2}", 2, 5, 0, 0, 1 },
    { "{\"top_k\": \"50\", \"temperature\": \"x\", \"eos_token_id\": 9}", 1, 9, 0, 0, 1 },
    { "{\"eos_token_id\": [9, 512]}", 1, 9, 0, 0, 1 },
    { "{\"eos_token_id\": [9, -1]}", 1, 9, 0, 0, 1 },
    { "{\"eos_token_id\": [9, 9]}", 1, 9, 0, 0, 0 },
    { "{\"eos_token_id\": []}", 2, 5, 0, 0, 0 },
    { "{\"eos_token_id\": null, \"bos_token_id\": null}", 2, 5, 0, 0, 0 },
    { "{\"eos_token_id\": \"x\", \"bos_token_id\": 4}", 2, 5, 4, 0, 1 },
    { "{\"bos_token_id\": 512}", 2, 5, 0, 0, 1 },
    { "{\"max_length\": 1000000000000000019884624838656, \"top_k\": 3}", 2, 5, 0, 3, 0 },
    { "{\"temperature\": NaN, \"top_k\": 3}", 2, 5, 0, 3, 1 },
    { "{\"temperature\": 1e999}", 2, 5, 0, 0, 1 },
    { "\xEF\xBB\xBF{}", 2, 5, 0, 0, 0 },
    { "", 2, 5, 0, 0, 1 },
    { "{\"eos_token_id\": 9,}", 2, 5, 0, 0, 1 },
    { "<!doctype html>\n<html></html>", 2, 5, 0, 0, 1 },
    { "version https://git-lfs.github.com/spec/v1\n", 2, 5, 0, 0, 1 },
    { "[]", 2, 5, 0, 0, 1 },
};

static void suggestions_that_make_no_sense_are_ignored(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(suggestions); i++) {
        struct dv_test_context test;
        struct dv_config       c;
        dsvk_status            status;

        status = parse(&c, &test, ENDS, suggestions[i].text);
        if (status != DSVK_OK || test.errors || test.warnings != suggestions[i].warnings ||
            c.n_eos != suggestions[i].n_eos || c.eos[c.n_eos - 1] != suggestions[i].eos ||
            c.bos != suggestions[i].bos || c.gen_top_k != suggestions[i].top_k ||
            c.temperature != 1.0f)
            fail_msg("%s: status %d, %u warnings, \"%s\"", suggestions[i].text, (int)status,
                     test.warnings, test.line);
        if (test.warnings && !strstr(test.line, "here"))
            fail_msg("no file: %s", test.line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_keep_their_values),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(texts_keep_their_signs),
        cmocka_unit_test(positions_said_twice),
        cmocka_unit_test(keys_beside_text_config_count),
        cmocka_unit_test(generation_config_overrides),
        cmocka_unit_test(suggestions_that_make_no_sense_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
