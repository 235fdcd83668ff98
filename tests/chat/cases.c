/* SPDX-License-Identifier: MIT */
/* Conversations and their exact prompts (tests/chat/README.md), as bytes and as token ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat_test.h"

static const char *const marks[] = {
    "｜DSML｜",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁end｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁call▁end｜>",
    "<｜tool▁sep｜>",
    "<｜tool▁outputs▁begin｜>",
    "<｜tool▁outputs▁end｜>",
    "<｜tool▁output▁begin｜>",
    "<｜tool▁output▁end｜>",
    "<｜latest_reminder｜>",
    "<｜title｜>",
    "<｜action｜>",
    "<｜query｜>",
    "[gMASK]",
    "<sop>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|observation|>",
    "<tool_call>",
    "</tool_call>",
    "<arg_key>",
    "</arg_key>",
    "<arg_value>",
    "</arg_value>",
    "<|im_end|>",
    "<|im_user|>",
    "<|im_system|>",
    "<|im_assistant|>",
    "<|im_middle|>",
    "<|tool_calls_section_begin|>",
    "<|tool_calls_section_end|>",
    "<|tool_call_begin|>",
    "<|tool_call_argument_begin|>",
    "<|tool_call_end|>",
};

struct dv_tokenizer *with_all_marks(struct bench *bench)
{
    struct dv_tokenizer *tokenizer;
    json_t              *root  = load_json_file(DEMO "/tokenizer.json");
    json_t              *added = json_object_get(root, "added_tokens"), *token;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t k;
        bool   there = false;
        json_array_foreach(added, k, token) there =
            there || strcmp(json_string_value(json_object_get(token, "content")), marks[i]) == 0;
        if (!there)
            json_array_append_new(added, json_pack("{s:i, s:s, s:b}", "id", 2000 + (int)i,
                                                   "content", marks[i], "special", 0));
    }
    char *text = json_dumps(root, 0);
    bench_init(bench);
    if (parse(bench, &tokenizer, text, "{\"bos_token\":\"<｜begin▁of▁sentence｜>\"}"))
        fail_msg("%s", bench->line);
    free(text);
    json_decref(root);
    return tokenizer;
}

static struct dv_chat chat_of(const char *format)
{
    return (
        struct dv_chat){ .format = dv_chat_format_find(format), .generate = true, .named = true };
}

char *text_of(struct bench *bench, const char *format, const char *json, size_t *bytes)
{
    char           *text;
    struct dv_arena arena;
    struct dv_chat  chat = chat_of(format);
    dv_arena_init(&arena, &bench->ctx);
    if (dv_chat_read(&chat, &arena, json, strlen(json)) ||
        dv_chat_text(&bench->ctx, NULL, &chat, &text, bytes))
        fail_msg("%s: %s", format, bench->line);
    dv_arena_done(&arena);
    return text;
}

static struct dv_ids ids_of(struct bench *bench, const struct dv_tokenizer *tokenizer,
                            const char *format, const char *json)
{
    struct dv_arena arena;
    struct dv_ids   ids  = { 0 };
    struct dv_chat  chat = chat_of(format);
    dv_arena_init(&arena, &bench->ctx);
    if (dv_chat_read(&chat, &arena, json, strlen(json)) || dv_chat_encode(tokenizer, &chat, &ids))
        fail_msg("%s: %s", format, bench->line);
    dv_arena_done(&arena);
    return ids;
}

/* Where no text of others holds a mark, the ids are those of the whole prompt. */
static void check_ids(const char *format, const char *line, const char *prompt, bool forged)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer = with_all_marks(&bench);
    struct dv_ids        want      = encode(&bench, tokenizer, prompt, strlen(prompt), true);
    struct dv_ids        got       = ids_of(&bench, tokenizer, format, line);
    size_t               bytes;
    char                *text = decode(tokenizer, &got, &bytes);
    assert_int_equal(bytes, strlen(prompt));
    assert_memory_equal(text, prompt, bytes);
    if (!forged && got.n != want.n)
        fail_msg("%s: %zu ids instead of %zu: %s", format, got.n, want.n, prompt);
    if (!forged) {
        assert_int_equal(got.n, want.n);
        assert_memory_equal(got.ids, want.ids, got.n * sizeof *got.ids);
    }
    free(text);
    ids_done(&bench, &got);
    ids_done(&bench, &want);
    dv_tokenizer_free(tokenizer);
    assert_int_equal(bench.live, 0);
}

static void check_case(const char *format, const char *line)
{
    struct bench bench;
    size_t       bytes;
    json_t      *row = json_loads(line, 0, NULL);
    bench_init(&bench);
    assert_non_null(row);
    const char *prompt = json_string_value(json_object_get(row, "prompt"));
    const char *name   = json_string_value(json_object_get(row, "name"));
    char       *text   = text_of(&bench, format, line, &bytes);
    if (bytes != strlen(prompt) || memcmp(text, prompt, bytes) != 0)
        fail_msg("%s, %s:\n%s\nis not\n%s", format, name, text, prompt);
    dv_free(&bench.ctx, text);
    assert_int_equal(bench.live, 0);
    check_ids(format, line, prompt, json_is_true(json_object_get(row, "forged")));
    json_decref(row);
}

static void check_file(const char *format, int want)
{
    static char line[65536];
    char        path[256];
    int         n = 0;
    snprintf(path, sizeof path, DSVK_TEST_DATA "/chat/cases/%s.jsonl", format);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (; fgets(line, sizeof line, file); n++)
        check_case(format, line);
    fclose(file);
    assert_int_equal(n, want);
}

static void prompts_of_deepseek_are_as_recorded(void **state)
{
    (void)state;
    check_file("v2", 3);
    check_file("v3", 6);
    check_file("r1", 3);
    check_file("v31", 12);
    check_file("v32", 15);
    check_file("v4", 28);
}

const struct CMUnitTest case_tests[] = {
    cmocka_unit_test(prompts_of_deepseek_are_as_recorded),
};
const size_t n_case_tests = sizeof case_tests / sizeof *case_tests;
