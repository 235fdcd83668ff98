/* SPDX-License-Identifier: MIT */
/* Ids that the reference library gave; README.md says how the files were made. */
#include <stdio.h>
#include <string.h>

#include "support.h"

/* Chats that cannot be written with our messages, for safety or by kind: a user text with a role
 * mark in it stays text, and tool calls are not part of the format. */
static bool is_plain_chat(const json_t *messages)
{
    const json_t *message;
    size_t        i;
    json_array_foreach(messages, i, message)
    {
        const char *text = json_string_value(json_object_get(message, "content"));
        if (!text || strstr(text, "<｜"))
            return false;
    }
    return true;
}

static void check_chat(struct bench *bench, const struct dv_tokenizer *tokenizer,
                       const json_t *golden)
{
    struct dv_chat_message messages[8] = { 0 };
    const json_t          *list        = json_object_get(golden, "messages"), *entry;
    size_t                 i;
    struct dv_ids          ids = { 0 };
    assert_true(json_array_size(list) <= 8);
    json_array_foreach(list, i, entry)
    {
        messages[i].role = json_string_value(json_object_get(entry, "role"));
        messages[i].text = json_string_value(json_object_get(entry, "content"));
    }
    bool           generate = json_is_true(json_object_get(golden, "add_generation_prompt"));
    struct dv_chat chat     = { .format     = DV_CHAT_V3,
                                .messages   = messages,
                                .n_messages = json_array_size(list),
                                .generate   = generate };
    assert_int_equal(dv_chat_encode(tokenizer, &chat, &ids), DSVK_OK);
    assert_ids(&ids, json_object_get(golden, "ids"),
               json_integer_value(json_object_get(golden, "id")));
    ids_done(bench, &ids);
}

static void check_goldens(const char *folder, const char *file, int want_texts, int want_chats)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, folder);
    char                 line[1 << 16];
    int                  texts = 0, chats = 0;
    FILE                *in = fopen(file, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        json_t       *golden   = json_loads(line, JSON_ALLOW_NUL, NULL);
        const json_t *messages = json_object_get(golden, "messages");
        const json_t *text     = json_object_get(golden, messages ? "rendered" : "text");
        struct dv_ids ids =
            encode(&bench, tokenizer, json_string_value(text), json_string_length(text), true);
        assert_ids(&ids, json_object_get(golden, "ids"),
                   json_integer_value(json_object_get(golden, "id")));
        ids_done(&bench, &ids);
        texts++;
        if (messages && is_plain_chat(messages)) {
            check_chat(&bench, tokenizer, golden);
            chats++;
        }
        json_decref(golden);
    }
    fclose(in);
    assert_int_equal(texts, want_texts);
    assert_int_equal(chats, want_chats);
    dv_tokenizer_free(tokenizer);
    assert_int_equal(bench.live, 0);
    assert_int_equal(bench.lines, 0);
}

static void goldens_demo_equal_reference(void **state)
{
    (void)state;
    check_goldens(DEMO, DEMO "/goldens.jsonl", 351, 0);
}

static void goldens_deepseek_v3_equal_reference(void **state)
{
    (void)state;
    check_goldens(V3, V3 "/goldens.jsonl", 350, 22);
}

const struct CMUnitTest golden_tests[] = {
    cmocka_unit_test(goldens_demo_equal_reference),
    cmocka_unit_test(goldens_deepseek_v3_equal_reference),
};
TEST_LIST(golden_test);
