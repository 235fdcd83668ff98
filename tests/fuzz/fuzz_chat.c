/* SPDX-License-Identifier: MIT */
/* Any bytes as a conversation in JSON: a failure is explained once, and what is written ends with
 * its 0. The first byte says the format and what is asked besides. */
#include <stdlib.h>
#include <string.h>

#include "chat/chat.h"
#include "fuzz/fuzz.h"

static void count(void *user, dsvk_log_level level, const char *line)
{
    (void)line;
    *(unsigned *)user += level == DSVK_LOG_ERROR;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const unsigned    n_formats = DV_CHAT_FORMATS - DV_CHAT_V2;
    unsigned          lines = 0, first = bytes ? data[0] : 0;
    const dsvk_log    log  = { .write = count, .user = &lines };
    char             *text = NULL;
    size_t            n    = 0;
    struct dv_context ctx;
    struct dv_arena   arena;
    struct dv_chat    chat = { .format   = (enum dv_chat_format)(DV_CHAT_V2 + first % n_formats),
                               .think    = (enum dv_think)(first / n_formats % 3),
                               .call     = first / n_formats / 3 % 2 ? "f" : NULL,
                               .generate = true,
                               .named    = true };
    if (bytes == 0)
        return 0;
    dv_context_init(&ctx, &log, NULL);
    dv_arena_init(&arena, &ctx);
    dsvk_status status = dv_chat_read(&chat, &arena, (const char *)data + 1, bytes - 1);
    if (status == DSVK_OK)
        status = dv_chat_text(&ctx, NULL, &chat, &text, &n);
    if (lines != (status != DSVK_OK) || (text != NULL) != (status == DSVK_OK))
        abort();
    if (text && text[n] != 0)
        abort();
    dv_free(&ctx, text);
    dv_arena_done(&arena);
    return 0;
}
