/* SPDX-License-Identifier: MIT */
/* What the files of the chat formats share: a prompt that is being written. chat.c checks and
 * dispatches, one file a family writes.
 *
 * A prompt is bytes of three kinds. Marks are tokens. Words are the format's own: tokens that the
 * vocabulary adds are recognised in them. Texts are of others, and everything in them is plain
 * text, so none can become a mark. Words and texts between two marks are encoded in one go, because
 * tokens reach across their parts. */
#ifndef DV_CHAT_PROMPT_H
#define DV_CHAT_PROMPT_H

#include "chat/chat.h"
#include "chat/value.h"

#define DV_THINK "<think>"
#define DV_THINK_END "</think>"
#define DV_BOS "<｜begin▁of▁sentence｜>"
#define DV_EOS "<｜end▁of▁sentence｜>"
#define DV_USER "<｜User｜>"
#define DV_ASSISTANT "<｜Assistant｜>"

enum dv_span_kind { DV_SPAN_TEXT, DV_SPAN_WORDS, DV_SPAN_MARK, DV_SPAN_BOS };

struct dv_span {
    enum dv_span_kind kind;
    size_t            end; /* of its bytes */
};

struct dv_prompt {
    const struct dv_context   *ctx;
    const struct dv_tokenizer *tokenizer; /* NULL: only the bytes are wanted */
    const struct dv_chat      *chat;
    const char *template;  /* that counts; NULL: none */
    struct dv_arena arena; /* of values */
    struct dv_bytes bytes; /* with the status of the first failure */
    struct dv_span *spans;
    size_t          n_spans, span_capacity;
};

/* Words of the format, and a mark, without which the format cannot be written. */
void dv_prompt_put(struct dv_prompt *p, const char *words);
void dv_prompt_mark(struct dv_prompt *p, const char *mark);
/* DeepSeek's first mark, or what the tokenizer has in its place, which may be nothing. */
void dv_prompt_begin(struct dv_prompt *p);
/* Texts of others; NULL is none. */
void dv_prompt_text(struct dv_prompt *p, const char *text);
void dv_prompt_bytes(struct dv_prompt *p, const char *text, size_t bytes);
/* A value as Python's json.dumps() writes it. */
void dv_prompt_json(struct dv_prompt *p, const struct dv_value *value);
/* The values of a tools list, which are objects with "function"; of one schema; NULL after a
 * failure. `what` names it. */
struct dv_value *dv_prompt_read(struct dv_prompt *p, const char *text, const char *what);
/* The tools of a list; NULL where `text` is NULL or has none, and after a failure. */
const struct dv_value *dv_prompt_tools(struct dv_prompt *p, const char *text);
/* The failure of this prompt; the first one counts. */
void dv_prompt_fail(struct dv_prompt *p, dsvk_status status, const char *what);
/* The same of message i: "message 3 " and `what`. */
void dv_prompt_refuse(struct dv_prompt *p, size_t message, const char *what);

bool dv_chat_is(const struct dv_chat_message *message, const char *role);
/* Whether message i is there and has the role. */
bool dv_chat_at(const struct dv_chat *chat, size_t i, const char *role);
/* What follows the last end of thinking; the whole text where there is none. */
const char *dv_chat_after_thinking(const char *text);
/* The text between `{{` and `}}` is a literal that is always written, as '</think>' in V3.1's
 * template; others only compare with the same literal. */
bool dv_template_writes(const char *template, const char *literal);

/* The tools of a list: each an object, whose "function" it is where it has one. */
const struct dv_value *dv_tool_function(const struct dv_value *tool);

/* The token ids of what was written. */
dsvk_status dv_prompt_ids(const struct dv_prompt *p, struct dv_ids *ids);

/* The beginning of a call of `chat->call` (opened.c). */
void dv_chat_open_call(struct dv_prompt *p);

void dv_chat_write_v2(struct dv_prompt *p);
void dv_chat_write_deepseek(struct dv_prompt *p);
void dv_chat_write_v32(struct dv_prompt *p);
void dv_chat_write_v4(struct dv_prompt *p);
void dv_chat_write_glm(struct dv_prompt *p);
void dv_chat_write_kimi(struct dv_prompt *p);

#endif
