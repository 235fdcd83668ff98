/* SPDX-License-Identifier: MIT */
/* Conversations through the public interface: parameters, formats by name, end tokens. */
#include "demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const dsvk_message question = { .role = "user", .text = "What is MLA?" };

static dsvk_model *open_words(struct demo_log *log, const char *folder)
{
    dsvk_model       *model;
    dsvk_model_params params = { .folder = folder, .tokenizer_only = true };
    if (log)
        params.log = demo_log_sink(log);
    assert_int_equal(dsvk_model_open(&model, &params), DSVK_OK);
    return model;
}

static void check(const dsvk_model *model, const dsvk_message *messages, size_t n_messages,
                  const dsvk_chat_params *params, const uint32_t *want, size_t n_want)
{
    uint32_t *ids;
    size_t    n;
    assert_int_equal(dsvk_model_chat(model, messages, n_messages, params, &ids, &n), DSVK_OK);
    assert_int_equal(n, n_want);
    assert_memory_equal(ids, want, n * sizeof *ids);
    dsvk_model_free_memory(model, ids);
}

static uint32_t id_of(const dsvk_model *model, const char *token)
{
    uint32_t *ids, id;
    size_t    n;
    assert_int_equal(dsvk_model_tokenize(model, token, strlen(token), true, false, &ids, &n),
                     DSVK_OK);
    assert_int_equal(n, 1);
    id = ids[0];
    dsvk_model_free_memory(model, ids);
    return id;
}

static void chat_parameters_change_the_opening_alone(void **state)
{
    uint32_t        ids[] = { 0, 1524, 335, 275, 1119, 66, 1525, 0 };
    struct demo_log log   = { 0 };
    dsvk_model     *model = open_words(&log, DSVK_DEMO);
    (void)state;
    assert_string_equal(dsvk_model_describe(model)->chat_format, "v3");
    check(model, &question, 1, NULL, ids, 7);
    check(model, &question, 1, &(dsvk_chat_params){ 0 }, ids, 7);
    check(model, &question, 1, &(dsvk_chat_params){ .think = DSVK_THINK_OFF }, ids, 7);
    check(model, &question, 1, &(dsvk_chat_params){ .no_open = true }, ids, 6);
    check(model, &question, 1, &(dsvk_chat_params){ .format = "v3" }, ids, 7);
    ids[7] = id_of(model, "<think>");
    check(model, &question, 1, &(dsvk_chat_params){ .think = DSVK_THINK_ON }, ids, 8);
    check(model, &question, 1, &(dsvk_chat_params){ DSVK_THINK_ON, .format = "v31" }, ids, 8);
    ids[7] = id_of(model, "</think>");
    check(model, &question, 1, &(dsvk_chat_params){ .format = "v31" }, ids, 8);
    dsvk_model_close(model);
    assert_int_equal(log.errors, 0);
}

static void refuse(const dsvk_model *model, const dsvk_chat_params *params, dsvk_status status)
{
    uint32_t *ids = (uint32_t *)&ids;
    size_t    n   = 1;
    assert_int_equal(dsvk_model_chat(model, &question, 1, params, &ids, &n), status);
    assert_null(ids);
    assert_int_equal(n, 0);
}

static void chat_refuses_what_it_does_not_know(void **state)
{
    dsvk_model *model = open_words(NULL, DSVK_DEMO);
    (void)state;
    refuse(model, &(dsvk_chat_params){ .format = "chatml" }, DSVK_BAD_ARGUMENT);
    refuse(model, &(dsvk_chat_params){ .format = "none" }, DSVK_BAD_ARGUMENT);
    refuse(model, &(dsvk_chat_params){ .format = "" }, DSVK_BAD_ARGUMENT);
    refuse(model, &(dsvk_chat_params){ .format = "glm" }, DSVK_UNSUPPORTED); /* no such marks */
    refuse(model, &(dsvk_chat_params){ DSVK_THINK_ON, .format = "v2" }, DSVK_UNSUPPORTED);
    refuse(model, &(dsvk_chat_params){ .think = (dsvk_think)7 }, DSVK_BAD_ARGUMENT);
    dsvk_model_close(model);
}

/* A folder with tiktoken.model and no template: a base model, which a named format can wrap. */
static void chat_of_a_model_without_a_template_is_by_name(void **state)
{
    dsvk_model              *model      = open_words(NULL, DSVK_KIMI);
    const char              *talk       = "<|im_user|>user<|im_middle|>What is MLA?<|im_end|>"
                                          "<|im_assistant|>assistant<|im_middle|>";
    static const char *const named[][2] = {
        { "kimi", "You are Kimi, an AI assistant created by Moonshot AI." },
        { "moonlight", "You are a helpful assistant" },
    };
    (void)state;
    assert_string_equal(dsvk_model_describe(model)->chat_format, "none");
    refuse(model, NULL, DSVK_UNSUPPORTED);
    for (size_t i = 0; i < 2; i++) {
        uint32_t *ids;
        size_t    n;
        char      text[400];
        snprintf(text, sizeof text, "<|im_system|>system<|im_middle|>%s<|im_end|>%s", named[i][1],
                 talk);
        assert_int_equal(dsvk_model_tokenize(model, text, strlen(text), true, false, &ids, &n),
                         DSVK_OK);
        check(model, &question, 1, &(dsvk_chat_params){ .format = named[i][0] }, ids, n);
        dsvk_model_free_memory(model, ids);
    }
    dsvk_model_close(model);
}

static void chat_ends_where_a_turn_ends(void **state)
{
    static const char *const ends[]   = { "<|im_end|>", "[EOS]" };
    static const char *const others[] = { "<|im_user|>", "<|im_middle|>", "<think>", "a" };
    dsvk_model              *model    = open_words(NULL, DSVK_KIMI);
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        assert_true(dsvk_model_token_is_end(model, id_of(model, ends[i])));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(dsvk_model_token_is_end(model, id_of(model, others[i])));
    dsvk_model_close(model);
    model = open_words(NULL, DSVK_DEMO);
    assert_true(dsvk_model_token_is_end(model, id_of(model, "<\xEF\xBD\x9CUser\xEF\xBD\x9C>")));
    dsvk_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chat_parameters_change_the_opening_alone),
        cmocka_unit_test(chat_refuses_what_it_does_not_know),
        cmocka_unit_test(chat_of_a_model_without_a_template_is_by_name),
        cmocka_unit_test(chat_ends_where_a_turn_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
