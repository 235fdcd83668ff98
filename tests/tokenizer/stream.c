/* SPDX-License-Identifier: MIT */
/* Bytes in any pieces become whole signs and U+FFFD, and answers end before a text, wherever the
 * pieces are cut. */
#include <stdlib.h>
#include <string.h>

#include "text/stops.h"
#include "text/utf8.h"
#include "support.h"

#define BAD "\xef\xbf\xbd"

/* One byte at a time, and then in two pieces cut at every place. */
static void expect_text(const char *bytes, size_t n, const char *want)
{
    for (size_t cut = 0; cut <= n + 1; cut++) {
        struct dv_utf8 text = { .n = 0 }, counted;
        char           out[256];
        size_t         made = 0;
        for (size_t at = 0, part; at < n; at += part) {
            part        = cut > n ? 1 : at < cut ? cut : n - cut;
            counted     = text;
            size_t most = dv_utf8_put(&counted, NULL, bytes + at, part);
            size_t now  = dv_utf8_put(&text, out + made, bytes + at, part);
            assert_int_equal(now, most);
            assert_true(now <= DV_UTF8_ROOM(part));
            assert_int_equal(text.n, counted.n);
            made += now;
        }
        made += dv_utf8_end(&text, out + made);
        assert_int_equal(text.n, 0);
        assert_int_equal(made, strlen(want));
        assert_memory_equal(out, want, made);
    }
}

#define EXPECT_TEXT(bytes, want) expect_text(bytes, sizeof bytes - 1, want)

static void whole_signs_stay(void **state)
{
    (void)state;
    EXPECT_TEXT("", "");
    EXPECT_TEXT("plain", "plain");
    EXPECT_TEXT("na\xc3\xafve", "na\xc3\xafve");
    EXPECT_TEXT("\xe6\xb7\xb1\xe5\xba\xa6", "\xe6\xb7\xb1\xe5\xba\xa6");
    EXPECT_TEXT("\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80!");
    EXPECT_TEXT("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf",
                "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf");
}

/* As Unicode recommends it (3.9, "maximal subparts"), with its own examples at the end. */
static void what_is_no_sign_is_replaced(void **state)
{
    (void)state;
    EXPECT_TEXT("\xff", BAD);
    EXPECT_TEXT("\x80\x80", BAD BAD);
    EXPECT_TEXT("\xc3", BAD);
    EXPECT_TEXT("\xc3(", BAD "(");
    EXPECT_TEXT("\xe2\x82", BAD);
    EXPECT_TEXT("\xe2\x82 ", BAD " ");
    EXPECT_TEXT("\xf0\x9f\x98", BAD);
    EXPECT_TEXT("\xf0\x9f\x98\xc3\xaf", BAD "\xc3\xaf");
    EXPECT_TEXT("\xed\xa0\x80", BAD BAD BAD); /* a surrogate */
    EXPECT_TEXT("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", BAD BAD BAD BAD BAD BAD BAD BAD "A");
    EXPECT_TEXT("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", BAD BAD BAD BAD BAD "A" BAD BAD "B");
    EXPECT_TEXT("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", BAD BAD BAD BAD "A");
}

/* ---- texts that end an answer ---- */

/* Where the first text ends, and how long it is: by trying each; 0: none. */
static size_t naive_end(const char *text, const char *const *stops, size_t n, size_t *length)
{
    for (size_t end = 1; end <= strlen(text); end++)
        for (size_t i = *length = 0; i <= n; i++) {
            if (i == n && *length)
                return end;
            size_t l = i < n ? strlen(stops[i]) : SIZE_MAX;
            if (l <= end && l > *length && memcmp(text + end - l, stops[i], l) == 0)
                *length = l;
        }
    return 0;
}

static void expect_stop(const char *text, const char *const *texts, size_t n_texts, size_t part)
{
    struct bench    bench;
    struct dv_stops stops;
    char            out[256];
    size_t          made = 0, n = strlen(text), length;
    size_t          end = naive_end(text, texts, n_texts, &length);
    bench_init(&bench);
    assert_int_equal(dv_stops_init(&stops, &bench.ctx, texts, n_texts), DSVK_OK);
    for (size_t at = 0; at < n && !stops.met; at += part) {
        size_t now = n - at < part ? n - at : part;
        made += dv_stops_put(&stops, out + made, text + at, now);
        assert_true(made + stops.held == at + now || stops.met);
        assert_true(stops.held < stops.longest || n_texts == 0);
    }
    assert_true(stops.met == (end > 0));
    if (!stops.met)
        made += dv_stops_end(&stops, out + made);
    assert_int_equal(made, end ? end - length : n);
    assert_memory_equal(out, text, made);
    dv_stops_done(&stops);
    assert_int_equal(bench.live, 0);
}

static void a_text_ends_an_answer(void **state)
{
    static const char *const some[]  = { "ve", "e!" };
    static const char *const aaab[]  = { "aaab" };
    static const char *const inner[] = { "xabcabd", "abc", "bc" };
    (void)state;
    for (size_t part = 1; part < 6; part++) {
        expect_stop("naive!", some, 2, part);
        expect_stop("naive!", some, 0, part);
        expect_stop("nothing of it v", some, 2, part);
        expect_stop("aaaaaaab", aaab, 1, part);
        expect_stop("aaaaaaa", aaab, 1, part);
        expect_stop("xabcabd", inner, 3, part);
        expect_stop("xabcabcabd", inner, 1, part);
    }
}

/* Texts and answers of two letters, where beginnings overlap in every way. */
static void made_up_texts_end_as_if_each_were_tried(void **state)
{
    uint32_t random = 7;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char        words[3][8], text[40];
        const char *texts[3] = { words[0], words[1], words[2] };
        for (size_t i = 0; i < 4; i++) {
            char  *word = i < 3 ? words[i] : text;
            size_t n = 0, most = i < 3 ? 7 : 39;
            random      = random * 1664525u + 1013904223u;
            size_t want = 1 + (random >> 16) % most;
            while (n < want) {
                random    = random * 1664525u + 1013904223u;
                word[n++] = (random >> 20) % 3 ? 'a' : 'b';
            }
            word[n] = 0;
        }
        expect_stop(text, texts, 1 + random % 3, 1 + (random >> 8) % 5);
    }
}

static void wrong_texts_are_refused(void **state)
{
    static const char *const empty[] = { "a", "" };
    static const char *const none[]  = { "a", NULL };
    static const char *const good[]  = { "a", "bcd" };
    struct dv_stops          stops;
    struct bench             bench;
    (void)state;
    bench_init(&bench);
    assert_int_equal(dv_stops_init(&stops, &bench.ctx, empty, 2), DSVK_BAD_ARGUMENT);
    assert_null(stops.texts);
    assert_int_equal(dv_stops_init(&stops, &bench.ctx, none, 2), DSVK_BAD_ARGUMENT);
    assert_int_equal(dv_stops_init(&stops, &bench.ctx, NULL, 1), DSVK_BAD_ARGUMENT);
    assert_int_equal(dv_stops_init(&stops, &bench.ctx, NULL, 0), DSVK_OK);
    dv_stops_done(&stops);
    assert_int_equal(bench.lines, 3);
    for (long nth = 1; nth <= 3; nth++) { /* the list, and what is kept of each */
        bench.fail_at = bench.allocations + nth;
        assert_int_equal(dv_stops_init(&stops, &bench.ctx, good, 2), DSVK_NO_MEMORY);
        assert_int_equal(bench.live, 0);
    }
    assert_int_equal(bench.lines, 6);
}

const struct CMUnitTest stream_tests[] = {
    cmocka_unit_test(whole_signs_stay),
    cmocka_unit_test(what_is_no_sign_is_replaced),
    cmocka_unit_test(a_text_ends_an_answer),
    cmocka_unit_test(made_up_texts_end_as_if_each_were_tried),
    cmocka_unit_test(wrong_texts_are_refused),
};
TEST_LIST(stream_test);
