/* SPDX-License-Identifier: MIT */
/* Log-probabilities of the tokens of a choice's text; those of reasoning and calls are not told. A
 * token's come before the token, and go with the text that it makes certain. */
#ifndef SERVE_LOGPROBS_H
#define SERVE_LOGPROBS_H

#include "answer.h"

/* "logprobs" and "top_logprobs" of a chat; "logprobs" of a text, a number. */
bool ask_logprobs(struct ask *ask, struct refusal *why);
bool ask_text_logprobs(struct ask *ask, struct refusal *why);

bool logprobs_init(struct choice *choice, struct refusal *why);
void logprobs_done(struct choice *choice);
/* Around a token's pieces: it may become text; it was none. */
void logprobs_begin(struct choice *choice, uint32_t token);
void logprobs_drop(struct choice *choice);
/* A piece of text is told. */
void logprobs_tell(struct choice *choice);
/* What goes with the text that was told since it was asked last: {"content": [...]} of chats or
 * four lists of texts; NULL: not wanted. */
json_t *logprobs_of_chat(struct choice *choice);
json_t *logprobs_of_text(struct choice *choice);

#endif
