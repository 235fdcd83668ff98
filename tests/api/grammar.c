/* SPDX-License-Identifier: MIT */
/* Grammars in the public API: an answer of the demonstration model that a schema makes, several at
 * once, and what is refused. */
#include "demo_group.h"

#include <pthread.h>
#include <string.h>

static const char schema[] = "{\"properties\":{\"name\":{\"type\":\"string\",\"maxLength\":8},"
                             "\"legs\":{\"type\":\"integer\",\"minimum\":2,\"maximum\":4}},"
                             "\"required\":[\"name\",\"legs\"]}";

struct answer {
    dsvk_grammar *grammar;
    char          text[512];
    size_t        n;
};

static bool take(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct answer *a = user;
    if (token != DSVK_TEXT_END && dsvk_grammar_take(a->grammar, token) != DSVK_OK)
        return false;
    if (a->n + bytes >= sizeof a->text)
        return false;
    memcpy(a->text + a->n, text, bytes);
    a->text[a->n += bytes] = 0;
    return true;
}

/* From some prompt, greedy or drawn. */
static void answer(struct answer *a, float temperature)
{
    dsvk_session        *session;
    dsvk_end             end;
    uint32_t             prompt[] = { 5, 6, 7 };
    dsvk_generate_params params   = { .take = take, .user = a, .limit = 200 };
    assert_int_equal(dsvk_grammar_new(&a->grammar, demo.model, schema, sizeof schema - 1), DSVK_OK);
    params.sampling = (dsvk_sampling){
        .temperature = temperature, .seed = 7, .mask = dsvk_grammar_mask, .mask_user = a->grammar
    };
    assert_int_equal(dsvk_session_new(&session, demo.model, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_sync(session, prompt, 3, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_generate(session, &params, &end), DSVK_OK);
    assert_int_equal(end, DSVK_END_TOKEN);
    assert_true(dsvk_grammar_is_whole(a->grammar));
    dsvk_session_free(session);
    dsvk_grammar_free(a->grammar);
}

static void an_answer_is_what_the_schema_says(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct answer a = { 0 };
        answer(&a, i ? 1.5f : 0);
        print_message("  %s\n", a.text);
        char       *legs = strstr(a.text, "\"legs\":");
        const char *name = strstr(a.text, "\"name\":");
        assert_true(a.text[0] == '{' && a.text[a.n - 1] == '}' && name && legs && name < legs);
        legs += 7 + strspn(legs + 7, " \n");
        assert_in_range(*legs, '2', '4');
    }
}

static void *in_thread(void *user)
{
    answer(user, 0);
    return NULL;
}

static void answers_in_threads_are_as_alone(void **state)
{
    struct answer a[3] = { 0 };
    pthread_t     threads[2];
    (void)state;
    answer(&a[2], 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, in_thread, &a[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_string_equal(a[i].text, a[2].text);
    }
}

static void what_may_not_come_is_refused(void **state)
{
    dsvk_grammar *g;
    uint32_t     *ids;
    size_t        n;
    (void)state;
    assert_int_equal(dsvk_grammar_new(&g, demo.model, "{\"pattern\":\"a\"}", 15), DSVK_UNSUPPORTED);
    assert_null(g);
    assert_int_equal(dsvk_grammar_new(&g, demo.model, "{", 1), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_grammar_new(&g, demo.model, NULL, 0), DSVK_OK);
    assert_int_equal(dsvk_model_tokenize(demo.model, "x{", 2, false, false, &ids, &n), DSVK_OK);
    assert_int_equal(dsvk_grammar_take(g, ids[0]), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_grammar_take(g, UINT32_MAX), DSVK_BAD_ARGUMENT);
    assert_false(dsvk_grammar_is_whole(g));
    assert_int_equal(dsvk_grammar_take(g, ids[n - 1]), DSVK_OK);
    dsvk_model_free_memory(demo.model, ids);
    dsvk_grammar_restart(g);
    assert_int_equal(dsvk_model_tokenize(demo.model, "{}", 2, false, false, &ids, &n), DSVK_OK);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(dsvk_grammar_take(g, ids[i]), DSVK_OK);
    assert_true(dsvk_grammar_is_whole(g));
    dsvk_model_free_memory(demo.model, ids);
    dsvk_grammar_free(g);
    dsvk_grammar_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_what_the_schema_says),
        cmocka_unit_test(answers_in_threads_are_as_alone),
        cmocka_unit_test(what_may_not_come_is_refused),
    };
    return cmocka_run_group_tests(tests, open_demo, close_demo);
}
