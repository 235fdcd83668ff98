/* SPDX-License-Identifier: MIT */
/* Every allocation fails once. */
#include <string.h>

#include "support.h"

static dsvk_status work(struct bench *bench, struct dv_ids *ids)
{
    static const char                   text[]     = "The latent\xff cache <｜User｜> 123\n";
    static const struct dv_chat_message messages[] = { { .role = "system", .text = "Be brief." },
                                                       { .role = "user", .text = "What is 1+1?" },
                                                       { .role = "assistant", .text = "2" } };
    static const struct dv_chat         chat       = {
                      .format = DV_CHAT_V3, .messages = messages, .n_messages = 3, .generate = true
    };
    struct dv_tokenizer *tokenizer;
    dsvk_status          status = dv_tokenizer_open(&tokenizer, &bench->ctx, DEMO);
    if (status != DSVK_OK) {
        assert_null(tokenizer);
        return status;
    }
    for (int i = 0; i < 20 && status == DSVK_OK; i++)
        status = dv_tokenizer_encode(tokenizer, text, sizeof text - 1, true, ids);
    if (status == DSVK_OK)
        status = dv_chat_encode(tokenizer, &chat, ids);
    dv_tokenizer_free(tokenizer);
    return status;
}

static void memory_that_fails_once_gives_a_status(void **state)
{
    struct bench  bench;
    struct dv_ids want = { 0 };
    (void)state;
    bench_init(&bench);
    assert_int_equal(work(&bench, &want), DSVK_OK);
    long allocations = bench.allocations;
    for (long n = 1; n <= allocations; n++) {
        struct dv_ids ids = { 0 };
        struct bench  failing;
        bench_init(&failing);
        failing.fail_at    = n;
        dsvk_status status = work(&failing, &ids);
        if (status == DSVK_OK) /* the just-in-time compiler can do without */
            assert_memory_equal(ids.ids, want.ids, want.n * sizeof *want.ids);
        else
            assert_int_equal(status, DSVK_NO_MEMORY);
        assert_int_equal(failing.lines, status != DSVK_OK);
        ids_done(&failing, &ids);
        assert_int_equal(failing.live, 0);
    }
    ids_done(&bench, &want);
}

const struct CMUnitTest memory_tests[] = {
    cmocka_unit_test(memory_that_fails_once_gives_a_status),
};
TEST_LIST(memory_test);
