/* SPDX-License-Identifier: MIT */
/* Every question of questions.jsonl, asked in one process; the reference answers 152 of the 153 as
 * trained, so 150 leaves room for formats and orders of summation. */
#include "demo.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define LEAST 150
#define MAX_ANSWER 2000
#define MAX_TOKENS 400

static void answer(const struct demo *demo, dsvk_session *session, const char *question, char *text)
{
    uint32_t *prompt, tokens[MAX_TOKENS];
    size_t    n, length = 0, bytes;

    assert_int_equal(dsvk_model_chat(demo->model,
                                     &(dsvk_message){ .role = "user", .text = question }, 1, NULL,
                                     &prompt, &n),
                     DSVK_OK);
    assert_true(n < MAX_TOKENS);
    memcpy(tokens, prompt, n * sizeof *tokens);
    dsvk_model_free_memory(demo->model, prompt);
    for (; n < MAX_TOKENS; n++) {
        assert_int_equal(dsvk_session_sync(session, tokens, n, NULL), DSVK_OK);
        assert_int_equal(dsvk_session_argmax(session, &tokens[n]), DSVK_OK);
        if (dsvk_model_token_is_end(demo->model, tokens[n]))
            break;
        const char *token = dsvk_model_token(demo->model, tokens[n], &bytes);
        if (length + bytes < MAX_ANSWER)
            memcpy(text + length, token, bytes), length += bytes;
    }
    text[length] = 0;
}

static void questions_are_answered_as_trained(void **state)
{
    struct demo_log log  = { 0 };
    struct demo     demo = demo_open(&log, true);
    dsvk_session   *session;
    char            line[4096], text[MAX_ANSWER];
    unsigned        exact = 0, all = 0;
    FILE           *file = fopen(DSVK_QUESTIONS, "r");
    (void)state;

    assert_non_null(file);
    assert_int_equal(
        dsvk_session_new(&session, demo.model, &(dsvk_session_params){ .context = MAX_TOKENS }),
        DSVK_OK);
    while (fgets(line, sizeof line, file)) {
        json_t     *entry    = json_loads(line, 0, NULL);
        const char *question = json_string_value(json_object_get(entry, "q"));
        const char *expected = json_string_value(json_object_get(entry, "a"));
        assert_non_null(expected);
        answer(&demo, session, question, text);
        all++;
        exact += strcmp(text, expected) == 0;
        if (strcmp(text, expected) != 0)
            fprintf(stderr, "  %s\n    expected: %s\n    answered: %s\n", question, expected, text);
        json_decref(entry);
    }
    fprintf(stderr, "  %u of %u answers are exact\n", exact, all);
    assert_int_equal(all, 153);
    assert_true(exact >= LEAST);
    fclose(file);
    dsvk_session_free(session);
    demo_close(&demo);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(questions_are_answered_as_trained) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
