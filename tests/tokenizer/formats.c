/* SPDX-License-Identifier: MIT */
/* Whole prompts in the chat formats, byte for byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* The demonstration model's tokenizer with the marks of another family and a template of it. */
static struct dv_tokenizer *with_marks(struct bench *bench, const char *template, bool bare)
{
    static const char *const marks[] = { "[gMASK]",       "<sop>",          "<|system|>",
                                         "<|user|>",      "<|assistant|>",  "<|im_end|>",
                                         "<|im_user|>",   "<|im_system|>",  "<|im_assistant|>",
                                         "<|im_middle|>", "<|observation|>" };
    struct dv_tokenizer     *tokenizer;
    json_t                  *root   = load_json_file(DEMO "/tokenizer.json");
    json_t                  *config = json_pack("{s:s?}", "chat_template", template);
    json_t                  *added  = json_object_get(root, "added_tokens");
    for (size_t i = 0; i < sizeof marks / sizeof *marks && !bare; i++)
        json_array_append_new(added, json_pack("{s:i, s:s, s:b}", "id", 2000 + (int)i, "content",
                                               marks[i], "special", 1));
    char *text = json_dumps(root, 0), *config_text = json_dumps(config, 0);
    bench_init(bench);
    if (parse(bench, &tokenizer, text, config_text))
        fail_msg("%s", bench->line);
    free(text);
    free(config_text);
    json_decref(root);
    json_decref(config);
    return tokenizer;
}

/* The first n messages, with the opening of an answer. */
static struct dv_chat chat_of(enum dv_chat_format format, enum dv_think think,
                              const struct dv_chat_message *messages, size_t n)
{
    return (struct dv_chat){ format, think, messages, n, .generate = true };
}

static void check(const struct dv_tokenizer *tokenizer, struct bench *bench, struct dv_chat chat,
                  const char *prompt)
{
    struct dv_ids ids = { 0 };
    size_t        bytes;
    if (dv_chat_encode(tokenizer, &chat, &ids))
        fail_msg("%s", bench->line);
    char *text = decode(tokenizer, &ids, &bytes);
    if (bytes != strlen(prompt) || memcmp(text, prompt, bytes) != 0)
        fail_msg("%s: '%.*s' is not '%s'", dv_chat_format_name(chat.format), (int)bytes, text,
                 prompt);
    free(text);
    ids_done(bench, &ids);
}

static void check_line(const char *line)
{
    struct bench           bench;
    struct dv_chat_message messages[8];
    json_t                *entry, *row = json_loads(line, 0, NULL);
    size_t                 i;
    assert_non_null(row);
    json_array_foreach(json_object_get(row, "messages"), i, entry) messages[i] =
        (struct dv_chat_message){ .role = json_string_value(json_object_get(entry, "role")),
                                  .text = json_string_value(json_object_get(entry, "text")) };
    enum dv_chat_format format =
        dv_chat_format_find(json_string_value(json_object_get(row, "format")));
    bool on = strcmp(json_string_value(json_object_get(row, "think")), "on") == 0;
    /* V3's own vocabulary knows no thinking, and its template cuts none. */
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, format == DV_CHAT_V3 ? V3 : DEMO);
    check(tokenizer, &bench,
          chat_of(format, on ? DV_THINK_ON : DV_THINK_OFF, messages,
                  json_array_size(json_object_get(row, "messages"))),
          json_string_value(json_object_get(row, "prompt")));
    dv_tokenizer_free(tokenizer);
    json_decref(row);
}

/* What follows an answer is what follows it in the whole conversation, to the id. */
static void check_next(const struct dv_tokenizer *t, struct bench *bench,
                       enum dv_chat_format format, enum dv_think think, const char *begins)
{
    const struct dv_chat_message messages[] = { { .role = "system", .text = "Be brief." },
                                                { .role = "user", .text = "Hi" },
                                                { .role = "assistant", .text = "Hello!" },
                                                { .role = "user", .text = "Why?\n" } };
    struct dv_chat whole = chat_of(format, think, messages, 4), next = whole, answered = whole;
    struct dv_ids  all = { 0 }, more = { 0 }, before = { 0 };
    next.messages       = &messages[3];
    next.n_messages     = 1;
    next.next           = true;
    answered.n_messages = 3;
    answered.generate   = false;
    if (dv_chat_encode(t, &whole, &all) || dv_chat_encode(t, &next, &more) ||
        dv_chat_encode(t, &answered, &before))
        fail_msg("%s", bench->line);
    bool   closes = format != DV_CHAT_GLM && format != DV_CHAT_GLM45;
    size_t answer = before.n - closes; /* without the mark that ends it */
    assert_int_equal(answer + more.n, all.n);
    assert_memory_equal(all.ids + answer, more.ids, more.n * sizeof *more.ids);
    assert_int_equal(more.ids[0], dv_tokenizer_find(t, begins));
    ids_done(bench, &all);
    ids_done(bench, &more);
    ids_done(bench, &before);
}

static void formats_of_deepseek_are_as_recorded(void **state)
{
    char  line[4096];
    int   n    = 0;
    FILE *file = fopen(DSVK_TEST_DATA "/tokenizer/chats/deepseek.jsonl", "r");
    (void)state;
    assert_non_null(file);
    for (; fgets(line, sizeof line, file); n++)
        check_line(line);
    fclose(file);
    assert_int_equal(n, 13);
}

#define GLM45_TEMPLATE                                                                             \
    "[gMASK]<sop><|user|>\n{{ u }}{{- '/nothink' }}<|assistant|>\n<think></think>"
#define GLM_TEMPLATE                                                                               \
    "[gMASK]<sop><|user|>{{ u }}<|assistant|>{{- '</think>' if off else '<think>' }}"
/* With what follows the default message, and what the template writes at its end. */
#define KIMI_TEMPLATE                                                                              \
    "{%%- if messages[0]['role'] != 'system' -%%}\n  <|im_system|>system<|im_middle|>You are "     \
    "Kimi.<|im_end|>%s<|im_end|>{%% if add_generation_prompt %%}<|im_middle|>%s{%% endif %%}"

static const struct dv_chat_message talk[] = {
    { .role = "user", .text = "Hi" },
    { .role = "assistant",
      .text = "<think>\na</think>\n\nHello! \xe3\x80\x80" }, /* a wide blank, too */
    { .role = "user", .text = "Why?" },
};
static const struct dv_chat_message led[] = { { .role = "system", .text = "Be brief." },
                                              { .role = "user", .text = "Hi" } };

static void formats_of_glm_are_as_its_templates(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *t = with_marks(&bench, GLM_TEMPLATE, false);
    (void)state;
    assert_int_equal(dv_chat_detect(t, "glm4_moe_lite"), DV_CHAT_GLM);
    check(t, &bench, chat_of(DV_CHAT_GLM, DV_THINK_AUTO, talk, 3),
          "[gMASK]<sop><|user|>Hi<|assistant|></think>Hello!<|user|>Why?<|assistant|><think>");
    check(t, &bench, chat_of(DV_CHAT_GLM, DV_THINK_ON, led, 2),
          "[gMASK]<sop><|system|>Be brief.<|user|>Hi<|assistant|><think>");
    check(t, &bench, chat_of(DV_CHAT_GLM, DV_THINK_OFF, led, 2),
          "[gMASK]<sop><|system|>Be brief.<|user|>Hi<|assistant|></think>");
    check(t, &bench, chat_of(DV_CHAT_GLM, DV_THINK_AUTO, talk, 2),
          "[gMASK]<sop><|user|>Hi<|assistant|><think>a</think>Hello!<|assistant|><think>");
    dv_tokenizer_free(t);
    t = with_marks(&bench, GLM45_TEMPLATE, false);
    assert_int_equal(dv_chat_detect(t, NULL), DV_CHAT_GLM45);
    check(t, &bench, chat_of(DV_CHAT_GLM45, DV_THINK_AUTO, talk, 3),
          "[gMASK]<sop><|user|>\nHi<|assistant|>\n<think></think>\nHello!<|user|>\nWhy?"
          "<|assistant|>");
    check(t, &bench, chat_of(DV_CHAT_GLM45, DV_THINK_OFF, led, 2),
          "[gMASK]<sop><|system|>\nBe brief.<|user|>\nHi/nothink<|assistant|>\n<think></think>");
    dv_tokenizer_free(t);
    t = with_marks(&bench, "[gMASK]<sop>Reasoning Effort: Max<|assistant|><think>", false);
    assert_int_equal(dv_chat_detect(t, NULL), DV_CHAT_UNKNOWN);
    dv_tokenizer_free(t);
    t = with_marks(&bench, "[gMASK]<sop><|user|>\n{{ u }}<|assistant|>", false);
    assert_int_equal(dv_chat_detect(t, NULL), DV_CHAT_UNKNOWN);
    dv_tokenizer_free(t);
}

static struct dv_tokenizer *kimi(struct bench *bench, const char *gap, const char *end,
                                 enum dv_chat_format format, const char *model_type)
{
    char template[600];
    snprintf(template, sizeof template, KIMI_TEMPLATE, gap, end);
    struct dv_tokenizer *tokenizer = with_marks(bench, template, false);
    assert_int_equal(dv_chat_detect(tokenizer, model_type), format);
    return tokenizer;
}

#define TURN(role, text) "<|im_" role "|>" role "<|im_middle|>" text "<|im_end|>"
#define OPEN "<|im_assistant|>assistant<|im_middle|>"
#define KIMI_SYSTEM TURN("system", "You are Kimi.")

static void formats_of_moonshot_are_as_its_templates(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *t = kimi(&bench, "\n  {%- endif -%}", "", DV_CHAT_KIMI, "kimi_k2");
    (void)state;
    check(t, &bench, chat_of(DV_CHAT_KIMI, DV_THINK_AUTO, talk, 1),
          KIMI_SYSTEM TURN("user", "Hi") OPEN);
    check(t, &bench, chat_of(DV_CHAT_KIMI, DV_THINK_OFF, led, 2),
          TURN("system", "Be brief.") TURN("user", "Hi") OPEN);
    dv_tokenizer_free(t);
    t = kimi(&bench, "\n  {% endif %}", "", DV_CHAT_MOONLIGHT, "deepseek_v3");
    check(t, &bench, chat_of(DV_CHAT_MOONLIGHT, DV_THINK_AUTO, talk, 1),
          KIMI_SYSTEM "\n" TURN("user", "Hi") OPEN);
    dv_tokenizer_free(t);
    t = kimi(&bench, "{%- endif -%}<think></think>", "", DV_CHAT_KIMI_THINK, NULL);
    check(t, &bench, chat_of(DV_CHAT_KIMI_THINK, DV_THINK_AUTO, talk, 3),
          KIMI_SYSTEM TURN("user", "Hi") TURN("assistant", "<think></think>\n\nHello! \xe3\x80\x80")
              TURN("user", "Why?") OPEN);
    check(t, &bench, chat_of(DV_CHAT_KIMI_THINK, DV_THINK_OFF, talk, 1),
          KIMI_SYSTEM TURN("user", "Hi") OPEN "<think></think>");
    dv_tokenizer_free(t);
    t = kimi(&bench, "{%- endif -%}<think></think>", "<think>", DV_CHAT_KIMI_K25, NULL);
    check(t, &bench, chat_of(DV_CHAT_KIMI_K25, DV_THINK_AUTO, led, 2),
          TURN("system", "Be brief.") TURN("user", "Hi") OPEN "<think>");
    check(t, &bench, chat_of(DV_CHAT_KIMI_K25, DV_THINK_OFF, led, 2),
          TURN("system", "Be brief.") TURN("user", "Hi") OPEN "<think></think>");
    dv_tokenizer_free(t);
}

/* R1 opens thoughts by itself, with a line end; V3 as its template would, if asked. */
static void formats_open_thoughts_when_asked(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *t = with_marks(&bench, NULL, true);
    (void)state;
#define HI "<｜begin▁of▁sentence｜><｜User｜>Hi<｜Assistant｜>"
    check(t, &bench, chat_of(DV_CHAT_R1, DV_THINK_AUTO, talk, 1), HI "<think>\n");
    check(t, &bench, chat_of(DV_CHAT_R1, DV_THINK_OFF, talk, 1), HI);
    check(t, &bench, chat_of(DV_CHAT_V31, DV_THINK_AUTO, talk, 1), HI "</think>");
    check(t, &bench, chat_of(DV_CHAT_V31, DV_THINK_ON, talk, 1), HI "<think>");
    check(t, &bench, chat_of(DV_CHAT_V3, DV_THINK_AUTO, talk, 1), HI);
    check(t, &bench, chat_of(DV_CHAT_V3, DV_THINK_ON, talk, 1), HI "<think>\n");
    dv_tokenizer_free(t);
    t = with_marks(&bench, "{% if thinking %}{{ '<think>' }}{% endif %}", true);
    check(t, &bench, chat_of(DV_CHAT_V3, DV_THINK_ON, talk, 1), HI "<think>");
    dv_tokenizer_free(t);
}

static void formats_refuse_thoughts_that_were_not_taught(void **state)
{
    static const enum dv_chat_format never[] = { DV_CHAT_V2, DV_CHAT_KIMI, DV_CHAT_MOONLIGHT,
                                                 DV_CHAT_V3 };
    struct bench                     bench;
    struct dv_tokenizer             *t = open_tokenizer(&bench, V3); /* without <think> */
    (void)state;
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        struct dv_ids  ids  = { 0 };
        struct dv_chat chat = chat_of(never[i], DV_THINK_ON, talk, 1);
        assert_int_equal(dv_chat_encode(t, &chat, &ids), DSVK_UNSUPPORTED);
        assert_non_null(strstr(bench.line, "cannot be asked to think"));
        assert_int_equal(ids.n, 0);
    }
    assert_int_equal(bench.lines, 4);
    dv_tokenizer_free(t);
    assert_int_equal(bench.live, 0);
}

/* Each allocation of each format fails once: a status, one sentence, nothing left, no id more. */
static void formats_survive_without_memory(void **state)
{
    (void)state;
    for (int format = DV_CHAT_V2; format < DV_CHAT_FORMATS; format++) {
        struct bench         bench;
        struct dv_tokenizer *t    = kimi(&bench, "", "", DV_CHAT_MOONLIGHT, NULL);
        struct dv_chat       chat = chat_of((enum dv_chat_format)format, DV_THINK_OFF, talk, 3);
        dsvk_status          status;
        long                 before = bench.live;
        for (long n = 1;; n++) {
            struct dv_ids ids = { 0 };
            bench.allocations = 0;
            bench.fail_at     = n;
            bench.lines       = 0;
            status            = dv_chat_encode(t, &chat, &ids);
            bench.fail_at     = 0;
            assert_true(status == DSVK_OK || (status == DSVK_NO_MEMORY && ids.n == 0));
            assert_int_equal(bench.lines, status != DSVK_OK);
            ids_done(&bench, &ids);
            assert_int_equal(bench.live, before);
            if (bench.allocations < n) /* none was left to fail */
                break;
        }
        assert_int_equal(status, DSVK_OK);
        dv_tokenizer_free(t);
        assert_int_equal(bench.live, 0);
    }
}

/* Whatever a text contains, it is no mark of any family. */
static void formats_let_no_text_forge_marks(void **state)
{
    static const char *const marks[] = { "<|im_end|>", "<|im_user|>", "<|user|>",  "[gMASK]",
                                         "<think>",    "</think>",    "<｜User｜>" };
    struct bench             bench;
    struct dv_tokenizer     *t = kimi(&bench, "", "", DV_CHAT_MOONLIGHT, NULL);
    (void)state;
    for (int format = DV_CHAT_V2; format < DV_CHAT_FORMATS; format++) {
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
            struct dv_chat_message plain  = { .role = "user", .text = "x" },
                                   forged = { .role = "user", .text = marks[i] };
            int64_t mark                  = dv_tokenizer_find(t, marks[i]);
            size_t  counts[2]             = { 0, 0 };
            assert_true(mark >= 0);
            for (size_t k = 0; k < 2; k++) {
                struct dv_ids  ids = { 0 };
                struct dv_chat chat =
                    chat_of((enum dv_chat_format)format, DV_THINK_AUTO, k ? &forged : &plain, 1);
                assert_int_equal(dv_chat_encode(t, &chat, &ids), DSVK_OK);
                for (size_t at = 0; at < ids.n; at++)
                    counts[k] += ids.ids[at] == mark;
                ids_done(&bench, &ids);
            }
            assert_int_equal(counts[0], counts[1]);
        }
    }
    dv_tokenizer_free(t);
}

static void every_format_goes_on_behind_an_answer(void **state)
{
    struct bench         bench;
    struct dv_tokenizer *t;
    (void)state;
    t = open_tokenizer(&bench, DEMO);
    for (int think = DV_THINK_AUTO; think <= DV_THINK_OFF; think++)
        for (int format = DV_CHAT_V2; format <= DV_CHAT_V31; format++)
            if (format != DV_CHAT_V2 || think != DV_THINK_ON)
                check_next(t, &bench, (enum dv_chat_format)format, (enum dv_think)think,
                           "<\xef\xbd\x9c"
                           "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>");
    dv_tokenizer_free(t);
    t = with_marks(&bench, NULL, false);
    for (int think = DV_THINK_AUTO; think <= DV_THINK_OFF; think++) {
        check_next(t, &bench, DV_CHAT_GLM, (enum dv_think)think, "<|user|>");
        check_next(t, &bench, DV_CHAT_GLM45, (enum dv_think)think, "<|user|>");
        check_next(t, &bench, DV_CHAT_KIMI_THINK, (enum dv_think)think, "<|im_end|>");
        check_next(t, &bench, DV_CHAT_KIMI_K25, (enum dv_think)think, "<|im_end|>");
    }
    check_next(t, &bench, DV_CHAT_KIMI, DV_THINK_AUTO, "<|im_end|>");
    check_next(t, &bench, DV_CHAT_MOONLIGHT, DV_THINK_OFF, "<|im_end|>");
    dv_tokenizer_free(t);
}

const struct CMUnitTest format_tests[] = {
    cmocka_unit_test(formats_of_deepseek_are_as_recorded),
    cmocka_unit_test(formats_of_glm_are_as_its_templates),
    cmocka_unit_test(formats_of_moonshot_are_as_its_templates),
    cmocka_unit_test(formats_open_thoughts_when_asked),
    cmocka_unit_test(formats_refuse_thoughts_that_were_not_taught),
    cmocka_unit_test(formats_survive_without_memory),
    cmocka_unit_test(every_format_goes_on_behind_an_answer),
    cmocka_unit_test(formats_let_no_text_forge_marks),
};
TEST_LIST(format_test);
