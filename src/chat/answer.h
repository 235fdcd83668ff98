/* SPDX-License-Identifier: MIT */
/* The way back: the bytes of an answer become reasoning, text and calls. */
#ifndef DV_CHAT_ANSWER_H
#define DV_CHAT_ANSWER_H

#include "chat/chat.h"
#include "dsvk/answer.h"

struct dv_answer;

/* How the answer is opened. */
enum dv_opening { DV_OPEN_TEXT, DV_OPEN_REASONING, DV_OPEN_EITHER };
/* By the format and what it was asked for. */
enum dv_opening dv_answer_opening(enum dv_chat_format format, enum dv_think think);
/* By the last tokens of the prompt. */
enum dv_opening dv_answer_opening_of(const struct dv_tokenizer *tokenizer,
                                     enum dv_chat_format format, const uint32_t *ids, size_t n);

struct dv_answer_setup {
    enum dv_chat_format format;
    const char         *tools; /* a JSON list; NULL: none */
    enum dv_opening     opening;
    bool                no_calls;
    void (*take)(void *user, const dsvk_piece *piece);
    void *user;
};

/* BAD_ARGUMENT for tools that are no list. */
dsvk_status dv_answer_new(struct dv_answer **out, const struct dv_context *ctx,
                          const struct dv_answer_setup *setup);
void        dv_answer_free(struct dv_answer *answer);
dsvk_status dv_answer_feed(struct dv_answer *answer, const char *text, size_t bytes);
dsvk_status dv_answer_end(struct dv_answer *answer);
/* Whether a special token is one that the machine looks for. */
bool dv_answer_is_mark(const struct dv_answer *answer, const char *text, size_t bytes);

#endif
