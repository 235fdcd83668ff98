/* SPDX-License-Identifier: MIT */
/* A model without a device: shape, tokens, chat format, graph. */
#include "demo.h"

#include <string.h>

static void describe_tells_the_demonstration_model(void **state)
{
    struct demo_log        log  = { 0 };
    struct demo            demo = demo_open(&log, false);
    const dsvk_model_info *info = dsvk_model_describe(demo.model);
    (void)state;

    assert_string_equal(info->architecture, "deepseek_v3");
    assert_int_equal(info->layers, 4);
    assert_int_equal(info->dense_layers, 1);
    assert_int_equal(info->hidden, 256);
    assert_int_equal(info->vocab, 1536);
    assert_int_equal(info->experts, 16);
    assert_int_equal(info->top_k, 4);
    assert_int_equal(info->max_context, 2048);
    assert_string_not_equal(info->chat_format, "none");
    assert_false(info->do_sample);
    assert_int_equal(info->tokenizer_size, 1536);
    demo_close(&demo);
    assert_int_equal(log.errors, 0);
}

static void tensors_add_up_and_are_sorted(void **state)
{
    struct demo_log        log  = { 0 };
    struct demo            demo = demo_open(&log, false);
    const dsvk_model_info *info = dsvk_model_describe(demo.model);
    dsvk_tensor_info       tensor;
    uint64_t               bytes = 0;
    const char            *last  = "";
    (void)state;

    for (uint32_t i = 0; i < info->tensors; i++) {
        assert_true(dsvk_model_tensor(demo.model, i, &tensor));
        assert_true(strcmp(last, tensor.name) < 0);
        last = tensor.name;
        bytes += tensor.bytes;
    }
    assert_false(dsvk_model_tensor(demo.model, info->tensors, &tensor));
    assert_int_equal(bytes, info->bytes);
    demo_close(&demo);
}

static void chat_gives_the_ids_of_training(void **state)
{
    static const uint32_t expected[] = { 0, 1524, 335, 275, 1119, 66, 1525 };
    struct demo_log       log        = { 0 };
    struct demo           demo       = demo_open(&log, false);
    uint32_t             *ids;
    size_t                n;
    (void)state;

    assert_int_equal(dsvk_model_chat(demo.model,
                                     &(dsvk_message){ .role = "user", .text = "What is MLA?" }, 1,
                                     NULL, &ids, &n),
                     DSVK_OK);
    assert_int_equal(n, 7);
    assert_memory_equal(ids, expected, sizeof expected);
    dsvk_model_free_memory(demo.model, ids);
    demo_close(&demo);
}

static void tokenize_and_token_are_inverse(void **state)
{
    static const char text[] =
        "Na\xc3\xafve \xf0\x9f\x98\x80\n\t 123\xff<\xef\xbd\x9cUser\xef\xbd\x9c>";
    struct demo_log log  = { 0 };
    struct demo     demo = demo_open(&log, false);
    uint32_t       *ids;
    size_t          n, at = 0;
    (void)state;

    assert_int_equal(dsvk_model_tokenize(demo.model, text, sizeof text - 1, false, false, &ids, &n),
                     DSVK_OK);
    for (size_t i = 0; i < n; i++) {
        size_t      bytes;
        const char *token = dsvk_model_token(demo.model, ids[i], &bytes);
        assert_non_null(token);
        assert_true(at + bytes <= sizeof text - 1);
        assert_memory_equal(text + at, token, bytes);
        at += bytes;
    }
    assert_int_equal(at, sizeof text - 1);
    assert_false(dsvk_model_token_is_end(demo.model, 0));
    assert_true(dsvk_model_token_is_end(demo.model, 1));
    assert_true(dsvk_model_token_is_special(demo.model, 1));
    dsvk_model_free_memory(demo.model, ids);
    demo_close(&demo);
}

static void add_bytes(void *user, const char *text, size_t bytes)
{
    (void)text;
    *(size_t *)user += bytes;
}

static void graph_prints_in_every_stage_and_format(void **state)
{
    struct demo_log log  = { 0 };
    struct demo     demo = demo_open(&log, false);
    (void)state;

    for (int stage = DSVK_STAGE_BUILT; stage <= DSVK_STAGE_PLANNED; stage++)
        for (int format = DSVK_FORMAT_TEXT; format <= DSVK_FORMAT_JSON; format++) {
            size_t            bytes  = 0;
            dsvk_graph_params params = { .stage  = (dsvk_graph_stage)stage,
                                         .format = (dsvk_graph_format)format,
                                         .tokens = 3,
                                         .write  = add_bytes,
                                         .user   = &bytes };
            assert_int_equal(dsvk_model_graph(demo.model, &params), DSVK_OK);
            assert_true(bytes > 100);
        }
    demo_close(&demo);
    assert_int_equal(log.errors, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describe_tells_the_demonstration_model),
        cmocka_unit_test(tensors_add_up_and_are_sorted),
        cmocka_unit_test(chat_gives_the_ids_of_training),
        cmocka_unit_test(tokenize_and_token_are_inverse),
        cmocka_unit_test(graph_prints_in_every_stage_and_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
