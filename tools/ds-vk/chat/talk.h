/* SPDX-License-Identifier: MIT */
/* A conversation, as the JSON that `ds-vk prompt` and dsvk_model_chat_json() read: an object with
 * "messages", and with what else a file had there. */
#ifndef CHAT_TALK_H
#define CHAT_TALK_H

#include <dsvk/model.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct talk {
    json_t *document;
    size_t  skipped; /* messages behind those of the system that the model does not see any more */
};

/* False: no memory. */
bool talk_init(struct talk *talk);
void talk_done(struct talk *talk);

/* ---- messages ---- */

/* A message at the end; `reasoning` is NULL or what came before an answer. False: no memory, or a
 * text that is not UTF-8. */
bool talk_add(struct talk *talk, const char *role, const char *text, const char *reasoning);
/* The text of the system message, NULL where there is none; that of the last question. */
const char *talk_system(const struct talk *talk);
const char *talk_question(const struct talk *talk);
/* NULL or "" takes it away. False as above. */
bool talk_set_system(struct talk *talk, const char *text);
/* Takes away what is behind the last question; with `question` that as well. False: there is
 * none. */
bool   talk_back(struct talk *talk, bool question);
size_t talk_count(const struct talk *talk); /* messages */
/* All messages but those of the system. */
void talk_clear(struct talk *talk);

/* ---- what the model sees ---- */

/* Turns that it does: a question and what follows it; a turn that begins without one counts. */
size_t talk_turns(const struct talk *talk);
/* From now on it does not see the oldest n of them. */
void talk_skip(struct talk *talk, size_t n);
/* The conversation as it does, but for its oldest n turns; NULL: no memory. */
char *talk_seen(const struct talk *talk, size_t n);

/* ---- files ---- */

/* All of it, with how to think; the caller frees it; NULL: no memory. */
char *talk_write(const struct talk *talk, dsvk_think think);
/* Takes a text that dsvk_model_chat_json() has taken. *think is what it says, or stays. False: it
 * is no conversation, and `why` says it; the old one stays. */
bool talk_read(struct talk *talk, const char *text, size_t n, dsvk_think *think,
               char why[JSON_ERROR_TEXT_LENGTH]);

#endif
