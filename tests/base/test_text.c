/* SPDX-License-Identifier: MIT */
/* Texts for messages: whatever bytes come in, no terminal obeys what comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "support/test_context.h"

static const struct {
    const char *from, *to;
} cases[] = {
    { "", "" },
    { "plain", "plain" },
    { "two\nlines\r\tand \x1b[31mred\x1b[0m\x7f", "two lines  and  [31mred [0m " },
    { "Gr\xC3\xBC\xC3\x9F"
      "e \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x99\x82",
      "Gr\xC3\xBC\xC3\x9F"
      "e \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x99\x82" },
    { "\xC2\x9B"
      "31m \xC2\x80 \xC2\x9F \xC2\xA0",
      "?31m ? ? \xC2\xA0" },
    { "\x9B"
      "31m \xFF \xC0\x80 \xED\xA0\x80",
      "?31m ? ?? ???" },
    { "cut \xE4\xBD", "cut ??" },
};

static void texts_become_harmless(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", cases[i].from);
        dv_text_clean(text);
        assert_string_equal(text, cases[i].to);
    }
}

static void log_lines_are_harmless(void **state)
{
    struct dv_test_context test;
    (void)state;
    dv_test_context_init(&test);
    dv_fail(&test.ctx, DSVK_BAD_FILE, "file %s", "\x1b]0;x\x07\xC2\x9B\xFFname");
    assert_string_equal(test.line, "file  ]0;x ??name");
}

static void sizes_are_for_people(void **state)
{
    static const struct {
        uint64_t    bytes;
        const char *text;
    } sizes[] = {
        { 0, "0 bytes" },
        { 1, "1 byte" },
        { 1023, "1023 bytes" },
        { 9728, "9.5 KiB" },
        { 3809312, "3.633 MiB" },
        { 3u << 20, "3 MiB" },
        { 1u << 30, "1.00 GiB" },
        { 20046878752u, "18.67 GiB" },
        { UINT64_MAX, "17179869184 GiB" },
    };
    char a[DV_SIZE_BYTES], b[DV_SIZE_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        assert_string_equal(dv_text_size(a, sizes[i].bytes), sizes[i].text);
    dv_text_size_pair(a, 3809312, b, 3809311);
    assert_string_equal(a, "3809312 bytes");
    assert_string_equal(b, "3809311 bytes");
    dv_text_size_pair(a, 3809312, b, 3u << 20);
    assert_string_equal(a, "3.633 MiB");
    assert_string_equal(b, "3 MiB");
}

static void parts_are_found(void **state)
{
    (void)state;
    assert_true(dv_text_begins("model.json", "model") && dv_text_begins("model", ""));
    assert_false(dv_text_begins("model", "model.json") || dv_text_begins("a.model", "model"));
    assert_true(dv_text_ends("model.json", ".json") && dv_text_ends(".json", ".json"));
    assert_false(dv_text_ends("json", ".json") || dv_text_ends("model.json.gz", ".json"));
    assert_true(dv_text_has("a.mlp.b", ".mlp.") && dv_text_has("mlp", "mlp"));
    assert_false(dv_text_has("mlp", ".mlp."));
}

/* What printf writes in some languages, and what it writes in all. */
static void numbers_have_a_point(void **state)
{
    static const char *const texts[][2] = {
        { "1,5", "1.5" },
        { "-0,25", "-0.25" },
        { "1\xd9\xab"
          "5",
          "1.5" },
        { "1.5", "1.5" },
        { "1,5e-07", "1.5e-07" },
        { "12", "12" },
        { "nan", "nan" },
        { "-inf", "-inf" },
        { "1e+06", "1e+06" },
        { "", "" },
    };
    char text[DV_SIZE_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(text, sizeof text, "%s", texts[i][0]);
        assert_string_equal(dv_text_point(text), texts[i][1]);
    }
    assert_string_equal(dv_text_fixed(text, 57.25, 1), "57.2");
    assert_string_equal(dv_text_fixed(text, 3, 0), "3");
    assert_string_equal(dv_text_short(text, 1.0 / 3, 4), "0.3333");
    assert_string_equal(dv_text_short(text, 1e-9, 6), "1e-09");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_found),        cmocka_unit_test(sizes_are_for_people),
        cmocka_unit_test(numbers_have_a_point),   cmocka_unit_test(texts_become_harmless),
        cmocka_unit_test(log_lines_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
