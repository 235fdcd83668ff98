/* SPDX-License-Identifier: MIT */
/* tokenizer.json and, behind a 0 byte, tokenizer_config.json; what parses must encode. */
#include <string.h>

#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char                   text[] = "The <｜User｜>\xff 12345  \n";
    static const struct dv_chat_message chat   = { "user", text };
    struct dv_context                   ctx;
    struct dv_tokenizer                *tokenizer;
    uint32_t                           *ids = NULL;
    size_t                              n = 0, capacity = 0;
    const char                         *json = (const char *)data, *config = memchr(data, 0, bytes);
    size_t                              json_bytes = config ? (size_t)(config - json) : bytes;
    dv_context_init(&ctx, NULL, NULL);
    if (dv_tokenizer_parse(&tokenizer, &ctx, "fuzz", json, json_bytes, config ? config + 1 : NULL,
                           config ? bytes - json_bytes - 1 : 0) != DSVK_OK)
        return 0;
    dv_tokenizer_encode(tokenizer, text, sizeof text - 1, true, &ids, &n, &capacity);
    dv_chat_encode(tokenizer, dv_chat_detect(tokenizer, "deepseek_v2"), DV_THINK_AUTO, &chat, 1,
                   true, &ids, &n, &capacity);
    dv_free(&ctx, ids);
    dv_tokenizer_free(tokenizer);
    return 0;
}
