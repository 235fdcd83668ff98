/* SPDX-License-Identifier: MIT */
/* Turns of the assistant that a format has written are read back: what stands behind the prompt of
 * the conversation before them is the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat/value.h"
#include "chat_test.h"

/* Of the GLM and Moonshot formats, for which there are no files. */
static const char talk[] =
    "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\","
    "\"reasoning_content\":\"so\",\"content\":\"well\",\"tool_calls\":[{\"id\":\"functions.f:0\","
    "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": 1.5, "
    "\\\"b\\\": "
    "[\\\"<x>\\\"], \\\"c\\\": \\\"y\\\\nz\\\"}\"}},{\"id\":\"functions.g:1\",\"function\":{"
    "\"name\":\"g\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"content\":\"1\"},{\"role\":"
    "\"tool\",\"content\":\"2\"},{\"role\":\"assistant\",\"reasoning_content\":\"then\","
    "\"content\":\"done\"}]}";

/* The prompt of the first n messages. */
static char *prompt_of(struct bench *bench, const char *format, const json_t *row, size_t n,
                       bool opened)
{
    json_t *copy = json_deep_copy(row), *messages = json_object_get(copy, "messages");
    json_t *options = json_object_get(copy, "options");
    size_t  bytes;
    while (json_array_size(messages) > n)
        json_array_remove(messages, n);
    if (!options) {
        options = json_object();
        json_object_set_new(copy, "options", options);
    }
    if (!opened)
        json_object_set_new(options, "add_generation_prompt", json_false());
    char *json = json_dumps(copy, 0);
    char *text = text_of(bench, format, json, &bytes);
    free(json);
    json_decref(copy);
    return text;
}

static bool ends(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static char opening_of(const char *prompt)
{
    return ends(prompt, "<think>") || ends(prompt, "<think>\n") ? 'r'
           : ends(prompt, "</think>")                           ? 't'
                                                                : 'e';
}

static void put_arguments(char *told, size_t room, const char *format, const char *arguments)
{
    struct bench     bench;
    char             why[DV_VALUE_WHY];
    struct dv_arena  arena;
    struct dv_value *value = NULL;
    bench_init(&bench);
    struct dv_bytes out = { .ctx = &bench.ctx };
    dv_arena_init(&arena, &bench.ctx);
    bool as_is = strcmp(format, "v3") == 0 || strcmp(format, "v31") == 0 || strstr(format, "kimi");
    if (!as_is && dv_value_read(&value, &arena, arguments, strlen(arguments), why) == DSVK_OK) {
        dv_value_write(&out, value);
    } else if (strcmp(format, "v4") == 0) { /* which writes what is no JSON as one argument */
        struct dv_value raw = { .kind  = DV_VALUE_TEXT,
                                .text  = arguments,
                                .bytes = strlen(arguments) };
        dv_bytes_put(&out, "{\"arguments\": ", strlen("{\"arguments\": "));
        dv_value_write(&out, &raw);
        dv_bytes_put(&out, "}", 1);
    }
    dv_bytes_put(&out, "", 1);
    snprintf(told + strlen(told), room - strlen(told), "|A%s|E", out.n > 1 ? out.data : arguments);
    dv_free(&bench.ctx, out.data);
    dv_arena_done(&arena);
}

/* What taking the turn apart must tell. */
static void expect(char *told, size_t room, const char *format, const json_t *m, bool thinks)
{
    size_t      i;
    json_t     *call, *calls = json_object_get(m, "tool_calls");
    const char *text = json_string_value(json_object_get(m, "content"));
    const char *why  = json_string_value(json_object_get(m, "reasoning_content"));
    const char *all  = text;
    told[0]          = 0;
    /* Formats leave out thoughts that stand in the text. */
    for (const char *end; text && (end = strstr(text, "</think>")) != NULL;)
        text = end + strlen("</think>");
    if (text != all && thinks) /* but V3, whose answers then are reasoning */
        snprintf(told, room, "|R%.*s", (int)(text - all) - 15, all + 7);
    if (why && why[0] && thinks)
        snprintf(told, room, "|R%s", why);
    if (text && text[0])
        snprintf(told + strlen(told), room - strlen(told), "|T%s", text);
    json_array_foreach(calls, i, call)
    {
        const json_t *function = json_object_get(call, "function");
        snprintf(told + strlen(told), room - strlen(told), "|C%zu %s %s", i,
                 strstr(format, "kimi") ? json_string_value(json_object_get(call, "id")) : "-",
                 json_string_value(json_object_get(function, "name")));
        put_arguments(told, room, format,
                      json_string_value(json_object_get(function, "arguments")));
    }
}

/* Whether the turn was compared: it must go on from the prompt before it. */
static bool check_turn(const char *format, const json_t *row, size_t i)
{
    static struct told told;
    static char        want[sizeof told.text];
    static const char *ended[] = { "<｜end▁of▁sentence｜>", "<|im_end|>" };
    struct bench       bench;
    bench_init(&bench);
    char        *prompt = prompt_of(&bench, format, row, i, true);
    char        *whole  = prompt_of(&bench, format, row, i + 1, false);
    size_t       n = strlen(prompt), bytes = strlen(whole);
    bool         goes_on = bytes >= n && memcmp(prompt, whole, n) == 0;
    struct asked asked   = { .format = format, .open = opening_of(prompt), .told = &told };
    for (size_t k = 0; k < 2; k++)
        if (ends(whole, ended[k]))
            bytes -= strlen(ended[k]);
    const json_t *m      = json_array_get(json_object_get(row, "messages"), i);
    bool          thinks = asked.open == 'r' || (goes_on && strstr(whole + n, "<think>"));
    expect(want, sizeof want, format, m, thinks);
    dv_free(&bench.ctx, prompt);
    for (size_t first = 0; goes_on && first <= bytes - n; first++) {
        struct bench other;
        bench_init(&other);
        assert_int_equal(take_apart(&other, &asked, whole + n, bytes - n, first), DSVK_OK);
        if (strcmp(told.text, want) != 0)
            fail_msg("%s:\n%s\ngives\n%s\ninstead of\n%s", format, whole + n, told.text, want);
    }
    dv_free(&bench.ctx, whole);
    return goes_on;
}

/* Answers how many turns were compared. */
static int check_row(const char *format, const char *line)
{
    int     n = 0;
    size_t  i;
    json_t *row = json_loads(line, 0, NULL), *m;
    assert_non_null(row);
    json_array_foreach(json_object_get(row, "messages"), i,
                       m) if (strcmp(json_string_value(json_object_get(m, "role")), "assistant") ==
                              0) n += check_turn(format, row, i);
    json_decref(row);
    return n;
}

static int check_file(const char *format)
{
    static char line[65536];
    char        path[256];
    int         n = 0;
    snprintf(path, sizeof path, DSVK_TEST_DATA "/chat/cases/%s.jsonl", format);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        n += check_row(format, line);
    fclose(file);
    return n;
}

static void turns_are_read_back(void **state)
{
    (void)state;
    assert_int_equal(check_file("v2"), 2);
    assert_int_equal(check_file("v3"), 6);
    assert_int_equal(check_file("r1"), 1);
    assert_int_equal(check_file("v31"), 7);
    assert_int_equal(check_file("v32"), 19);
    assert_int_equal(check_file("v4"), 29);
    assert_int_equal(check_row("glm", talk), 2);
    assert_int_equal(check_row("glm45", talk), 2);
    assert_int_equal(check_row("kimi", talk), 2);
    assert_int_equal(check_row("kimi-think", talk), 1); /* the last answer changes the first */
}

const struct CMUnitTest turn_tests[] = {
    cmocka_unit_test(turns_are_read_back),
};
const size_t n_turn_tests = sizeof turn_tests / sizeof *turn_tests;
