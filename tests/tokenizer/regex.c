/* SPDX-License-Identifier: MIT */
/* Regexes in the syntax of tokenizer files: how they cut a text, and what is refused. */
#include <stdio.h>
#include <string.h>

#include "text/pretoken.h"
#include "support.h"

struct pieces {
    char   text[512]; /* joined with | */
    size_t n;
};

static dsvk_status take(void *user, const char *piece, size_t bytes)
{
    struct pieces *pieces = user;
    pieces->n += (size_t)snprintf(pieces->text + pieces->n, sizeof pieces->text - pieces->n,
                                  "%s%.*s", pieces->n ? "|" : "", (int)bytes, piece);
    return DSVK_OK;
}

static void check(const char *regex, const char *text, const char *cut)
{
    struct bench        bench;
    struct dv_pretoken *pretoken;
    struct pieces       pieces = { .n = 0 };
    bench_init(&bench);
    assert_int_equal(dv_pretoken_new(&pretoken, &bench.ctx), DSVK_OK);
    if (dv_pretoken_add(pretoken, "test", regex, strlen(regex), false) ||
        dv_pretoken_run(pretoken, text, strlen(text), take, &pieces))
        fail_msg("%s: %s", regex, bench.line);
    assert_string_equal(pieces.text, cut);
    dv_pretoken_free(pretoken);
    assert_int_equal(bench.live, 0);
}

static void regex_intersections_match_both_sides(void **state)
{
    (void)state;
    check("[a-z&&[^aeiou]]+", "strengthen", "str|e|ngth|e|n");
    check("[a-z&&[aeiou]]", "queue", "q|u|e|u|e");
    check("[a-z&&\\p{L}&&[^x]]{2}", "abxcd", "ab|x|cd");
    check("[\\p{L}&&a-c]+", "abcdabc", "abc|d|abc");
    check("[a&]+", "a&a-&", "a&a|-|&");    /* a single & is a sign */
    check("[]a]+", "a]b]", "a]|b|]");      /* a first ] too */
    check("[^\\]&]+", "ab]&c", "ab|]&|c"); /* escaped as well */
    check("[\\p{Lo}&&[^\\p{Han}]]+", "中あい国", "中|あい|国");
}

/* A script is that of the sign, not one that it is also used with: the middle dot is no Han. */
static void regex_scripts_are_those_of_unicode(void **state)
{
    (void)state;
    check("\\p{Han}+", "中・国、々", "中|・|国|、|々");
    check("[\\p{Han}]+", "漢字ー漢", "漢字|ー|漢");
    check("\\P{Han}+", "a・中", "a・|中");
    check("\\p{Katakana}+", "カー・ナ", "カ|ー・|ナ");
    check("\\pL+", "aé1", "aé|1");
    check("\\p{Lu}+", "ABc", "AB|c");
}

static void regex_that_cannot_be_promised_is_refused(void **state)
{
    static const char *const cases[][2] = {
        { "\\p{Klingon}", "property" },
        { "[\\p{Emoji}]", "property" },
        { "\\p{Script=Han}", "property" },
        { "\\p{L&}", "property" },
        { "\\p{^L}", "property" },
        { "\\pX", "property" },
        { "\\p{L", "property" },
        { "\\p", "property" },
        { "[a[b]]", "inside a class" },
        { "[[:alpha:]]", "inside a class" },
        { "[a&&[b[c]]]", "inside a class" },
        { "[a&&[b]c]", "inside a class" },
        { "[^a&&[b]]", "negated class" },
        { "[a&&]", "without an end" },
        { "[a&&[b]", "without an end" },
        { "[a", "without an end" },
        { "[a\\", "without an end" },
        { "[]", "without an end" },
        { "[a&&b&&c&&d&&e&&f&&g&&h&&i]", "too many parts" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench        bench;
        struct dv_pretoken *pretoken;
        bench_init(&bench);
        assert_int_equal(dv_pretoken_new(&pretoken, &bench.ctx), DSVK_OK);
        dsvk_status status =
            dv_pretoken_add(pretoken, "test", cases[i][0], strlen(cases[i][0]), false);
        if (status != DSVK_UNSUPPORTED || bench.lines != 1 || !strstr(bench.line, cases[i][1]))
            fail_msg("%s: status %d, %s", cases[i][0], (int)status, bench.line);
        dv_pretoken_free(pretoken);
        assert_int_equal(bench.live, 0);
    }
}

const struct CMUnitTest regex_tests[] = {
    cmocka_unit_test(regex_intersections_match_both_sides),
    cmocka_unit_test(regex_scripts_are_those_of_unicode),
    cmocka_unit_test(regex_that_cannot_be_promised_is_refused),
};
TEST_LIST(regex_test);
