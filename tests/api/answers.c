/* SPDX-License-Identifier: MIT */
/* Answers taken apart through the public interface: tokens, the opening, and what is refused. */
#include "demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct told {
    char            text[512];
    dsvk_piece_kind kind;
};

static void take(void *user, const dsvk_piece *piece)
{
    struct told *told = user;
    size_t       n    = strlen(told->text);
    if (n == 0 || piece->kind != told->kind)
        n += (size_t)snprintf(told->text + n, sizeof told->text - n, "|%c", "RTCAEN"[piece->kind]);
    told->kind = piece->kind;
    if (piece->kind == DSVK_PIECE_CALL)
        snprintf(told->text + n, sizeof told->text - n, "%s", piece->name);
    else if (piece->kind != DSVK_PIECE_NOTE)
        snprintf(told->text + n, sizeof told->text - n, "%.*s", (int)piece->bytes,
                 piece->text ? piece->text : "");
}

/* The ids of `text`, with marks, taken apart behind the ids of `prompt`. */
static void check(const dsvk_model *model, const dsvk_chat_params *chat, const char *prompt,
                  const char *text, const char *want)
{
    dsvk_answer       *answer;
    struct told        told = { 0 };
    uint32_t          *before, *ids;
    size_t             n_before, n;
    dsvk_answer_params params = { .chat = chat, .take = take, .user = &told };
    assert_int_equal(dsvk_model_tokenize(model, prompt ? prompt : "", prompt ? strlen(prompt) : 0,
                                         true, true, &before, &n_before),
                     DSVK_OK);
    assert_int_equal(dsvk_model_tokenize(model, text, strlen(text), true, false, &ids, &n),
                     DSVK_OK);
    params.prompt   = prompt ? before : NULL;
    params.n_prompt = n_before;
    assert_int_equal(dsvk_answer_new(&answer, model, &params), DSVK_OK);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(dsvk_answer_token(answer, ids[i]), DSVK_OK);
    assert_int_equal(dsvk_answer_token(answer, DSVK_TEXT_END), DSVK_OK);
    assert_int_equal(dsvk_answer_end(answer), DSVK_OK);
    assert_int_equal(dsvk_answer_end(answer), DSVK_OK);
    assert_string_equal(told.text, want);
    dsvk_answer_free(answer);
    dsvk_model_free_memory(model, before);
    dsvk_model_free_memory(model, ids);
}

static dsvk_model *open_words(void)
{
    dsvk_model *model;
    assert_int_equal(dsvk_model_open(&model, &(dsvk_model_params){ .folder         = DSVK_DEMO,
                                                                   .tokenizer_only = true }),
                     DSVK_OK);
    return model;
}

#define CALL                                                                                       \
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": \"ü\"}"    \
    "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"

static void tokens_are_taken_apart(void **state)
{
    dsvk_model            *model = open_words();
    const dsvk_chat_params on    = { .think = DSVK_THINK_ON, .format = "v31" };
    const dsvk_chat_params off   = { .format = "v31" };
    (void)state;
    check(model, NULL, NULL, "Grüße 😀<｜end▁of▁sentence｜>", "|TGrüße 😀");
    check(model, NULL, NULL, "<think>so</think>yes<｜User｜>", "|Rso|Tyes");
    check(model, NULL, "x<think>", "so</think>yes", "|Rso|Tyes");
    check(model, NULL, "x<think>\n", "so</think>yes", "|Rso|Tyes");
    check(model, NULL, "x</think>", "<think>", "|T<think>");
    check(model, NULL, NULL, "a<｜▁pad▁｜>b", "|Tab");
    check(model, &on, NULL, "so</think>yes" CALL, "|Rso|Tyes|Cf|A{\"a\": \"ü\"}|E");
    check(model, &off, NULL, CALL "<｜end▁of▁sentence｜>", "|Cf|A{\"a\": \"ü\"}|E");
    check(model, &off, "x<think>", "so", "|Rso");
    dsvk_model_close(model);
}

static void what_cannot_be_is_refused(void **state)
{
    dsvk_answer           *answer;
    dsvk_model            *model = open_words();
    struct told            told  = { 0 };
    const dsvk_chat_params odd = { .format = "v9" }, list = { .tools = "{}" };
    dsvk_answer_params     params = { .user = &told };
    (void)state;
    assert_int_equal(dsvk_answer_new(&answer, model, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_answer_new(&answer, model, &params), DSVK_BAD_ARGUMENT);
    assert_null(answer);
    params.take = take;
    params.chat = &odd;
    assert_int_equal(dsvk_answer_new(&answer, model, &params), DSVK_BAD_ARGUMENT);
    params.chat = &list;
    assert_int_equal(dsvk_answer_new(&answer, model, &params), DSVK_BAD_ARGUMENT);
    params.chat     = NULL;
    params.no_calls = true;
    assert_int_equal(dsvk_answer_new(&answer, model, &params), DSVK_OK);
    dsvk_model_close(model); /* the answer keeps it */
    assert_int_equal(dsvk_answer_feed(answer, CALL, strlen(CALL)), DSVK_OK);
    assert_int_equal(dsvk_answer_end(answer), DSVK_OK);
    assert_string_equal(told.text, "|T" CALL);
    assert_int_equal(dsvk_answer_feed(answer, "x", 1), DSVK_BAD_ARGUMENT);
    dsvk_answer_free(answer);
    dsvk_answer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_taken_apart),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
