/* SPDX-License-Identifier: MIT */
/* Any bytes encode, and their tokens give the same bytes back. */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void encode(const struct dv_context *ctx, const struct dv_tokenizer *tokenizer,
                   const char *text, size_t bytes, bool special)
{
    struct dv_ids ids = { 0 };
    size_t        at  = 0, part_bytes;
    if (dv_tokenizer_encode(tokenizer, text, bytes, special, &ids) != DSVK_OK)
        abort();
    for (size_t i = 0; i < ids.n; i++, at += part_bytes) {
        const char *part = dv_tokenizer_bytes(tokenizer, ids.ids[i], &part_bytes);
        if (!part || part_bytes > bytes - at || memcmp(part, text + at, part_bytes) != 0)
            abort();
    }
    if (at != bytes)
        abort();
    dv_free(ctx, ids.ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct dv_context    ctx;
    static struct dv_tokenizer *tokenizer; /* kept for all inputs */
    if (!tokenizer)
        dv_context_init(&ctx, NULL, NULL);
    if (!tokenizer && dv_tokenizer_open(&tokenizer, &ctx, DSVK_TEST_DATA "/tokenizer/demo"))
        abort();
    encode(&ctx, tokenizer, (const char *)data, bytes, false);
    encode(&ctx, tokenizer, (const char *)data, bytes, true);
    return 0;
}
