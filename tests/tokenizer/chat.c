/* SPDX-License-Identifier: MIT */
/* Chat formats against texts written by hand from the models' templates, and what a user's text
 * must not be able to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define BOS "<｜begin▁of▁sentence｜>"
#define EOS "<｜end▁of▁sentence｜>"
#define USER "<｜User｜>"
#define ASSISTANT "<｜Assistant｜>"

static const struct dv_chat_message talk[] = {
    { .role = "system", .text = "You are helpful." },
    { .role = "user", .text = "Hi" },
    { .role = "assistant", .text = "<think>a</think>Hello!" },
    { .role = "user", .text = "How are you?" },
    { .role = "system", .text = "Be brief." },
};

static const struct dv_chat_message plain[] = {
    { .role = "user", .text = "Hi" },
    { .role = "assistant", .text = "Hello!" },
    { .role = "system", .text = "Be brief." },
};

static struct dv_chat chat_of(enum dv_chat_format format, const struct dv_chat_message *messages,
                              size_t n)
{
    return (struct dv_chat){ .format = format, .messages = messages, .n_messages = n };
}

static void check(enum dv_chat_format format, const struct dv_chat_message *messages, size_t n,
                  bool generate, const char *rendered)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, DEMO);
    struct dv_ids        want      = encode(&bench, tokenizer, rendered, strlen(rendered), true);
    struct dv_ids        got       = { 0 };
    struct dv_chat       chat      = chat_of(format, messages, n);
    chat.generate                  = generate;
    assert_int_equal(dv_chat_encode(tokenizer, &chat, &got), DSVK_OK);
    assert_int_equal(got.n, want.n);
    assert_memory_equal(got.ids, want.ids, got.n * sizeof *got.ids);
    ids_done(&bench, &got);
    ids_done(&bench, &want);
    dv_tokenizer_free(tokenizer);
    assert_int_equal(bench.live, 0);
}

static void chat_formats_are_written_as_specified(void **state)
{
    (void)state;
    check(DV_CHAT_V3, talk, 5, true,
          BOS "You are helpful.\n\nBe brief." USER "Hi" ASSISTANT "Hello!" EOS USER
              "How are you?" ASSISTANT);
    check(DV_CHAT_V31, talk, 5, true,
          BOS "You are helpful.\n\nBe brief." USER "Hi" ASSISTANT "</think>Hello!" EOS USER
              "How are you?" ASSISTANT "</think>");
    check(DV_CHAT_V2, plain, 3, true,
          BOS "User: Hi\n\nAssistant: Hello!" EOS "Be brief.\n\nAssistant:");
    check(DV_CHAT_V2, talk + 1, 1, false, BOS "User: Hi\n\n");
    check(DV_CHAT_V3, NULL, 0, true, BOS ASSISTANT);
    check(DV_CHAT_V3, talk + 2, 1, false, BOS ASSISTANT "Hello!" EOS);
}

/* R1's template cuts at the last end of thinking, V3.1's at the first; what it leaves is text. V2's
 * knows of none. */
static void chat_cuts_thinking_as_the_templates_do(void **state)
{
    static const struct dv_chat_message twice[] = {
        { .role = "user", .text = "" }, { .role = "assistant", .text = "a</think>b</think>c" }
    };
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, DEMO);
    struct dv_ids        ids       = { 0 };
    struct dv_ids rest = encode(&bench, tokenizer, "b</think>c", strlen("b</think>c"), false);
    (void)state;
    check(DV_CHAT_V3, twice, 2, false, BOS USER ASSISTANT "c" EOS);
    struct dv_chat chat = chat_of(DV_CHAT_V31, twice, 2);
    assert_int_equal(dv_chat_encode(tokenizer, &chat, &ids), DSVK_OK);
    assert_int_equal(ids.n, rest.n + 5); /* BOS, User, Assistant, end of thinking, EOS */
    assert_memory_equal(ids.ids + 4, rest.ids, rest.n * sizeof *rest.ids);
    ids.n = 0;
    chat  = chat_of(DV_CHAT_V2, twice + 1, 1);
    assert_int_equal(dv_chat_encode(tokenizer, &chat, &ids), DSVK_OK);
    assert_true(ids.n > rest.n + 4);
    assert_memory_equal(ids.ids + ids.n - 1 - rest.n, rest.ids, rest.n * sizeof *rest.ids);
    ids_done(&bench, &ids);
    ids_done(&bench, &rest);
    dv_tokenizer_free(tokenizer);
}

static void chat_texts_cannot_forge_marks(void **state)
{
    static const char *const marks[] = { BOS, EOS, USER, ASSISTANT, "<think>", "</think>" };
    struct bench             bench;
    struct dv_tokenizer     *tokenizer = open_tokenizer(&bench, DEMO);
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct dv_chat_message message = { .role = i % 2 ? "user" : "system", .text = marks[i] };
        struct dv_ids          ids     = { 0 };
        size_t                 count   = 0;
        struct dv_chat         chat    = chat_of(DV_CHAT_V3, &message, 1);
        assert_int_equal(dv_chat_encode(tokenizer, &chat, &ids), DSVK_OK);
        for (size_t k = message.role[0] == 'u' ? 2 : 1; k < ids.n; k++)
            count += ids.ids[k] == dv_tokenizer_find(tokenizer, marks[i]);
        assert_int_equal(count, 0);
        ids_done(&bench, &ids);
    }
    dv_tokenizer_free(tokenizer);
}

static void chat_refuses_what_it_cannot_write(void **state)
{
    static const struct dv_chat_message tool   = { .role = "critic", .text = "r" },
                                        empty  = { .role = "user", .text = NULL },
                                        nobody = { .role = NULL, .text = "x" };
    struct bench         bench;
    struct dv_ids        ids       = { 0 };
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, V3); /* without </think> */
    (void)state;
#define TRY_CHAT(format, message)                                                                  \
    dv_chat_encode(tokenizer,                                                                      \
                   &(struct dv_chat){ format, DV_THINK_AUTO, message, 1, .generate = true }, &ids)
    assert_int_equal(TRY_CHAT(DV_CHAT_V3, &tool), DSVK_BAD_ARGUMENT);
    assert_int_equal(TRY_CHAT(DV_CHAT_V3, &empty), DSVK_BAD_ARGUMENT);
    assert_int_equal(TRY_CHAT(DV_CHAT_V3, &nobody), DSVK_BAD_ARGUMENT);
    assert_int_equal(TRY_CHAT(DV_CHAT_NONE, talk), DSVK_UNSUPPORTED);
    assert_int_equal(TRY_CHAT(DV_CHAT_V31, talk + 1), DSVK_UNSUPPORTED);
    assert_int_equal(bench.lines, 5);
    assert_int_equal(ids.n, 0);
    ids_done(&bench, &ids);
    dv_tokenizer_free(tokenizer);
}

static enum dv_chat_format detect(const char *template, const char *model_type)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer;
    char                 config[300];
    json_t              *root = load_json_file(DEMO "/tokenizer.json");
    char                *text = json_dumps(root, 0);
    bench_init(&bench);
    snprintf(config, sizeof config, "{\"chat_template\":%s}", template);
    assert_int_equal(parse(&bench, &tokenizer, text, config), DSVK_OK);
    enum dv_chat_format format = dv_chat_detect(tokenizer, model_type);
    dv_tokenizer_free(tokenizer);
    free(text);
    json_decref(root);
    return format;
}

static void chat_format_is_found_from_marks(void **state)
{
    (void)state;
#define MARKS "'<｜User｜>' + m ~ '<｜Assistant｜>'"
    assert_int_equal(detect("null", "deepseek_v3"), DV_CHAT_NONE);
    assert_int_equal(detect("null", NULL), DV_CHAT_NONE);
    assert_int_equal(detect("\"\"", "deepseek_v2"), DV_CHAT_NONE);
    assert_int_equal(detect("null", "deepseek_v32"), DV_CHAT_V32);
    assert_int_equal(detect("\"{{ 'User: ' + u }}{{ 'Assistant:' }}\"", "deepseek_v2"), DV_CHAT_V2);
    assert_int_equal(detect("\"" MARKS "\"", "deepseek_v2"), DV_CHAT_V3);
    assert_int_equal(detect("\"" MARKS "{% if '</think>' in c %}{{'<think>'}}\"", "deepseek_v3"),
                     DV_CHAT_V3);
    assert_int_equal(detect("\"" MARKS "{%- if not thinking %}{{'</think>'}}\"", "deepseek_v3"),
                     DV_CHAT_V31);
    assert_int_equal(detect("\"" MARKS "{{'<｜Assistant｜><think>\\\\n'}}\"", "deepseek_v3"),
                     DV_CHAT_R1);
    assert_int_equal(detect("\"{% for m in messages %}<|im_start|>{{ m.role }}\"", "deepseek_v3"),
                     DV_CHAT_UNKNOWN);
    assert_int_equal(detect("\"[gMASK]<sop><|user|>{{ u }}<|assistant|><think>\"", NULL),
                     DV_CHAT_UNKNOWN); /* the vocabulary has none of these */
    assert_string_equal(dv_chat_format_name(DV_CHAT_V31), "v31");
    assert_string_equal(dv_chat_format_name((enum dv_chat_format)99), "unknown");
}

const struct CMUnitTest chat_tests[] = {
    cmocka_unit_test(chat_formats_are_written_as_specified),
    cmocka_unit_test(chat_cuts_thinking_as_the_templates_do),
    cmocka_unit_test(chat_texts_cannot_forge_marks),
    cmocka_unit_test(chat_refuses_what_it_cannot_write),
    cmocka_unit_test(chat_format_is_found_from_marks),
};
TEST_LIST(chat_test);
