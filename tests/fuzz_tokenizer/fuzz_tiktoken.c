/* SPDX-License-Identifier: MIT */
/* tiktoken.model and, behind a 0 byte, tokenizer_config.json; what parses must encode any text, and
 * its tokens give the same bytes back. */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(const struct dv_context *ctx, const struct dv_tokenizer *tokenizer,
                  const char *text, size_t bytes)
{
    struct dv_ids ids = { 0 };
    size_t        at  = 0, part_bytes;
    if (dv_tokenizer_encode(tokenizer, text, bytes, true, &ids) != DSVK_OK)
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
    static const char    text[] = "The <|im_user|> Don't 12345  \n\xe4\xb8\xad\xe3\x83\xbb!!";
    struct dv_context    ctx;
    struct dv_tokenizer *tokenizer;
    const char          *words = (const char *)data, *config = memchr(data, 0, bytes);
    size_t               n = config ? (size_t)(config - words) : bytes;
    dv_context_init(&ctx, NULL, NULL);
    if (dv_tokenizer_parse_tiktoken(&tokenizer, &ctx, &(struct dv_text){ "fuzz", words, n },
                                    &(struct dv_text){ "fuzz", config ? config + 1 : NULL,
                                                       config ? bytes - n - 1 : 0 }) != DSVK_OK)
        return 0;
    check(&ctx, tokenizer, text, sizeof text - 1);
    check(&ctx, tokenizer, words, n);
    dv_tokenizer_free(tokenizer);
    return 0;
}
