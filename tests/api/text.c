/* SPDX-License-Identifier: MIT */
/* dsvk_model_text: tokens that come one by one become whole UTF-8, in any room. */
#include "demo_group.h"

#include <string.h>

static bool is_whole(const char *text, size_t n)
{
    size_t more = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((more > 0) != ((c & 0xc0) == 0x80))
            return false;
        more = more ? more - 1 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
    }
    return more == 0;
}

struct made {
    char     text[512];
    size_t   n;
    unsigned pieces; /* with text */
};

/* With room for nothing first, which changes nothing. */
static void put(struct made *made, dsvk_text *text, uint32_t id)
{
    dsvk_text before = *text;
    char     *out    = made->text + made->n;
    size_t    n      = dsvk_model_text(demo.model, text, id, NULL, 0);
    assert_true(n == 0 || text->n == before.n);
    assert_true(n <= 9 + 3 * 64u);
    if (n > 0) {
        memset(out, '#', n);
        assert_int_equal(dsvk_model_text(demo.model, text, id, out, n - 1), n);
        assert_int_equal(out[0], '#');
        assert_int_equal(dsvk_model_text(demo.model, text, id, out, n), n);
        made->pieces++;
    }
    assert_true(is_whole(out, n));
    made->n += n;
}

/* Token by token, a special one in between. */
static void expect(const char *bytes, const char *want, unsigned pieces)
{
    struct made made = { .n = 0 };
    dsvk_text   text = { .n = 0 };
    uint32_t   *ids;
    size_t      n;
    assert_int_equal(dsvk_model_tokenize(demo.model, bytes, strlen(bytes), false, false, &ids, &n),
                     DSVK_OK);
    for (size_t i = 0; i < n; i++) {
        put(&made, &text, ids[i]);
        put(&made, &text, 0);       /* begins a text */
        put(&made, &text, 1000000); /* no token */
    }
    put(&made, &text, DSVK_TEXT_END);
    assert_int_equal(text.n, 0);
    dsvk_model_free_memory(demo.model, ids);
    assert_int_equal(made.n, strlen(want));
    assert_memory_equal(made.text, want, made.n);
    assert_true(pieces == 0 || made.pieces == pieces);
}

static void tokens_become_whole_text(void **state)
{
    (void)state;
    assert_true(dsvk_model_token_is_special(demo.model, 0));
    expect("The cache stays small.", "The cache stays small.", 0);
    expect("\xf0\x9f\x98\x80\xf0\x9f\xa6\x8a", "\xf0\x9f\x98\x80\xf0\x9f\xa6\x8a", 2);
    expect("\xe6\xb7\xb1\xe5\xba\xa6", "\xe6\xb7\xb1\xe5\xba\xa6", 2);
    expect("a\xff\xe6\xb7 b\xf0\x9f", "a\xef\xbf\xbd\xef\xbf\xbd b\xef\xbf\xbd", 0);
}

/* Whatever a caller kept in it, nothing is read or written beyond it. */
static void a_text_of_the_caller_may_hold_anything(void **state)
{
    dsvk_text text = { { 'x', 'x', 'x', 'x' }, 4000 };
    char      out[16];
    uint32_t *ids;
    size_t    n;
    (void)state;
    assert_int_equal(dsvk_model_tokenize(demo.model, "a", 1, false, false, &ids, &n), DSVK_OK);
    assert_int_equal(dsvk_model_text(demo.model, &text, ids[0], out, sizeof out), 1);
    assert_int_equal(out[0], 'a');
    assert_int_equal(text.n, 0);
    dsvk_model_free_memory(demo.model, ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_become_whole_text),
        cmocka_unit_test(a_text_of_the_caller_may_hold_anything),
    };
    return cmocka_run_group_tests(tests, open_demo_words, close_demo);
}
