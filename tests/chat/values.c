/* SPDX-License-Identifier: MIT */
/* JSON as Python reads and writes it; the wanted texts are what Python 3 printed. */
#include <stdlib.h>
#include <string.h>

#include "chat/value.h"
#include "chat_test.h"

static dsvk_status pass(struct bench *bench, const char *json, struct dv_bytes *out)
{
    char             why[DV_VALUE_WHY];
    struct dv_arena  arena;
    struct dv_value *value;
    *out = (struct dv_bytes){ .ctx = &bench->ctx };
    dv_arena_init(&arena, &bench->ctx);
    dsvk_status status = dv_value_read(&value, &arena, json, strlen(json), why);
    assert_int_equal(status == DSVK_OK, why[0] == 0);
    if (status == DSVK_OK)
        dv_value_write(out, value);
    dv_arena_done(&arena);
    return status;
}

static void values_are_written_as_python_does(void **state)
{
    static const char *const pairs[][2] = {
        { "[1e5,2.50,1e16,1e15,1.5e-5,0.0001,-0,-0.0]",
          "[100000.0, 2.5, 1e+16, 1000000000000000.0, 1.5e-05, 0.0001, 0, -0.0]" },
        { "[0.1,123456789.123,1e-7,1.7976931348623157e308,5e-324,1e999,-1e999,NaN]",
          "[0.1, 123456789.123, 1e-07, 1.7976931348623157e+308, 5e-324, Infinity, -Infinity, "
          "NaN]" },
        { "[123456789012345678901234567890,-5]", "[123456789012345678901234567890, -5]" },
        { "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\": 3, \"b\": 2}" },
        { "{\"a\":1,\"a\":2,\"c\":0,\"a\":3,\"c\":4}", "{\"a\": 3, \"c\": 4}" },
        { "\"\\u00e9\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\u0000\\u007f\\\"\\\\\"",
          "\"é😀/\\b\\f\\n\\r\\t\\u0000\x7f\\\"\\\\\"" },
        { " [ ] ", "[]" },
        { "{}", "{}" },
        { "[true,false,null]", "[true, false, null]" },
        { "123456.0", "123456.0" },
        { "9007199254740993.0", "9007199254740992.0" },
    };
    struct bench    bench;
    struct dv_bytes out;
    (void)state;
    bench_init(&bench);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_int_equal(pass(&bench, pairs[i][0], &out), DSVK_OK);
        dv_bytes_put(&out, "", 1);
        assert_string_equal(out.data, pairs[i][1]);
        dv_free(&bench.ctx, out.data);
    }
    assert_int_equal(bench.live, 0);
}

static void what_python_refuses_is_refused(void **state)
{
    static const char *const bad[] = { "",         "[1,]",   "{\"a\":1,}",  "01",    "1.",
                                       "-",        "\"\n\"", "\"\\x\"",     "[1 2]", "{1:2}",
                                       "nul",      "\"a",    "\"\\u12g4\"", "[",     "{\"a\"}",
                                       "\"\xff\"", "[1]x",   "\"\\" };
    struct bench             bench;
    struct dv_bytes          out;
    char                     deep[2 * DV_VALUE_DEPTH + 3] = "", digits[DV_VALUE_DIGITS + 2] = "";
    (void)state;
    bench_init(&bench);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (pass(&bench, bad[i], &out) != DSVK_BAD_ARGUMENT)
            fail_msg("%s", bad[i]);
    memset(deep, '[', DV_VALUE_DEPTH);
    memset(deep + DV_VALUE_DEPTH, ']', DV_VALUE_DEPTH);
    assert_int_equal(pass(&bench, deep, &out), DSVK_OK);
    dv_free(&bench.ctx, out.data);
    memset(deep, '[', DV_VALUE_DEPTH + 1);
    assert_int_equal(pass(&bench, deep, &out), DSVK_UNSUPPORTED);
    memset(digits, '7', DV_VALUE_DIGITS);
    assert_int_equal(pass(&bench, digits, &out), DSVK_OK);
    dv_free(&bench.ctx, out.data);
    digits[DV_VALUE_DIGITS] = '7';
    assert_int_equal(pass(&bench, digits, &out), DSVK_BAD_ARGUMENT);
    assert_int_equal(bench.live, 0);
}

const struct CMUnitTest value_tests[] = {
    cmocka_unit_test(values_are_written_as_python_does),
    cmocka_unit_test(what_python_refuses_is_refused),
};
const size_t n_value_tests = sizeof value_tests / sizeof *value_tests;
