/* SPDX-License-Identifier: MIT */
/* What the files of the chat formats share: chat.c checks and dispatches, one file a family writes.
 *
 * Role marks are pushed as ids and everything else is encoded as plain text, so no text of a
 * message can become a role mark. Text between two marks is encoded in one go, because tokens
 * reach across its parts. */
#ifndef DV_TEXT_CHAT_H
#define DV_TEXT_CHAT_H

#include "text/tokenizer_parts.h"

#define DV_THINK "<think>"
#define DV_THINK_END "</think>"

struct dv_chat_writer {
    const struct dv_tokenizer *tokenizer;
    const struct dv_chat      *chat;
    char                      *text; /* since the last mark */
    size_t                     bytes, text_capacity;
    struct dv_ids             *ids;
};

dsvk_status dv_chat_put(struct dv_chat_writer *w, const char *text);
dsvk_status dv_chat_put_bytes(struct dv_chat_writer *w, const char *text, size_t bytes);
/* UNSUPPORTED when the tokenizer lacks the mark. */
dsvk_status dv_chat_mark(struct dv_chat_writer *w, const char *mark);

bool dv_chat_is(const struct dv_chat_message *message, const char *role);
/* What follows the last end of thinking; the whole text where there is none. */
const char *dv_chat_after_thinking(const char *text);
/* The text between `{{` and `}}` is a literal that is always written, as '</think>' in V3.1's
 * template; others only compare with the same literal. */
bool dv_template_writes(const char *template, const char *literal);

dsvk_status dv_chat_write_v2(struct dv_chat_writer *w);
dsvk_status dv_chat_write_deepseek(struct dv_chat_writer *w);
dsvk_status dv_chat_write_glm(struct dv_chat_writer *w);
dsvk_status dv_chat_write_kimi(struct dv_chat_writer *w);

#endif
