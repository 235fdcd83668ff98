/* SPDX-License-Identifier: MIT */
/* tokenizer.json and, behind a 0 byte, tokenizer_config.json; what parses must encode. */
#include <string.h>

#include "chat/chat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char                   text[]  = "The <｜User｜>\xff 12345  \n";
    static const struct dv_chat_message message = { .role = "user", .text = text };
    struct dv_chat       chat = { .messages = &message, .n_messages = 1, .generate = true };
    struct dv_context    ctx;
    struct dv_tokenizer *tokenizer;
    struct dv_ids        ids  = { 0 };
    const char          *json = (const char *)data, *config = memchr(data, 0, bytes);
    size_t               json_bytes = config ? (size_t)(config - json) : bytes;
    dv_context_init(&ctx, NULL, NULL);
    if (dv_tokenizer_parse(&tokenizer, &ctx, &(struct dv_text){ "fuzz", json, json_bytes },
                           &(struct dv_text){ "fuzz", config ? config + 1 : NULL,
                                              config ? bytes - json_bytes - 1 : 0 }) != DSVK_OK)
        return 0;
    dv_tokenizer_encode(tokenizer, text, sizeof text - 1, true, &ids);
    chat.format = dv_chat_detect(tokenizer, "deepseek_v2");
    dv_chat_encode(tokenizer, &chat, &ids);
    dv_free(&ctx, ids.ids);
    dv_tokenizer_free(tokenizer);
    return 0;
}
