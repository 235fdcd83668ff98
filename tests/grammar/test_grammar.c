/* SPDX-License-Identifier: MIT */
/* Schemas against texts, masks against texts, walks by masks, failures of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "grammar/match.h"
#include "grammar/schema.h"
#include "grammar/schemas.h"
#include "json/load.h"
#include "support/test_context.h"

/* Single bytes, and words that begin, end or hold the marks of JSON. */
static const char *const more_words[] = {
    "{\"",   "\":",      "\": ", "\",\"",   "\"}",      "}}",       "[]",       "{}",       "[1",
    "null",  "nul",      "true", "tr",      "ue",       "12",       "00",       "0.",       "e5",
    "\\u",   "\\n",      "ab",   "abc",     "red",      "\xc3\xa9", "\xe2\x82", "\x82\xac", ", ",
    ",\n  ", "\"a\":",   "next", "\"v\":1", "]}",       "}]",       "\":\"",    "}\n",      "\n\n",
    "  ",    "\xf0\x9f", "199",  "20",      "\"b\":\"", "-1",
};
#define N_MORE (sizeof more_words / sizeof *more_words)
#define END (256 + (uint32_t)N_MORE)

static char single[256];

static void make_words(struct dv_words *words, const struct dv_context *ctx)
{
    assert_int_equal(dv_words_init(words, ctx, END + 1), DSVK_OK);
    for (uint32_t i = 0; i < 256; i++) {
        single[i] = (char)i;
        dv_words_add(words, i, &single[i], 1);
    }
    for (uint32_t i = 0; i < N_MORE; i++)
        dv_words_add(words, 256 + i, more_words[i], strlen(more_words[i]));
    words->ends[words->n_ends++] = END;
    dv_words_sort(words);
}

static const char *word(uint32_t id, size_t *n)
{
    *n = id < 256 ? 1 : strlen(more_words[id - 256]);
    return id < 256 ? &single[id] : more_words[id - 256];
}

static struct dv_text text_of(const char *schema)
{
    return (struct dv_text){ "the text", schema, strlen(schema) };
}

static bool accepts(const struct dv_grammar *g, const struct dv_words *words, const char *text)
{
    struct dv_match m;
    assert_int_equal(dv_match_init(&m, g, words), DSVK_OK);
    bool good = dv_match_take(&m, text, strlen(text)) && m.ended;
    assert_int_equal(m.status, DSVK_OK);
    dv_match_done(&m);
    return good;
}

static void schemas_accept_what_they_say(void **state)
{
    struct dv_test_context test;
    struct dv_words        words;
    (void)state;
    dv_test_context_init(&test);
    make_words(&words, &test.ctx);
    for (size_t i = 0; i < n_schema_cases; i++) {
        struct dv_grammar         g;
        const struct schema_case *c    = &schema_cases[i];
        struct dv_text            text = text_of(c->schema);
        if (dv_schema_compile(&g, &test.ctx, &text) != DSVK_OK)
            fail_msg("%s: %s", c->schema, test.line);
        for (size_t t = 0; t < 16 && c->good[t]; t++)
            if (!accepts(&g, &words, c->good[t]))
                fail_msg("%s does not accept %s", c->schema, c->good[t]);
        for (size_t t = 0; t < 24 && c->bad[t]; t++)
            if (accepts(&g, &words, c->bad[t]))
                fail_msg("%s accepts %s", c->schema, c->bad[t]);
        dv_grammar_done(&g);
    }
    dv_words_done(&words);
    assert_int_equal(test.live, 0);
}

static void what_is_beyond_is_refused(void **state)
{
    struct dv_test_context test;
    (void)state;
    dv_test_context_init(&test);
    for (size_t i = 0; i < n_schemas_refused; i++) {
        struct dv_grammar            g;
        const struct schema_refused *r    = &schemas_refused[i];
        struct dv_text               text = text_of(r->schema);
        dsvk_status                  status;
        dv_test_context_reset(&test);
        status = dv_schema_compile(&g, &test.ctx, &text);
        if (status != (r->malformed ? DSVK_BAD_ARGUMENT : DSVK_UNSUPPORTED) || test.errors != 1 ||
            !strstr(test.line, r->word))
            fail_msg("%s: status %d, %u lines, %s", r->schema, (int)status, test.errors, test.line);
    }
    assert_int_equal(test.live, 0);
}

/* ---- masks ---- */

static bool has(const uint32_t *mask, uint32_t id)
{
    return mask[id / 32] >> id % 32 & 1;
}

/* Whether the word may come behind `text`, by a new match. */
static bool may_come(const struct dv_grammar *g, const struct dv_words *words, const char *text,
                     uint32_t id)
{
    size_t          n;
    struct dv_match m;
    const char     *bytes = word(id, &n);
    assert_int_equal(dv_match_init(&m, g, words), DSVK_OK);
    bool good = dv_match_take(&m, text, strlen(text)) && dv_match_take(&m, bytes, n);
    dv_match_done(&m);
    return good;
}

static void check_mask(const struct dv_grammar *g, struct dv_match *m, const char *text)
{
    const uint32_t *mask = dv_match_mask(m);
    assert_int_equal(m->status, DSVK_OK);
    for (uint32_t id = 0; id < END; id++)
        if (has(mask, id) != may_come(g, m->words, text, id))
            fail_msg("behind %s the mask is wrong about word %u", text, id);
    assert_int_equal(has(mask, END), m->ended);
}

static void masks_have_what_may_come(void **state)
{
    struct dv_test_context test;
    struct dv_words        words;
    (void)state;
    dv_test_context_init(&test);
    make_words(&words, &test.ctx);
    for (size_t i = 0; i < n_schema_cases; i += 3) {
        struct dv_grammar g;
        struct dv_match   m;
        struct dv_text    text = text_of(schema_cases[i].schema);
        char              so_far[128];
        assert_int_equal(dv_schema_compile(&g, &test.ctx, &text), DSVK_OK);
        assert_int_equal(dv_match_init(&m, &g, &words), DSVK_OK);
        const char *good = schema_cases[i].good[0];
        for (size_t n = 0; n <= strlen(good); n++) {
            snprintf(so_far, sizeof so_far, "%.*s", (int)n, good);
            check_mask(&g, &m, so_far);
            assert_true(n == strlen(good) || dv_match_take(&m, good + n, 1));
        }
        dv_match_restart(&m);
        check_mask(&g, &m, "");
        dv_match_done(&m);
        dv_grammar_done(&g);
    }
    dv_words_done(&words);
    assert_int_equal(test.live, 0);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* One of the words that may come; ends where it may. */
static uint32_t choose(const uint32_t *mask, uint32_t *seed, bool hurry)
{
    uint32_t n = 0, chosen = UINT32_MAX;
    if (has(mask, END) && (hurry || next_random(seed) % 4 == 0))
        return END;
    for (uint32_t id = 0; id < END; id++)
        if (has(mask, id) && (hurry ? id == '"' || id == '}' || id == ']' : true) &&
            next_random(seed) % ++n == 0)
            chosen = id;
    for (uint32_t id = 0; id <= END && chosen == UINT32_MAX; id++)
        if (has(mask, id))
            chosen = id;
    return chosen;
}

/* Answers the id that ended it, and the text as an element of a list. */
static uint32_t walk(struct dv_match *m, uint32_t seed, char *text, size_t *n)
{
    uint32_t id = 0;
    *n          = 1;
    memcpy(text, "[", 2);
    while (*n < 4000) {
        size_t bytes;
        id = choose(dv_match_mask(m), &seed, *n > 60);
        if (id == UINT32_MAX)
            fail_msg("nothing may come behind %s", text);
        if (id == END)
            break;
        const char *w = word(id, &bytes);
        assert_true(dv_match_take(m, w, bytes));
        memcpy(text + *n, w, bytes);
        text[ *n += bytes] = 0;
    }
    text[(*n)++] = ']';
    return id;
}

/* Walks by masks end in texts that are JSON, and never where nothing may come. */
static void walks_end_in_json(void **state)
{
    struct dv_test_context test;
    struct dv_words        words;
    unsigned               ended = 0;
    (void)state;
    dv_test_context_init(&test);
    make_words(&words, &test.ctx);
    for (uint32_t i = 0; i < 400; i++) {
        struct dv_grammar g;
        struct dv_match   m;
        char              text[4200];
        size_t            n;
        json_t           *root;
        struct dv_text    schema = text_of(schema_cases[i % n_schema_cases].schema);
        assert_int_equal(dv_schema_compile(&g, &test.ctx, &schema), DSVK_OK);
        assert_int_equal(dv_match_init(&m, &g, &words), DSVK_OK);
        if (walk(&m, i, text, &n) == END) {
            ended++;
            if (dv_json_load(&root, &test.ctx, "walk", "it", text, n) == DSVK_OK)
                json_decref(root);
            else if (!strstr(test.line, "twice") && !strstr(test.line, "duplicate"))
                fail_msg("%s: %s", test.line, text);
        }
        dv_match_done(&m);
        dv_grammar_done(&g);
    }
    dv_words_done(&words);
    print_message("  %u of 400 walks ended\n", ended);
    assert_in_range(ended, 300, 400);
    assert_int_equal(test.live, 0);
}

static void every_allocation_may_fail(void **state)
{
    struct dv_test_context test;
    struct dv_words        words;
    unsigned               nth;
    (void)state;
    for (nth = 1; nth < 2000; nth++) {
        struct dv_grammar g      = { 0 };
        struct dv_match   m      = { 0 };
        struct dv_text    schema = text_of(schema_cases[12].schema);
        dv_test_context_init(&test);
        make_words(&words, &test.ctx);
        dv_test_context_reset(&test);
        test.fail_at       = nth;
        dsvk_status status = dv_schema_compile(&g, &test.ctx, &schema);
        if (status == DSVK_OK)
            status = dv_match_init(&m, &g, &words);
        if (status == DSVK_OK) {
            const uint32_t *mask = dv_match_mask(&m);
            status               = m.status;
            assert_int_equal(has(mask, '{'), status == DSVK_OK);
            dv_match_done(&m);
        }
        dv_grammar_done(&g);
        dv_words_done(&words);
        assert_int_equal(test.live, 0);
        if (status == DSVK_OK)
            break;
        assert_int_equal(status, DSVK_NO_MEMORY);
        assert_int_equal(test.errors, 1);
    }
    print_message("  %u allocations failed in turn\n", nth - 1);
    assert_in_range(nth, 20, 1999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemas_accept_what_they_say), cmocka_unit_test(what_is_beyond_is_refused),
        cmocka_unit_test(masks_have_what_may_come),     cmocka_unit_test(walks_end_in_json),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
