/* SPDX-License-Identifier: MIT */
/* Answers taken apart: however they are cut they give the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat/answer.h"
#include "chat_test.h"

static void put(struct told *told, const char *text, size_t bytes)
{
    assert_true(told->n + bytes < sizeof told->text);
    memcpy(told->text + told->n, text, bytes);
    told->n += bytes;
    told->text[told->n] = 0;
}

/* Pieces of one kind that follow each other are one. */
static void take(void *user, const dsvk_piece *piece)
{
    static const char marks[] = {
        [DSVK_PIECE_REASONING] = 'R', [DSVK_PIECE_TEXT] = 'T',     [DSVK_PIECE_CALL] = 'C',
        [DSVK_PIECE_ARGUMENTS] = 'A', [DSVK_PIECE_CALL_END] = 'E', [DSVK_PIECE_NOTE] = 'N'
    };
    struct told *told = user;
    char         head[256];
    if (piece->kind != told->kind || piece->kind == DSVK_PIECE_CALL || told->n == 0) {
        snprintf(head, sizeof head, "|%c", marks[piece->kind]);
        if (piece->kind == DSVK_PIECE_CALL)
            snprintf(head, sizeof head, "|C%u %s %s", piece->call, piece->id ? piece->id : "-",
                     piece->name);
        put(told, head, strlen(head));
    }
    told->kind = piece->kind;
    if (piece->kind == DSVK_PIECE_NOTE)
        return; /* its words may change */
    if (piece->text)
        put(told, piece->text, piece->bytes);
    for (size_t at = 0, n; at < piece->bytes; at += n) {
        n = dv_text_sign(piece->text + at, piece->bytes - at);
        assert_true(n > 0); /* whole signs */
    }
}

dsvk_status take_apart(struct bench *bench, const struct asked *asked, const char *text,
                       size_t bytes, size_t first)
{
    struct dv_answer            *answer;
    static const enum dv_opening openings[] = {
        ['t'] = DV_OPEN_TEXT, ['r'] = DV_OPEN_REASONING, ['e'] = DV_OPEN_EITHER
    };
    const struct dv_answer_setup setup = { .format   = dv_chat_format_find(asked->format),
                                           .tools    = asked->tools,
                                           .opening  = openings[(unsigned char)asked->open],
                                           .no_calls = asked->no_calls,
                                           .take     = take,
                                           .user     = asked->told };
    *asked->told                       = (struct told){ 0 };
    dsvk_status status                 = dv_answer_new(&answer, &bench->ctx, &setup), next;
    if (status != DSVK_OK)
        return status;
    if (first == 0) { /* byte by byte */
        for (size_t i = 0; i < bytes; i++)
            status = (next = dv_answer_feed(answer, text + i, 1)) ? next : status;
    } else {
        first  = first < bytes ? first : bytes;
        status = dv_answer_feed(answer, text, first);
        status = (next = dv_answer_feed(answer, text + first, bytes - first)) ? next : status;
    }
    status = (next = dv_answer_end(answer)) ? next : status;
    dv_answer_free(answer);
    assert_int_equal(bench->live, 0);
    return status;
}

#define V31(name, json) "<｜tool▁call▁begin｜>" name "<｜tool▁sep｜>" json "<｜tool▁call▁end｜>"
#define CALLS(calls) "<｜tool▁calls▁begin｜>" calls "<｜tool▁calls▁end｜>"
#define V3CALL(name, json) V31("function", name "\n```json\n" json "\n```")
#define PARAMETER(name, text, value)                                                               \
    "<｜DSML｜parameter name=\"" name "\" string=\"" text "\">" value "</｜DSML｜parameter>\n"
#define INVOKE(name, parameters)                                                                   \
    "<｜DSML｜invoke name=\"" name "\">\n" parameters "</｜DSML｜invoke>\n"
#define V32(calls) "<｜DSML｜function_calls>\n" calls "</｜DSML｜function_calls>"
#define V4(calls) "<｜DSML｜tool_calls>\n" calls "</｜DSML｜tool_calls>"
#define ARG(key, value) "<arg_key>" key "</arg_key>\n<arg_value>" value "</arg_value>\n"
#define GLM(name, args) "<tool_call>" name "\n" args "</tool_call>"
#define KIMI(id, json)                                                                             \
    "<|tool_call_begin|>" id "<|tool_call_argument_begin|>" json "<|tool_call_end|>"
#define SECTION(calls) "<|tool_calls_section_begin|>" calls "<|tool_calls_section_end|>"
#define TYPES                                                                                      \
    "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"properties\":{"        \
    "\"s\":{\"type\":\"string\"},\"i\":{\"type\":\"integer\"},\"b\":{\"type\":[\"boolean\","       \
    "\"string\"]},\"e\":{\"enum\":[\"1\",\"2\"]},\"a\":{\"anyOf\":[{\"type\":\"null\"},"           \
    "{\"type\":\"string\"}]}}}}}]"

static const struct {
    const char *format;
    char        open;
    const char *answer, *told;
} all[] = {
    { "v2", 't', " Hello <think>", "|THello <think>" },
    { "v3", 'e', "  <b> it <thin", "|T  <b> it <thin" },
    { "v3", 'e', "\n<think>\n so\n\n</think>\n\nyes ", "|Rso|Tyes " },
    { "r1", 'r', "so\n </think>\n\n yes", "|Rso|Tyes" },
    { "r1", 'r', "<think>\nso</think>yes</think>", "|Rso|Tyes</think>" },
    { "r1", 'r', "no end </thin", "|Rno end </thin" },
    { "v31", 'r', " so \n</think>\n yes", "|R so \n|T\n yes" },
    { "v31", 'r', "</think>yes", "|Tyes" },
    { "v31", 't', "ein Maß ＜｜😀\xf0\x9f", "|Tein Maß ＜｜😀\xef\xbf\xbd" },
    { "v31", 't', "x" CALLS(V31("f", "{\"a\": 1}") V31("g", "")),
      "|Tx|C0 - f|A{\"a\": 1}|E|C1 - g|A{}|E" },
    { "v31", 't', CALLS(V31("f", "{}")) "\n", "|C0 - f|A{}|E" },
    { "v31", 't', CALLS(V31("f", "{}")) "\n\nbye", "|C0 - f|A{}|E|T\n\nbye" },
    { "v31", 'r', "so" CALLS(V31("f", "{}")), "|Rso|C0 - f|A{}|E" },
    { "v31", 't', V31("f", "{}"), "|C0 - f|A{}|E" },
    { "v31", 't', "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\":[]}",
      "|C0 - f|A{\"a\":[]}|E" },
    { "v3", 'e', CALLS(V3CALL("f", "{\"q\": \"```\"}") "\n" V3CALL("g", "{}")),
      "|C0 - f|A{\"q\": \"```\"}|E|C1 - g|A{}|E" },
    { "r1", 't', CALLS(V31("f", "{}")), "|C0 - f|A{}|E" },
    { "v31", 't', CALLS(V3CALL("f", "{}")), "|C0 - f|A{}|E" },
    { "v32", 't',
      "hi\n\n" V32(INVOKE("f", PARAMETER("a", "true", "1\n\"é\"")
                                   PARAMETER("b", "false", "[1, {\"c\": null}]"))),
      "|Thi|C0 - f|A{\"a\": \"1\\n\\\"é\\\"\", \"b\": [1, {\"c\": null}]}|E" },
    { "v32", 'r', "so" V32("") "</think>yes", "|Rso" V32("") "|Tyes" },
    { "v4", 't',
      "\n\n\n" V4(INVOKE("f", "") INVOKE("g", PARAMETER("x", "true", "</｜DSML｜invoke>"))),
      "|T\n|C0 - f|A{}|E|C1 - g|A{\"x\": \"</｜DSML｜invoke>\"}|E" },
    { "v4", 't', V32(INVOKE("f", "")), "|T" V32(INVOKE("f", "")) },
    { "glm", 'r',
      "so\n</think>\n\nhi\n" GLM("f", ARG("s", "12") ARG("i", "12")
                                          ARG("x", "a b")) "\n" GLM("g", "") "\n",
      "|Rso|Thi|C0 - f|A{\"s\": 12, \"i\": 12, \"x\": \"a b\"}|E|C1 - g|A{}|E" },
    { "glm45", 'e', "\n<think>so</think>\n yes", "|Rso|Tyes" },
    { "glm45", 't', "\n<tool_call>f</tool_call>", "|C0 - f|A{}|E" },
    { "kimi", 't', " hi " SECTION(KIMI("functions.f:0", "{}") KIMI("functions.a.b:c:12", " {} ")),
      "|T hi |C0 functions.f:0 f|A{}|E|C1 functions.a.b:c:12 a.b:c|A{}|E" },
    { "kimi-think", 'e', "<think>so" SECTION(KIMI("f", "{}")), "|Rso|C0 f f|A{}|E" },
    { "kimi-k25", 'r', "so</think> yes", "|Rso|Tyes" },
    /* What is no call comes as text, all of it. */
    { "v31", 't', "a" CALLS(V31("f", "{\"a\": 1")), "|Ta|N|T" CALLS(V31("f", "{\"a\": 1")) },
    { "v31", 't', CALLS(V31("f", "[]")), "|N|T" CALLS(V31("f", "[]")) },
    { "v31", 't', CALLS(V31("f", "{\"a\": NaN}")), "|N|T" CALLS(V31("f", "{\"a\": NaN}")) },
    { "v31", 't', CALLS(V31(" ", "{}")), "|N|T" CALLS(V31(" ", "{}")) },
    { "v31", 't', CALLS("<｜tool▁call▁begin｜>f<｜tool▁call▁end｜>"),
      "|N|T" CALLS("<｜tool▁call▁begin｜>f<｜tool▁call▁end｜>") },
    { "v31", 't', CALLS(""), "|N|T" CALLS("") },
    { "v31", 't', CALLS(" x"), "|N|T" CALLS(" x") },
    { "v31", 't', CALLS(V31("f", "{}") V31("g", "}") " " V31("h", "{}")) "!",
      "|C0 - f|A{}|E|N|T" V31("g", "}") "|C1 - h|A{}|E|T<｜tool▁calls▁end｜>!" },
    { "v31", 't', "<｜tool▁calls▁begin｜>" CALLS(V31("f", "{}")),
      "|N|T<｜tool▁calls▁begin｜>|C0 - f|A{}|E" },
    { "v31", 't', "<｜tool▁calls▁begin｜> ", "|N|T<｜tool▁calls▁begin｜> " },
    { "v31", 't', "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\":",
      "|N|T<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\":" },
    { "v32", 't', "x\n\n" V32(INVOKE("f", PARAMETER("a", "false", "one"))),
      "|Tx|N|T\n\n" V32(INVOKE("f", PARAMETER("a", "false", "one"))) },
    { "v32", 't', V32(INVOKE("f", PARAMETER("a", "false", "1, \"b\": 2"))),
      "|N|T" V32(INVOKE("f", PARAMETER("a", "false", "1, \"b\": 2"))) },
    { "v32", 't', V32(INVOKE("f", PARAMETER("a", "true", "1") PARAMETER("a", "true", "2"))),
      "|N|T" V32(INVOKE("f", PARAMETER("a", "true", "1") PARAMETER("a", "true", "2"))) },
    { "v32", 't', V32(INVOKE("f", "stray")), "|N|T" V32(INVOKE("f", "stray")) },
    { "v32", 't', "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜par",
      "|N|T<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜par" },
    { "glm", 't', "hi\n<tool_call>f<arg_key>a</arg_key>",
      "|Thi|N|T\n<tool_call>f<arg_key>a</arg_key>" },
    { "glm", 't', "hi\n<tool_call>f<arg_key>a</tool_call>",
      "|Thi|N|T\n<tool_call>f<arg_key>a</tool_call>" },
    { "glm", 't', "<tool_call></tool_call> ", "|N|T<tool_call></tool_call>" },
    { "kimi", 't', SECTION(KIMI("functions.f:0", "{]")),
      "|N|T" SECTION(KIMI("functions.f:0", "{]")) },
};

static void check(const char *format, char open, const char *text, size_t bytes, const char *want)
{
    struct bench       bench;
    static struct told told;
    const struct asked asked = { .format = format, .open = open, .told = &told };
    bench_init(&bench);
    for (size_t first = 0; first <= bytes; first++) {
        assert_int_equal(take_apart(&bench, &asked, text, bytes, first), DSVK_OK);
        if (strcmp(told.text, want) != 0)
            fail_msg("%s, cut at %zu:\n%s\ngives\n%s\ninstead of\n%s", format, first, text,
                     told.text, want);
    }
}

static void answers_give_the_same_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        check(all[i].format, all[i].open, all[i].answer, strlen(all[i].answer), all[i].told);
}

static void schemas_say_what_is_a_text(void **state)
{
    struct bench       bench;
    static struct told told;
    static const char text[] = GLM("f", ARG("s", "12") ARG("i", "12") ARG("b", "true") ARG("e", "1")
                                            ARG("a", "null") ARG("x", "[1]"));
    struct asked      asked  = { .format = "glm", .open = 't', .tools = TYPES, .told = &told };
    (void)state;
    bench_init(&bench);
    assert_int_equal(take_apart(&bench, &asked, text, strlen(text), 0), DSVK_OK);
    assert_string_equal(told.text, "|C0 - f|A{\"s\": \"12\", \"i\": 12, \"b\": true, \"e\": \"1\", "
                                   "\"a\": null, \"x\": [1]}|E");
    asked.tools = "{}";
    assert_int_equal(take_apart(&bench, &asked, text, strlen(text), 0), DSVK_BAD_ARGUMENT);
    asked.no_calls = true;
    asked.tools    = NULL;
    assert_int_equal(take_apart(&bench, &asked, text, strlen(text), 0), DSVK_OK);
    assert_string_equal(told.text + 2, text);
}

/* No byte is lost: where there is no memory for a call it comes as text. */
static void memory_that_ends_loses_nothing(void **state)
{
    static struct told told;
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const struct asked asked = { .format = all[i].format, .open = all[i].open, .told = &told };
        const char        *text  = all[i].answer;
        struct bench       bench;
        bench_init(&bench);
        assert_int_equal(take_apart(&bench, &asked, text, strlen(text), 0), DSVK_OK);
        for (long n = 1, most = bench.allocations; n <= most; n++) {
            struct bench failing;
            bench_init(&failing);
            failing.fail_at = n;
            assert_int_equal(take_apart(&failing, &asked, text, strlen(text), 0), DSVK_NO_MEMORY);
            assert_int_equal(failing.lines, 1);
            if (n > 1 && !strstr(told.text, "|N"))
                fail_msg("%s: no note: %s", text, told.text);
        }
    }
}

static void take_length(void *user, const dsvk_piece *piece)
{
    if (piece->kind == DSVK_PIECE_TEXT)
        *(size_t *)user += piece->bytes;
    else
        assert_int_equal(piece->kind, DSVK_PIECE_NOTE);
}

static void a_call_without_measure_is_text(void **state)
{
    static const char head[] =
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\":\"";
    struct bench       bench;
    struct dv_answer  *answer;
    static struct told told;
    size_t             n = 0;
    (void)state;
    bench_init(&bench);
    assert_int_equal(dv_answer_new(&answer, &bench.ctx,
                                   &(struct dv_answer_setup){
                                       .format = DV_CHAT_V31, .take = take_length, .user = &n }),
                     DSVK_OK);
    memset(told.text, 'x', sizeof told.text);
    assert_int_equal(dv_answer_feed(answer, head, strlen(head)), DSVK_OK);
    for (size_t i = 0; i < 5u << 20; i += sizeof told.text)
        assert_int_equal(dv_answer_feed(answer, told.text, sizeof told.text), DSVK_OK);
    assert_int_equal(dv_answer_end(answer), DSVK_OK);
    assert_int_equal(n, strlen(head) + (5u << 20));
    dv_answer_free(answer);
    assert_int_equal(bench.live, 0);
}

const struct CMUnitTest answer_tests[] = {
    cmocka_unit_test(answers_give_the_same_however_they_are_cut),
    cmocka_unit_test(schemas_say_what_is_a_text),
    cmocka_unit_test(memory_that_ends_loses_nothing),
    cmocka_unit_test(a_call_without_measure_is_text),
};
const size_t n_answer_tests = sizeof answer_tests / sizeof *answer_tests;
