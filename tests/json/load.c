/* SPDX-License-Identifier: MIT */
/* The reader of JSON against jansson's own, on texts that are damaged at random, and with each
 * allocation failing in turn: ours and those of jansson's nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/load.h"
#include "support/test_context.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- nodes on order ---- */

static size_t node_calls, node_fails, node_live;

static void *node_alloc(size_t bytes)
{
    if (++node_calls == node_fails)
        return NULL;
    void *node = malloc(bytes);
    node_live += node != NULL;
    return node;
}

static void node_free(void *node)
{
    node_live -= node != NULL;
    free(node);
}

static const char whole[] =
    "{\"a key of thirty-one bytes, and 1\": [1, -20, 3.25e2, 123456789012345678, 0.1234567890123],"
    " \"\": {\"\\u00e4\\ud83d\\ude00\\n\": null, \"x\": [true, false, [], {}]},"
    " \"texts\": [\"\", \"fourteen signs\", \"\\\"\\\\\\/\\b\\f\\n\\r\\t\", "
    "\"\xC3\xA4\xF0\x9F\x98\x80\"],"
    " \"a\": 1, \"b\": 2, \"c\": 3, \"d\": 4, \"e\": 5, \"f\": 6, \"g\": 7, \"h\": 8}";

static json_t *load(struct dv_test_context *test, dsvk_status *status, const char *text,
                    size_t bytes)
{
    json_t *root;
    *status = dv_json_load(&root, &test->ctx, "test", "here", text, bytes);
    assert_int_equal(test->live, 0);
    assert_int_equal(test->errors, *status != DSVK_OK);
    assert_true((root != NULL) == (*status == DSVK_OK));
    return root;
}

/* A text on the heap without an end, so that the sanitizer sees who reads behind it. */
static char *exact_copy(const char *text, size_t bytes)
{
    char *copy = malloc(bytes ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, text, bytes);
    return copy;
}

static void each_node_may_find_no_memory(void **state)
{
    struct dv_test_context test;
    dsvk_status            status;
    (void)state;
    for (node_fails = 1;; node_fails++) {
        node_calls = 0;
        dv_test_context_init(&test);
        json_t *root = load(&test, &status, whole, sizeof whole - 1);
        json_decref(root);
        assert_int_equal(node_live, 0);
        if (node_calls < node_fails)
            break;
        assert_int_equal(status, DSVK_NO_MEMORY);
        assert_non_null(strstr(test.line, "here: no memory to parse"));
    }
    assert_int_equal(status, DSVK_OK);
    print_message("  %zu nodes found no memory\n", node_fails - 1);
    assert_true(node_fails > 40);
    node_fails = 0;
}

static void each_word_may_find_no_memory(void **state)
{
    struct dv_test_context test;
    dsvk_status            status;
    unsigned               nth;
    (void)state;
    for (nth = 1;; nth++) {
        dv_test_context_init(&test);
        test.fail_at = nth;
        json_decref(load(&test, &status, whole, sizeof whole - 1));
        assert_int_equal(node_live, 0);
        if (test.calls < nth)
            break;
        assert_int_equal(status, DSVK_NO_MEMORY);
    }
    assert_int_equal(status, DSVK_OK);
    assert_true(nth > 1);
}

/* ---- the same as jansson ---- */

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

/* Bytes that mean something, put in, taken out or put in place of others. */
static size_t damage(char *text, size_t bytes, uint64_t *random)
{
    static const char signs[] = "{}[]\",:\\u1d8e5.-+eE nt/\t\xC3\x28\xA4\x01";
    for (uint32_t n = next_random(random) % 3 + 1; n > 0 && bytes > 1; n--) {
        size_t at = next_random(random) % bytes;
        char   c  = signs[next_random(random) % (sizeof signs - 1)];
        switch (next_random(random) % 4) {
        case 0:
            memmove(text + at, text + at + 1, bytes - at - 1);
            bytes--;
            break;
        case 1:
            memmove(text + at + 1, text + at, bytes - at);
            bytes++;
            text[at] = c;
            break;
        case 2:
            bytes = at + 1;
            break;
        default:
            text[at] = c;
        }
    }
    return bytes;
}

static void damaged_texts_are_read_as_by_jansson(void **state)
{
    uint64_t random = 20;
    unsigned good = 0, tries = 30000;
    (void)state;
    for (unsigned i = 0; i < tries; i++) {
        struct dv_test_context test;
        dsvk_status            status;
        char                   text[sizeof whole + 8];
        memcpy(text, whole, sizeof whole);
        size_t       bytes = damage(text, sizeof whole - 1, &random);
        json_error_t error;
        json_t      *other = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
        char        *copy  = exact_copy(text, bytes);
        dv_test_context_init(&test);
        json_t *root = load(&test, &status, copy, bytes);
        /* What is too large for jansson is a real number or a text here. */
        bool large = !other && json_error_code(&error) == json_error_numeric_overflow;
        if (!large && (root || other) && !json_equal(root, other))
            fail_msg("try %u: %s: %.*s", i, test.line, (int)bytes, text);
        good += other != NULL;
        free(copy);
        json_decref(root);
        json_decref(other);
    }
    print_message("  %u texts, %u of them good\n", tries, good);
    assert_in_range(good, tries / 20, tries / 2);
}

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *text, *line;
    } cases[] = {
        { " ", "its 1 bytes end in the middle" },
        { "[\"abc", "its 5 bytes end in the middle" },
        { "[\"abc\\", "its 6 bytes end in the middle" },
        { "[tru", "its 4 bytes end in the middle" },
        { "{\"a\":", "its 5 bytes end in the middle" },
        { "7", "byte 0 of 1: '{' or '[' is expected" },
        { "[1,]", "byte 3 of 4: a value is expected" },
        { "{\"a\":1,}", "byte 7 of 8: a key is expected" },
        { "{\"a\" 1}", "byte 5 of 7: ':' is expected" },
        { "{\"a\":1 2}", "byte 7 of 9: ',' or '}' is expected" },
        { "[1 2]", "byte 3 of 5: ',' or ']' is expected" },
        { "{\"a\":1,\"a\":2}", "byte 7 of 13: a duplicate key" },
        { "[01]", "byte 2 of 4: a number that begins with 0" },
        { "[\"\\x\"]", "byte 2 of 6: an unknown escape" },
        { "[\"\\ud83d\"]", "byte 2 of 10: an escape that is no sign" },
        { "[\"\\ude00\"]", "byte 2 of 10: an escape that is no sign" },
        { "[\"a\nb\"]", "byte 3 of 7: a control character" },
        { "[\"a\xFF\"]", "byte 3 of 6: no UTF-8" },
        { "[] []", "byte 3 of 5: text behind its end" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dv_test_context test;
        dsvk_status            status;
        char                  *copy = exact_copy(cases[i].text, strlen(cases[i].text));
        dv_test_context_init(&test);
        assert_null(load(&test, &status, copy, strlen(cases[i].text)));
        assert_int_equal(status, DSVK_BAD_FILE);
        if (!strstr(test.line, cases[i].line))
            fail_msg("%s: %s", cases[i].text, test.line);
        free(copy);
    }
}

static void depth_is_bounded(void **state)
{
    char                   text[2 * DV_JSON_DEPTH + 2];
    struct dv_test_context test;
    dsvk_status            status;
    (void)state;
    for (size_t depth = DV_JSON_DEPTH; depth <= DV_JSON_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        dv_test_context_init(&test);
        json_decref(load(&test, &status, text, 2 * depth));
        assert_int_equal(status, depth == DV_JSON_DEPTH ? DSVK_OK : DSVK_BAD_FILE);
    }
    assert_non_null(strstr(test.line, "more than 64 deep"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_node_may_find_no_memory),
        cmocka_unit_test(each_word_may_find_no_memory),
        cmocka_unit_test(damaged_texts_are_read_as_by_jansson),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(depth_is_bounded),
    };
    json_set_alloc_funcs(node_alloc, node_free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
